package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"hotelbooking/booking"
)

// noticeRow is a vendor's notification.
type noticeRow struct {
	Vendor    string
	EventID   string
	Reference string
	Verb      string
	Kind      string
	At        *int64
}

const insertNotice = `
INSERT INTO notices (vendor, event_id, reference, verb, kind, at, received_at, due_at, tries)
VALUES (?, ?, ?, ?, ?, ?, {now}, {now}, 0)
ON CONFLICT (vendor, event_id) DO NOTHING`

// ReceiveNotice stores a notification, to be applied; fresh tells whether it was not stored before.
func (s *Store) ReceiveNotice(ctx context.Context, n booking.Notice) (fresh bool, err error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var at *int64
	if !n.At.IsZero() {
		micros := n.At.UnixMicro()
		at = &micros
	}
	done := s.write.WithContext(ctx).Exec(strings.ReplaceAll(insertNotice, "{now}", s.sql.now()),
		n.Vendor, eventID(n.EventID), clean(n.Reference, textLimit), string(n.Verb), clean(n.Kind, textLimit), at)
	if done.Error != nil {
		return false, fmt.Errorf("store a notice of %s: %w", n.Vendor, done.Error)
	}
	return done.RowsAffected == 1, nil
}

// eventID is a vendor's name of an event as it is stored: a digest of one that no row, or no index, could hold. The digest of a
// digest is itself, so a notice that was read can be settled.
func eventID(id string) string {
	if storable(id) && len(id) <= textLimit {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Notices lists what is to be applied, the longest due first. Several processes may be given the same one.
func (s *Store) Notices(ctx context.Context, limit int) ([]booking.Notice, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []noticeRow
	err := s.read.WithContext(ctx).Table("notices").Select("vendor, event_id, reference, verb, kind, at").
		Where("due_at <= " + s.sql.now()).Order("due_at, vendor, event_id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	notices := make([]booking.Notice, len(rows))
	for i, row := range rows {
		notices[i] = booking.Notice{
			Vendor: row.Vendor, EventID: row.EventID, Reference: row.Reference, Verb: booking.Verb(row.Verb), Kind: row.Kind,
		}
		if row.At != nil {
			notices[i].At = moment(*row.At)
		}
	}
	return notices, nil
}

// SettleNotice notes that n was applied, or will never be; or, with a retryIn, that it is to be tried again then.
func (s *Store) SettleNotice(ctx context.Context, n booking.Notice, retryIn time.Duration) error {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	set, args := "due_at = NULL, applied_at = {now}", []any{}
	if retryIn > 0 {
		set, args = "due_at = {now} + ?", []any{retryIn.Microseconds()}
	}
	statement := "UPDATE notices SET tries = tries + 1, " + set + " WHERE vendor = ? AND event_id = ?"
	done := s.write.WithContext(ctx).Exec(strings.ReplaceAll(statement, "{now}", s.sql.now()), append(args, n.Vendor, eventID(n.EventID))...)
	if done.Error != nil {
		return fmt.Errorf("settle notice %s of %s: %w", n.EventID, n.Vendor, done.Error)
	}
	if done.RowsAffected == 0 {
		return fmt.Errorf("settle notice %s of %s: %w", n.EventID, n.Vendor, booking.ErrNotFound)
	}
	return nil
}
