package providers

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"hotelbooking/booking"
)

// What a failed call means. The question is always the same: did it happen over there?
//
//	what was seen                                     a call that acts   a harmless one
//	------------------------------------------------  -----------------  --------------
//	no connection: DNS, refused, TLS                  NotDone            NotDone
//	connected, then time-out, reset, end of file      Unclear            NotDone
//	2xx that is no JSON, cut off, or too large        Unclear            NotDone
//	2xx that says something else than was asked       Unclear            Unclear, which answers no question either
//	3xx                                               Unclear            NotDone
//	401, 403                                          NotDone            NotDone
//	any other status, a code of the call's refusals   Refused            Refused
//	any other status, one of the vendor's "nothing
//	happened" codes (typically with 429 or 503)       NotDone            NotDone
//	anything else: 5xx, 408, 425, 429, a code that
//	nobody listed, a page of some proxy               Unclear            NotDone
//
// So a final no is only what a list says, and whatever nobody thought of is Unclear: a room was booked twice, and a card
// charged twice, by those who took a time-out or a 500 for a no.

// Answered is the vendor's own word that a call did not succeed. Its text holds the status and the code, and nothing
// else of the answer.
type Answered struct {
	Operation string
	Status    int
	Code      string // "" where the body has none, or is not JSON

	body []byte
}

func (a *Answered) Error() string {
	if a.Code == "" {
		return fmt.Sprintf("answered %d", a.Status)
	}
	return fmt.Sprintf("answered %d %s", a.Status, a.Code)
}

// Decode reads the answer's body, for the few refusals that say more than their code.
func (a *Answered) Decode(into any) error { return decodeOne(a.body, into) }

// unanswered is the kind of a call without an answer that can be read.
func unanswered(r Request, connected bool) booking.FaultKind {
	if r.Harmless || !connected {
		return booking.NotDone
	}
	return booking.Unclear
}

// classify is the part of the table with an answer that is not a success. The reason is "" where the kind's usual one
// says it all.
func (a *Answered) classify(r Request, v Vendor) (booking.FaultKind, booking.Reason) {
	if a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden {
		return booking.NotDone, "" // our keys are wrong, which is not the guest's fault: the breaker opens and staff see it
	}
	if a.Code != "" {
		if reason, listed := r.Refusals[a.Code]; listed {
			return booking.Refused, reason
		}
		if slices.Contains(v.Nothing, a.Code) {
			return booking.NotDone, ""
		}
	}
	return unanswered(r, true), ""
}

var codeForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// plainCode is a code that can be shown to staff: a vendor could put anything there.
func plainCode(code string) string {
	if codeForm.MatchString(code) {
		return code
	}
	return ""
}

const longestAfter = time.Hour

// retryAfter is how long the vendor asks to be left alone: in seconds, or until a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), longestAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), longestAfter)
	}
	return 0
}
