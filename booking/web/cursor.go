package web

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/fnv"

	"github.com/google/uuid"

	"hotelbooking/booking"
)

// A cursor is the last id of a page and a digest of the filters, so that it fits no other search. It needs no signature:
// whoever makes one up sees nothing that they could not have asked for.

var errCursor = errors.New("not a cursor of this search")

func encodeCursor(last booking.ID, filters string) (string, error) {
	id, err := uuid.Parse(string(last))
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(id[:], digest(filters))), nil
}

func decodeCursor(text, filters string) (booking.ID, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != 20 || binary.BigEndian.Uint32(raw[16:]) != digest(filters) {
		return "", errCursor
	}
	return booking.ID(uuid.UUID(raw[:16]).String()), nil
}

func digest(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return h.Sum32()
}
