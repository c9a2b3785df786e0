package providertest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// Scripted is a vendor on loopback that answers every call with just what a fuzz test gives it. It is for one caller at a time.
type Scripted struct {
	URL string

	mu     sync.Mutex // guards what follows: written by Answer, read by the handler's goroutine
	status int
	kind   string
	body   []byte
}

// NewScripted listens until the test ends.
func NewScripted(tb testing.TB) *Scripted {
	tb.Helper()
	s := &Scripted{status: http.StatusInternalServerError}
	server := httptest.NewServer(s)
	s.URL = server.URL
	tb.Cleanup(server.Close)
	return s
}

// Answer sets what the next calls get. What is no final status becomes one.
func (s *Scripted) Answer(status int, contentType string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status < 200 || status > 599 {
		status = 200 + max(status%400, 0)
	}
	s.status, s.kind, s.body = status, contentType, body
}

func (s *Scripted) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", s.kind)
	w.WriteHeader(s.status)
	_, _ = w.Write(s.body) // statuses that have no body refuse it
}

// Succeeded tells whether the answer can be a success at all: 2xx, and one JSON object.
func (s *Scripted) Succeeded() (Said, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var object map[string]any
	ok := s.status < 300 && strings.Contains(s.kind, "json") && json.Unmarshal(s.body, &object) == nil
	return Said{object}, ok
}

// Said is an answer's body as a judge reads it who has no part in the adapters' structs.
type Said struct{ value any }

// At is what stands under a name, in whatever case, as encoding/json reads names.
func (s Said) At(name string) Said {
	object, _ := s.value.(map[string]any)
	if exact, ok := object[name]; ok {
		return Said{exact}
	}
	for other, value := range object {
		if strings.EqualFold(other, name) {
			return Said{value}
		}
	}
	return Said{}
}

// Is tells whether it is this very value; a list or an object never is.
func (s Said) Is(value any) bool {
	switch s.value.(type) {
	case []any, map[string]any:
		return false
	default:
		return s.value == value
	}
}

// Text is a string, or "" where it is none.
func (s Said) Text() string {
	text, _ := s.value.(string)
	return text
}

// List is the elements of a list, and whether it is one.
func (s Said) List() ([]Said, bool) {
	list, ok := s.value.([]any)
	var all []Said
	for _, element := range list {
		all = append(all, Said{element})
	}
	return all, ok
}

// Amounts tells whether it is this much money.
func (s Said) Amounts(m booking.Money) bool {
	return s.At("currency").Is(m.Currency) && strings.TrimLeft(s.At("amount").Text(), "0") == strings.TrimLeft(m.Decimal(), "0")
}

// Known is the booking that the seeds of fuzz tests speak of: priced, held, and with the reference of every sample.
func Known() *booking.Booking {
	b := &booking.Booking{Ask: bookingtest.Ask()}
	b.Facts.Price = b.Offer.Total
	b.Facts.Hold = booking.Hold{Total: b.Offer.Total}
	b.Facts.Money.Token = b.PaymentToken
	return b
}

// FaultKinds are the three answers to whether it happened.
func FaultKinds() []booking.FaultKind {
	return []booking.FaultKind{booking.Refused, booking.NotDone, booking.Unclear}
}
