package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// Many at once: everything that a view has is decided about, one booking after the other, as an agent would do it alone. The
// browser drives it, slice by slice, and what it has to know for the next one is in its form; to close the page is to stop.
// Only bookings from before the preview are taken, each at most once, because the cursor only goes down.

const (
	bulkLooked = 100 // bookings that a preview goes through
	bulkShown  = 10  // of those, how many it tells about one by one
)

// bulkVerb is a decision that makes sense for many.
type bulkVerb struct {
	Verb  booking.Verb
	Label string
	Doing string
	Grave bool // cannot be taken back
	least Role
}

var allBulkVerbs = []bulkVerb{
	{booking.VerbRetry, "Retry", "Retrying", false, RoleAgent},
	{booking.VerbApprove, "Approve the screening", "Approving", false, RoleAgent},
	{booking.VerbReject, "Reject the screening", "Rejecting", true, RoleAgent},
	{booking.VerbCancel, "Cancel", "Cancelling", true, RoleAgent},
	{booking.VerbRefund, "Refund in full", "Refunding", true, RoleSupervisor},
	{booking.VerbNote, "Write a note", "Writing", false, RoleAgent},
}

// bulkVerbs are those that a role may use.
func bulkVerbs(role Role) []bulkVerb {
	return slices.DeleteFunc(slices.Clone(allBulkVerbs), func(v bulkVerb) bool { return rank(role) < rank(v.least) })
}

func findBulkVerb(role Role, name string) (bulkVerb, bool) {
	verbs := bulkVerbs(role)
	at := slices.IndexFunc(verbs, func(v bulkVerb) bool { return string(v.Verb) == name })
	if at < 0 {
		return bulkVerb{}, false
	}
	return verbs[at], true
}

// bulkView is the preview.
type bulkView struct {
	Selection selection
	Verb      bulkVerb
	Back      string // the list
	Run       string // where the steps are sent to
	Began     time.Time
	Total     int
	Count     string
	Shown     []bulkLine
	Agreed    string   // digests of the previews shown: what was agreed to
	Looked    int      // bookings gone through
	Refused   int      // of those, not possible
	Fees      []string // of those, in all, by currency; of a cancellation
}

// bulkLine is what would happen, or why it will not.
type bulkLine struct {
	Booking *booking.Booking
	Text    string
	Refused string
}

// showBulk says what a decision would do to everything that a view has.
func (s *Server) showBulk(c echo.Context) error {
	query := c.QueryParams()
	verb, ok := findBulkVerb(caller(c).key.Role, query.Get("action"))
	if !ok {
		return badParameter("query:action", "not_allowed", "That cannot be done to many at once, or not with your role.")
	}
	v, began := parseSelection(query), s.now()
	filter := v.bulk(began)
	if err := v.problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	total, err := s.count(ctx, v.Query, filter)
	if err != nil {
		return err
	}
	filter.Limit = bulkLooked
	found, err := s.search(ctx, v.Query, filter)
	if err != nil {
		return err
	}
	view := bulkView{
		Selection: v, Verb: verb, Back: v.at(consolePath), Run: v.at(bulkPath), Began: began, Total: total, Count: bookings(total),
		Looked: min(len(found), bulkLooked),
	}
	view.foresee(s.flow, found[:view.Looked], decisionOf(c, verb), began)
	return s.render(c, http.StatusOK, "bulk", view)
}

// bulk is what is taken: as the list, of what was there at that moment. Ages count from it, too, or the view would run away
// under the cursor.
func (v *selection) bulk(began time.Time) booking.Filter {
	f := v.filter(began)
	if f.CreatedBefore.IsZero() || began.Before(f.CreatedBefore) {
		f.CreatedBefore = began
	}
	return f
}

func decisionOf(c echo.Context, verb bulkVerb) booking.Decision {
	who := caller(c)
	return booking.Decision{Verb: verb.Verb, Actor: who.actor(), Role: string(who.key.Role), RequestID: requestID(c)}
}

func (view *bulkView) foresee(flow booking.Flow, found []*booking.Booking, d booking.Decision, now time.Time) {
	fees := map[string]booking.Money{}
	var agreed []string
	for i, b := range found {
		line := bulkLine{Booking: b}
		foreseen, err := flow.Preview(b, d, now)
		if err != nil {
			line.Refused = refusal(b, err)
			view.Refused++
		} else if line.Text = foreseen.Text; d.Verb == booking.VerbCancel {
			fee := b.CancelQuote(now).Fee
			fees[fee.Currency] = fee.Of(fees[fee.Currency].Minor + fee.Minor)
		}
		if i < bulkShown {
			view.Shown = append(view.Shown, line)
			if err == nil {
				agreed = append(agreed, string(b.ID)+":"+foreseen.Digest)
			}
		}
	}
	for _, sum := range fees {
		if !sum.IsZero() {
			view.Fees = append(view.Fees, sum.String())
		}
	}
	slices.Sort(view.Fees)
	view.Agreed = strings.Join(agreed, " ")
}

// refusal is why a decision about b was not possible, in words.
func refusal(b *booking.Booking, err error) string {
	if errors.Is(err, booking.ErrPreviewChanged) {
		return "It has changed since the preview, and would not be what was shown any more."
	}
	if illegal := (&booking.IllegalError{}); errors.As(err, &illegal) {
		text := "Not possible while the booking is " + string(illegal.Status)
		if money := b.PaymentStatus(); money != booking.PaymentNone {
			text += " and the payment is " + string(money)
		}
		return strings.ReplaceAll(text, "_", " ") + "."
	}
	p := asProblem(err)
	_, title, detail := describe(p.code)
	text := title + ". " + cmp.Or(p.detail, detail)
	if p.code == ProblemCodeFeeChanged && p.quote.Fee.Currency != "" {
		text = fmt.Sprintf("The cancellation fee has changed since the preview. It is %s %s now.", p.quote.Fee.Amount, p.quote.Fee.Currency)
	}
	return text
}
