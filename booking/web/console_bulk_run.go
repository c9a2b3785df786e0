package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

const (
	bulkSlice    = 20              // bookings of one step
	bulkPatience = 5 * time.Second // of one step, so that there is progress to be seen
	bulkListed   = 100             // refusals that the page lists
)

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
