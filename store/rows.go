package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"gorm.io/gorm"

	"hotelbooking/booking"
)

// bookingRow is what was asked. Times are microseconds since 1970, UTC.
type bookingRow struct {
	ID              string
	Reference       string
	Client          string
	ClientReference *string
	IdempotencyKey  string
	Fingerprint     []byte
	FlowVersion     int64
	CreatedAt       int64
	Offer           string // JSON
	Stay            string // JSON, without guests and their requests
	PaymentToken    string
	Attribution     string // JSON
	ReturnURL       *string
	Trace           *string
}

// placeRow is where a booking stands.
type placeRow struct {
	Phase     string
	Step      string
	Goal      string
	Result    string
	Status    string
	Version   int64
	Owner     string
	DueAt     *int64
	Crashes   int64
	Crashed   int64
	Attention *string
	Failure   *string
	UpdatedAt int64
	Terms     string // JSON
	Facts     string // JSON
	Money     string // JSON
	Marks     string // see marks.go
}

// fullRow is a booking as it is read.
type fullRow struct {
	Asked bookingRow
	Place placeRow
}

// The columns that make a fullRow; b and p are the two tables.
const (
	bookingColumns = "b.id, b.reference, b.client, b.client_reference, b.created_at, b.offer, b.stay, b.payment_token, b.attribution, b.return_url, b.trace"
	placeColumns   = "p.phase, p.step, p.goal, p.result, p.version, p.owner, p.due_at, p.crashes, p.crashed, p.attention, p.updated_at, p.terms, p.facts, p.money, p.marks"
	fullColumns    = bookingColumns + ", " + placeColumns
)

// fields are where fullColumns go.
func (r *fullRow) fields() []any {
	asked, place := &r.Asked, &r.Place
	return []any{
		&asked.ID, &asked.Reference, &asked.Client, &asked.ClientReference, &asked.CreatedAt, &asked.Offer, &asked.Stay,
		&asked.PaymentToken, &asked.Attribution, &asked.ReturnURL, &asked.Trace,
		&place.Phase, &place.Step, &place.Goal, &place.Result, &place.Version, &place.Owner, &place.DueAt, &place.Crashes, &place.Crashed,
		&place.Attention, &place.UpdatedAt, &place.Terms, &place.Facts, &place.Money, &place.Marks,
	}
}

// scan gives each row of a query, read into the fields of an R, which costs a fraction of what gorm's own scanning by reflection does.
func scan[R any](q *gorm.DB, fields func(*R) []any, each func(*R)) error {
	rows, err := q.Rows()
	if err != nil {
		return err
	}
	for err == nil && rows.Next() {
		row := new(R)
		if err = rows.Scan(fields(row)...); err == nil {
			each(row)
		}
	}
	return errors.Join(err, rows.Err(), rows.Close())
}

// textLimit keeps what others sent us within what an index can hold. The whole of it is in the facts.
const (
	textLimit   = 200
	detailLimit = 2000
)

func newBookingRow(a booking.Acceptance) (bookingRow, error) {
	b := a.Booking
	stay := b.Stay
	stay.Rooms = slices.Clone(b.Stay.Rooms)
	for i := range stay.Rooms {
		stay.Rooms[i].Guests, stay.Rooms[i].SpecialRequests = nil, ""
	}
	row := bookingRow{
		ID: string(b.ID), Reference: b.Reference, Client: b.Client, ClientReference: nullable(b.ClientReference, 0),
		IdempotencyKey: a.Key, Fingerprint: a.Fingerprint[:], FlowVersion: booking.FlowVersion,
		CreatedAt: b.CreatedAt.UnixMicro(), PaymentToken: b.PaymentToken, ReturnURL: nullable(b.ReturnURL, 0), Trace: nullable(b.Trace, 0),
	}
	return row, errors.Join(encode(b.Offer, &row.Offer), encode(stay, &row.Stay), encode(b.Attribution, &row.Attribution))
}

func newPlaceRow(b *booking.Booking) (placeRow, error) {
	row := placeRow{
		Phase: string(b.Place.Phase), Step: string(b.Place.Step), Goal: string(b.Goal), Result: string(b.Result),
		Status: string(b.Status()), Version: int64(b.Version), Crashes: int64(b.Crashes),
		Attention: nullable(string(b.Attention), 0), Failure: nullable(string(b.Facts.Failure.Code), textLimit),
		UpdatedAt: b.UpdatedAt.UnixMicro(), Terms: encodeTerms(b.Facts.Terms), Money: encodeMoney(b.Facts.Money),
		Marks: writeMarks(b.Facts.Marks),
	}
	if b.Crashed {
		row.Crashed = 1
	}
	var err error
	row.Facts, err = encodeFacts(&b.Facts)
	return row, err
}

// booking is the booking without personal data, of a flow with the given steps. While it is leased it is due at the lease's
// end.
func (r *fullRow) booking(steps []booking.Name) (*booking.Booking, error) {
	asked, place := r.Asked, r.Place
	b := &booking.Booking{
		Ask: booking.Ask{
			ID: booking.ID(asked.ID), Reference: asked.Reference, Client: asked.Client, ClientReference: text(asked.ClientReference),
			CreatedAt: moment(asked.CreatedAt), PaymentToken: asked.PaymentToken, ReturnURL: text(asked.ReturnURL), Trace: text(asked.Trace),
		},
		State: booking.State{
			Version: int(place.Version), UpdatedAt: moment(place.UpdatedAt),
			Place: booking.Place{Phase: booking.Phase(place.Phase), Step: booking.Name(place.Step)},
			Goal:  booking.Goal(place.Goal), Result: booking.Result(place.Result), Crashes: int(place.Crashes),
			Attention: booking.Reason(text(place.Attention)), Owner: place.Owner, Crashed: place.Crashed == 1,
		},
	}
	if place.DueAt != nil {
		b.DueAt = moment(*place.DueAt)
	}
	marks, err := readMarks(place.Marks, steps)
	b.Facts.Marks = marks
	err = errors.Join(err, decode(asked.Offer, &b.Offer), decode(asked.Stay, &b.Stay), decode(asked.Attribution, &b.Attribution),
		decode(place.Terms, &b.Facts.Terms), decode(place.Facts, &b.Facts), decode(place.Money, &b.Facts.Money))
	if err != nil {
		return nil, fmt.Errorf("read booking %s: %w", asked.ID, err)
	}
	return b, nil
}

