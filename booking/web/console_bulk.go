package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// Many at once: everything that a view has is decided about, one booking after the other, as an agent would do it alone. The
// browser drives it, slice by slice, and what it has to know for the next one is in its form; to close the page is to stop.
// Only bookings from before the preview are taken, each at most once, because the cursor only goes down.

const (
	bulkLooked   = 100             // bookings that a preview goes through
	bulkShown    = 10              // of those, how many it tells about one by one
	bulkSlice    = 20              // bookings of one step
	bulkPatience = 5 * time.Second // of one step, so that there is progress to be seen
	bulkListed   = 100             // refusals that the page lists
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

// bulkRun is where a run stands. All of it but the outcome of the last step is in the form that the next one is sent by.
type bulkRun struct {
	Run     string
	Verb    bulkVerb
	Reason  string
	Began   string
	Agreed  string
	Total   int
	Done    int
	Refused int
	Cursor  string // empty: from the newest

	Lines  []bulkLine // refused in this step, as far as they are listed
	Wrong  string     // the form cannot be run so
	Halted string     // why it stands still, though there are more
	Ended  bool
	Back   string
}

// Seen is how many have been gone through.
func (r bulkRun) Seen() int { return r.Done + r.Refused }

// Most is the end of the bar: the number that was counted, or what has been seen where that was bounded.
func (r bulkRun) Most() int { return max(r.Total, r.Seen(), 1) }

// Left is how many are left, in words.
func (r bulkRun) Left() string {
	if r.Total > countMost {
		return "more"
	}
	return "about " + thousands(max(0, r.Total-r.Seen()))
}

// stepBulk decides about the next slice, and answers with the form of the one after it, which sends itself.
func (s *Server) stepBulk(c echo.Context) error {
	form, err := s.form(c, "action", "reason", "began", "agreed", "total", "done", "refused", "cursor")
	if err != nil {
		return err
	}
	verb, ok := findBulkVerb(caller(c).key.Role, form.Get("action"))
	if !ok {
		return &problem{code: ProblemCodeForbidden, detail: "That cannot be done to many at once, or not with your role."}
	}
	v := parseSelection(c.QueryParams())
	began, err := time.Parse(time.RFC3339Nano, form.Get("began"))
	if now := s.now(); err != nil || began.After(now) {
		began = now
	}
	filter := v.bulk(began)
	if err := v.problem(); err != nil {
		return err
	}
	run := bulkRun{
		Run: v.at(bulkPath), Back: v.at(consolePath), Verb: verb, Began: began.Format(time.RFC3339Nano), Agreed: form.Get("agreed"),
		Total: tally(form.Get("total")), Done: tally(form.Get("done")), Refused: tally(form.Get("refused")), Cursor: form.Get("cursor"),
	}
	var found findings
	run.Reason = found.text("/reason", form.Get("reason"))
	if n := utf8.RuneCountInString(run.Reason); len(found.fields) > 0 || n < 3 || n > 500 {
		run.Wrong = "Say why, in 3 to 500 characters, without control characters. It is written into the timeline of each booking."
		return s.renderPart(c, http.StatusUnprocessableEntity, "bulk", "step", run)
	}
	place := v.Values().Encode() + "\x00" + string(verb.Verb)
	if run.Cursor != "" {
		if filter.After, err = decodeCursor(run.Cursor, place); err != nil {
			return badParameter("form:cursor", "invalid_format", "It is of another run. Begin with the preview again.")
		}
	}
	d := decisionOf(c, verb)
	d.Reason = run.Reason
	if err := s.slice(c, &run, v.Query, filter, d, began, place); err != nil {
		return err
	}
	return s.renderPart(c, http.StatusOK, "bulk", "step", run)
}

// slice decides about the next bookings, until it has taken its time. A decision that is refused is listed; where the service
// itself cannot go on, the run stands still before that booking.
func (s *Server) slice(c echo.Context, run *bulkRun, query string, f booking.Filter, d booking.Decision, began time.Time, place string) error {
	ctx, begun := c.Request().Context(), s.now()
	f.Limit = bulkSlice
	list, err := s.search(ctx, query, f)
	if err != nil {
		run.halt(s, c, err)
		return nil
	}
	list = list[:min(len(list), bulkSlice)]
	run.Ended = len(list) < bulkSlice
	agreed := agreedTo(run.Agreed)
	for i, b := range list {
		if s.now().Sub(begun) > bulkPatience {
			run.Ended = false
			break
		}
		switch err := s.decideOne(ctx, b, d, agreed, began); {
		case err == nil:
			run.Done++
		case !refuses(err):
			run.halt(s, c, err)
			return nil
		default:
			if run.Refused < bulkListed {
				run.Lines = append(run.Lines, bulkLine{Booking: b, Refused: refusal(b, err)})
			}
			run.Refused++
		}
		if run.Cursor, err = encodeCursor(list[i].ID, place); err != nil {
			return &problem{code: ProblemCodeInternal, cause: err}
		}
	}
	return nil
}

// decideOne holds a decision to what its actor was shown: of the first bookings to the whole preview, of the others to the
// fee of that moment.
func (s *Server) decideOne(ctx context.Context, b *booking.Booking, d booking.Decision, agreed map[string]string, began time.Time) error {
	d.Shown = agreed[string(b.ID)]
	if d.Verb == booking.VerbCancel {
		fee := b.CancelQuote(began).Fee
		d.ExpectedFee = &fee
	}
	_, err := s.decide(ctx, b.ID, d)
	return err
}

// refuses tells whether an error is an answer about the booking. Anything else would be the same for the next one.
func refuses(err error) bool {
	status, _, _ := describe(asProblem(err).code)
	return status < http.StatusInternalServerError || errors.Is(err, booking.ErrPreviewChanged)
}

func (r *bulkRun) halt(s *Server, c echo.Context, err error) {
	p := asProblem(err)
	s.report(c, p)
	_, title, _ := describe(p.code)
	r.Ended, r.Halted = false, title+". What is done is done, and nothing is done twice: go on in a moment."
}

func agreedTo(text string) map[string]string {
	agreed := map[string]string{}
	for _, pair := range strings.Fields(text) {
		id, digest, _ := strings.Cut(pair, ":")
		agreed[id] = digest
	}
	return agreed
}

// tally is a count that the page keeps for its reader; nothing depends on it.
func tally(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return min(max(n, 0), 100_000_000)
}
