package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// books is everything that the four systems know, guarded by Server.mu. Each row is written whole to the journal when it
// changes, so that a restart is a replay of rows and runs no state machine again.
type books struct {
	reservations table[reservation]  // by our reference
	accounts     table[account]      // payments, by our reference
	answers      table[storedAnswer] // of payment calls, by operation and idempotency key
	screenings   table[screening]    // by our reference
	messages     table[message]      // tracking events, by message id
	ledger       table[row]          // by our reference
	webhooks     table[delivery]     // not yet delivered, by event id

	paymentOf map[string]string         // payment id -> our reference; follows accounts
	zones     map[string]*time.Location // by name, each read once
}

func newBooks() *books {
	return &books{
		reservations: table[reservation]{}, accounts: table[account]{}, answers: table[storedAnswer]{}, screenings: table[screening]{},
		messages: table[message]{}, ledger: table[row]{}, webhooks: table[delivery]{},
		paymentOf: map[string]string{}, zones: map[string]*time.Location{},
	}
}

// table is one kind of row by its key.
type table[T any] map[string]*T

func (t table[T]) write(key string, value json.RawMessage) error {
	if string(value) == "null" {
		delete(t, key)
		return nil
	}
	row := new(T)
	if err := json.Unmarshal(value, row); err != nil {
		return err
	}
	t[key] = row
	return nil
}

func (t table[T]) read(key string) (json.RawMessage, error) {
	return json.Marshal(t[key]) // a row that is gone is null
}

type shelf interface {
	write(key string, value json.RawMessage) error
	read(key string) (json.RawMessage, error)
}

// kind names a table in the journal.
type kind string

const (
	kindReservation kind = "reservation"
	kindAccount     kind = "account"
	kindAnswer      kind = "answer"
	kindScreening   kind = "screening"
	kindMessage     kind = "message"
	kindLedger      kind = "ledger"
	kindWebhook     kind = "webhook"
)

func (b *books) shelf(k kind) (shelf, error) {
	switch k {
	case kindReservation:
		return b.reservations, nil
	case kindAccount:
		return b.accounts, nil
	case kindAnswer:
		return b.answers, nil
	case kindScreening:
		return b.screenings, nil
	case kindMessage:
		return b.messages, nil
	case kindLedger:
		return b.ledger, nil
	case kindWebhook:
		return b.webhooks, nil
	default:
		return nil, fmt.Errorf("unknown kind of row %q", k)
	}
}

// put is one row as it stands after a change; a null value says that it is gone.
type put struct {
	Kind  kind            `json:"kind"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func (b *books) replay(p put) error {
	s, err := b.shelf(p.Kind)
	if err != nil {
		return err
	}
	if err := s.write(p.Key, p.Value); err != nil {
		return fmt.Errorf("row %s %s: %w", p.Kind, p.Key, err)
	}
	if a := b.accounts[p.Key]; p.Kind == kindAccount && a != nil {
		if slices.Contains(a.Payments, nil) {
			return fmt.Errorf("row %s %s: a payment is null", p.Kind, p.Key)
		}
		b.index(p.Key)
	}
	return nil
}

func (b *books) index(reference string) {
	for _, p := range b.accounts[reference].Payments {
		b.paymentOf[p.ID] = reference
	}
}

// change is one call's work on the books. Whoever alters a row touches it, so that the journal line carries it.
type change struct {
	*books
	cfg     Config
	now     time.Time
	key     string // the call's idempotency key
	hash    string // the call's body, hashed
	effect  string // what it did, for the journal; "none" unless said
	touched []put
	notices []notice
}

func (c *change) touch(k kind, key string) {
	for _, p := range c.touched {
		if p.Kind == k && p.Key == key {
			return
		}
	}
	c.touched = append(c.touched, put{Kind: k, Key: key})
}

// row is the ledger's row of a reference, about to be altered.
func (c *change) row(reference string) *row {
	r := c.ledger[reference]
	if r == nil {
		r = &row{}
		c.ledger[reference] = r
	}
	c.touch(kindLedger, reference)
	return r
}

// zone is the time zone of a name; UTC where there is none.
func (c *change) zone(name string) *time.Location {
	if zone := c.zones[name]; zone != nil {
		return zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC // and not kept: anything may be sent as a name
	}
	c.zones[name] = zone
	return zone
}

// close fills in the touched rows as they now stand.
func (c *change) close() error {
	for i, p := range c.touched {
		s, err := c.shelf(p.Kind)
		if err != nil {
			return err
		}
		if c.touched[i].Value, err = s.read(p.Key); err != nil {
			return fmt.Errorf("row %s %s: %w", p.Kind, p.Key, err)
		}
	}
	return nil
}
