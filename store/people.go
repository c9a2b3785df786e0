package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"golang.org/x/text/unicode/norm"
	"gorm.io/gorm"

	"hotelbooking/booking"
)

// dataKeyBytes makes AES-256.
const dataKeyBytes = 32

// peopleRow is the personal data of one booking: sealed under a data key of its own, which is itself wrapped by the key
// KeyID of the configuration. Without DataKey it is erased.
type peopleRow struct {
	ID         string `gorm:"-"` // read beside a booking's row, whose id it is
	EmailIndex []byte
	KeyID      string
	DataKey    []byte
	Sealed     []byte
}

// personal is what is sealed. It is stored, so a new field must work when absent.
type personal struct {
	Contact booking.Contact `json:"contact"`
	Rooms   []booking.Room  `json:"rooms"`
}

// People reads a booking's personal data; all empty once it was erased. booking.ErrNotFound when there is no booking.
func (s *Store) People(ctx context.Context, id booking.ID) (booking.Contact, []booking.Room, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []peopleRow
	err := s.read.WithContext(ctx).Table("people").Select("key_id, data_key, sealed").Where("id = ?", s.sql.id(string(id))).Limit(1).Find(&rows).Error
	if err != nil {
		return booking.Contact{}, nil, fmt.Errorf("read the people of booking %s: %w", id, err)
	}
	if len(rows) == 0 {
		return booking.Contact{}, nil, booking.ErrNotFound
	}
	rows[0].ID = string(id)
	p, err := s.cfg.Keys.open(rows[0])
	if err != nil {
		return booking.Contact{}, nil, fmt.Errorf("read the people of booking %s: %w", id, err)
	}
	return p.Contact, p.Rooms, nil
}

// checkKeys refuses to work beside processes that have other keys: neither could read what the other has accepted. The
// newest booking tells.
func (s *Store) checkKeys(ctx context.Context) error {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var newest []string
	err := s.read.WithContext(ctx).Raw("SELECT key_id FROM people ORDER BY id DESC LIMIT 1").Find(&newest).Error
	if err != nil {
		return fmt.Errorf("read the key of the newest booking: %w", err)
	}
	if len(newest) == 0 {
		return nil
	}
	if _, known := s.cfg.Keys.Wrap[newest[0]]; !known {
		return fmt.Errorf("the database's personal data is sealed with key %s, which is not configured: "+
			"processes that share a database need the same secrets.people_key (or the same data_dir)", newest[0])
	}
	return nil
}

// Erase makes a booking's personal data unreadable for good, here and in every backup that lacks the key, and unfindable by
// e-mail; and takes what our people wrote about it out of the history. The booking, its money and the rest of its history stay.
// It is a decision like those of Decide, of one of our own people, with its line of history and its row in the audit. Erasing
// again erases what was written since. booking.ErrNotFound when there is no booking.
func (s *Store) Erase(ctx context.Context, id booking.ID, decide func(*booking.Booking) (booking.Entry, error)) (*booking.Booking, error) {
	erased, err := s.decide(ctx, id, decide, func(o *op) error {
		if o.audit == nil {
			return fmt.Errorf("erase the people of booking %s: %s is none of our own people, whom the audit would name", id, o.entry.Actor)
		}
		o.erases = true
		return nil
	})
	if err == nil && s.cfg.URL == "" {
		// SQLite's log would hold for hours what was there. While somebody reads it does, and the next erasure tries again.
		s.write.WithContext(ctx).Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return erased, err
}

const (
	erasePeople = "UPDATE people SET data_key = NULL, email_index = NULL WHERE id = ?"
	eraseTexts  = "UPDATE history SET detail = ? WHERE booking_id = ? AND version < ? AND detail <> '' AND (" + actorIsStaff + ")"
	// actorIsStaff is booking.ByStaff.
	actorIsStaff = "substr(actor, 1, 8) = 'support:' OR substr(actor, 1, 9) = 'operator:'"
)

// erase does it for those among what was written that say so.
func (s *Store) erase(tx *gorm.DB, written []*op) error {
	for _, o := range written {
		if !o.erases {
			continue
		}
		if err := tx.Exec(erasePeople, s.sql.id(string(o.id))).Error; err != nil {
			return err
		}
		if err := tx.Exec(eraseTexts, booking.ErasedText, s.sql.id(string(o.id)), o.entry.Version).Error; err != nil {
			return err
		}
	}
	return nil
}

// seal encrypts a booking's personal data. The booking's id is bound to both layers, so that rows cannot be swapped.
func (k Keys) seal(b *booking.Booking) (peopleRow, error) {
	plain, err := json.Marshal(personal{b.Contact, b.Stay.Rooms})
	if err != nil {
		return peopleRow{}, err
	}
	dataKey := make([]byte, dataKeyBytes)
	_, _ = rand.Read(dataKey) // never fails
	sealed, err := encrypt(dataKey, plain, string(b.ID))
	if err != nil {
		return peopleRow{}, err
	}
	wrapped, err := encrypt(k.Wrap[k.Current], dataKey, string(b.ID))
	if err != nil {
		return peopleRow{}, err
	}
	return peopleRow{
		ID: string(b.ID), EmailIndex: k.emailIndex(b.Contact.Email), KeyID: k.Current, DataKey: wrapped, Sealed: sealed,
	}, nil
}

// open decrypts what seal made; what was erased is empty.
func (k Keys) open(row peopleRow) (personal, error) {
	var p personal
	if row.DataKey == nil {
		return p, nil
	}
	wrap, ok := k.Wrap[row.KeyID]
	if !ok {
		return p, fmt.Errorf("the key %q is not among the keys", row.KeyID)
	}
	dataKey, err := decrypt(wrap, row.DataKey, row.ID)
	if err != nil {
		return p, fmt.Errorf("unwrap the data key: %w", err)
	}
	plain, err := decrypt(dataKey, row.Sealed, row.ID)
	if err != nil {
		return p, fmt.Errorf("unseal: %w", err)
	}
	return p, json.Unmarshal(plain, &p)
}

// emailIndex is what an e-mail address is found by: equal for equal addresses, useless without the key. nil for none.
func (k Keys) emailIndex(email string) []byte {
	email = strings.ToLower(norm.NFC.String(strings.TrimSpace(email)))
	if email == "" {
		return nil
	}
	mac := hmac.New(sha256.New, k.Index)
	mac.Write([]byte(email))
	return mac.Sum(nil)
}

func encrypt(key, plain []byte, id string) ([]byte, error) {
	cipher, err := subtle.NewAESGCM(key)
	if err != nil {
		return nil, err
	}
	return cipher.Encrypt(plain, []byte(id))
}

func decrypt(key, sealed []byte, id string) ([]byte, error) {
	cipher, err := subtle.NewAESGCM(key)
	if err != nil {
		return nil, err
	}
	return cipher.Decrypt(sealed, []byte(id))
}