// historyRow is one line of history, but for its reference and its calls, which come later or seldom, and which nobody tells
// one line from another by.
type historyRow struct {
	Version   int64
	At        int64
	Actor     string
	Verb      string
	FromPhase string
	FromStep  string
	ToPhase   string
	ToStep    string
	Attempt   int64
	Outcome   string
	Reason    string
	Detail    string
	TookUs    int64
	Status    string
	WrittenBy string
}

const historyColumns = "version, at, actor, verb, from_phase, from_step, to_phase, to_step, attempt, outcome, reason, detail, took_us, status"

func newHistoryRow(e booking.Entry, by string) historyRow {
	return historyRow{
		Version: int64(e.Version), At: e.At.UnixMicro(), Actor: clean(e.Actor, textLimit), Verb: e.Verb,
		FromPhase: string(e.From.Phase), FromStep: string(e.From.Step), ToPhase: string(e.To.Phase), ToStep: string(e.To.Step),
		Attempt: int64(e.Attempt), Outcome: string(e.Outcome), Reason: clean(string(e.Reason), textLimit),
		Detail: clean(e.Detail, detailLimit), TookUs: e.Took.Microseconds(), Status: string(e.Status),
		WrittenBy: by,
	}
}

func (r historyRow) entry(calls *string) booking.Entry {
	return booking.Entry{
		Version: int(r.Version), At: moment(r.At), Actor: r.Actor, Verb: r.Verb,
		From:    booking.Place{Phase: booking.Phase(r.FromPhase), Step: booking.Name(r.FromStep)},
		To:      booking.Place{Phase: booking.Phase(r.ToPhase), Step: booking.Name(r.ToStep)},
		Attempt: int(r.Attempt), Outcome: booking.Kind(r.Outcome), Reason: booking.Reason(r.Reason), Detail: r.Detail,
		Took: time.Duration(r.TookUs) * time.Microsecond, Status: booking.Status(r.Status), Calls: readCalls(calls),
	}
}

func moment(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// nullable is s, cleaned and no longer than limit bytes (0: as long as it is), or NULL for none.
func nullable(s string, limit int) *string {
	if limit > 0 {
		s = clean(s, limit)
	}
	if s == "" {
		return nil
	}
	return &s
}

// clean makes what others sent us fit for a text column: PostgreSQL takes neither a NUL nor what is not UTF-8, and a turn
// must never be lost because a supplier's message had one.
func clean(s string, limit int) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ToValidUTF8(s, "")
}

// storable tells whether a text can be in a row at all. What cannot is not looked for: PostgreSQL would refuse the query, and who
// typed it, or wrote it into an address, would be told to come again.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// asStored mends what suppliers sent that is no valid UTF-8 rather than refuse it, and tells nothing from empty.
var asStored = json.JoinOptions(jsontext.AllowInvalidUTF8(true), json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true))

func encode(value any, to *string) error {
	encoded, err := json.Marshal(value, asStored)
	*to = string(encoded)
	return err
}

func decode(from string, value any) error { return json.Unmarshal([]byte(from), value) }

// The values of the columns that batch.go lists, in that order.

func (r bookingRow) values() []any {
	return []any{
		r.ID, r.Reference, r.Client, r.ClientReference, r.IdempotencyKey, r.Fingerprint, r.FlowVersion, r.CreatedAt,
		r.Offer, r.Stay, r.PaymentToken, r.Attribution, r.ReturnURL, r.Trace,
	}
}

func (r placeRow) values(id, pool, supplier, owner string, next afterwards) []any {
	keepDue := int64(0)
	if next.keepDue {
		keepDue = 1
	}
	return []any{
		id, r.Phase, r.Step, pool, supplier, r.Goal, r.Result, r.Status, r.shelf(next), r.Version, owner, next.owner, keepDue, next.dueIn,
		r.Crashes, r.Crashed, r.Attention, r.Failure, r.UpdatedAt, r.Terms, r.Facts, r.Money, r.Marks,
	}
}

// shelf is what support list bookings by: their status while nobody has them leased. What is leased has one for all, or each
// turn would have to write to its index.
func (r placeRow) shelf(next afterwards) string {
	if next.owner == "" {
		return r.Status
	}
	return open
}

const open = "open"

func (r peopleRow) values() []any { return []any{r.ID, r.EmailIndex, r.KeyID, r.DataKey, r.Sealed} }

// lineTexts are the columns of a line that may be NULL.
type lineTexts struct {
	Reference *string
	Calls     *string
	Events    *string // what other systems are told of it
}

// values are those of linesIn.
func (r historyRow) values(id string, texts lineTexts) []any {
	return []any{
		id, r.Version, r.At, r.Actor, r.Verb, r.FromPhase, r.FromStep, r.ToPhase, r.ToStep, r.Attempt, r.Outcome, r.Reason,
		r.Detail, r.TookUs, r.Status, r.WrittenBy, texts.Reference, texts.Calls, texts.Events,
	}
}
