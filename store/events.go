package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"hotelbooking/booking"
)

// toldEvent is one of the events that a line of history has, in their order.
type toldEvent struct {
	Type booking.EventType `json:"type"`
	Data jsontext.Value    `json:"data"`
}

// tell is what a line says to other systems; nil: nothing, or nobody wants to know.
func (s *Store) tell(b *booking.Booking, e booking.Entry) (*string, error) {
	if len(s.cfg.Subscribers) == 0 || len(e.Happenings) == 0 {
		return nil, nil
	}
	events, err := booking.Events(b, e)
	if err != nil {
		return nil, err
	}
	told := make([]toldEvent, len(events))
	for i, event := range events {
		told[i] = toldEvent{event.Type, event.Data}
	}
	var text string
	return &text, encode(told, &text)
}

// toldRow is a line of history that has events.
type toldRow struct {
	BookingID string
	Version   int64
	At        int64
	Events    string
}

const toldColumns = "h.booking_id, h.version, h.at, h.events"

func (r *toldRow) fields() []any { return []any{&r.BookingID, &r.Version, &r.At, &r.Events} }

func (r *toldRow) events() ([]booking.Event, error) {
	var told []toldEvent
	if err := json.Unmarshal([]byte(r.Events), &told); err != nil {
		return nil, fmt.Errorf("read the events of booking %s, version %d: %w", r.BookingID, r.Version, err)
	}
	events := make([]booking.Event, len(told))
	for i, e := range told {
		events[i] = booking.NewEvent(booking.ID(r.BookingID), int(r.Version), i, e.Type, moment(r.At), e.Data)
	}
	return events, nil
}

// tellers reads events out of lines.
func tellers(rows []*toldRow) ([]booking.Event, error) {
	var events []booking.Event
	for _, row := range rows {
		of, err := row.events()
		if err != nil {
			return nil, err
		}
		events = append(events, of...)
	}
	slices.SortFunc(events, func(a, b booking.Event) int {
		return cmp.Or(cmp.Compare(a.Booking, b.Booking), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Part, b.Part))
	})
	return events, nil
}

// Events lists events that happened while somebody wanted to know, whether or not everybody was told of them. Of a time
// span that has not ended those may be missing that are being committed.
func (s *Store) Events(ctx context.Context, f booking.EventFilter) ([]booking.Event, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	q := s.read.WithContext(ctx).Table("history AS h").Select(toldColumns).Where("h.events IS NOT NULL").Limit(max(f.Limit, 0))
	if f.Booking != "" {
		q = q.Where("h.booking_id = ? AND h.version > ?", s.sql.id(string(f.Booking)), f.After.Version).Order("h.version")
	} else {
		q = q.Order("h.at, h.booking_id, h.version")
	}
	if !f.From.IsZero() {
		q = q.Where("h.at >= ?", f.From.UnixMicro())
	}
	if !f.To.IsZero() {
		q = q.Where("h.at < ?", f.To.UnixMicro())
	}
	if f.Booking == "" && f.After != (booking.EventCursor{}) {
		q = q.Where("(h.at, h.booking_id, h.version) > (?, ?, ?)", f.After.At.UnixMicro(), s.sql.id(string(f.After.Booking)), f.After.Version)
	}
	var rows []*toldRow
	if err := scan(q, (*toldRow).fields, func(row *toldRow) { rows = append(rows, row) }); err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return tellers(rows)
}
