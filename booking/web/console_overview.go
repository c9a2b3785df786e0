package web

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

const (
	overviewPath   = "/support/overview"
	attentionsMost = 1000 // of one reason; to count further takes longer than anybody needs to know
	pauseLogShown  = 10
)

// overviewView is how the service is doing. What needs a person and what is paused is of all processes; everything else is of
// this one.
type overviewView struct {
	Unknown    *booking.AttentionCount // outcomes that nobody knows; nil: none
	Attentions []booking.AttentionCount
	Most       int // how far those are counted

	Begun    time.Time // when this process began
	Span     string    // what the samples cover
	Any      bool      // there are samples
	Now      booking.Figures
	Oldest   string
	Counts   []countRow
	Failures []failureRow
	Systems  []booking.BreakerFigures

	Charts   []chartFrame
	Switches []pauseSwitch
	Log      []pauseLine
	MayPause bool
}

// countRow is what happened how often.
type countRow struct {
	Name   string // for tests and styles
	What   string
	Minute string // in the last minute
	Hour   int64  // in all of the samples
	Total  int64  // since this process began
}

// failureRow is how many bookings failed for one reason, in all of the samples.
type failureRow struct {
	Code  booking.Reason
	Count int64
	Share int // percent
}

// showOverview is the page, or what changes of it every few seconds.
func (s *Server) showOverview(c echo.Context) error {
	view, err := s.overview(c)
	if err != nil {
		return err
	}
	if wantsPart(c) {
		return s.renderPart(c, http.StatusOK, "overview", "now", view)
	}
	return s.render(c, http.StatusOK, "overview", view)
}

func (s *Server) overview(c echo.Context) (view overviewView, err error) {
	ctx := c.Request().Context()
	view = overviewView{Most: attentionsMost, Begun: s.begun, Charts: chartFrames, MayPause: rank(caller(c).key.Role) >= rank(RoleSupervisor)}
	if view.Attentions, err = s.views.Attentions(ctx, attentionsMost); err != nil {
		return view, err
	}
	slices.SortFunc(view.Attentions, func(a, b booking.AttentionCount) int {
		return cmp.Or(cmp.Compare(urgency(a), urgency(b)), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	if len(view.Attentions) > 0 && view.Attentions[0].Reason == booking.OutcomeUnknown {
		view.Unknown = &view.Attentions[0]
	}
	paused, err := s.controls.Pauses(ctx)
	if err != nil {
		return view, err
	}
	log, err := s.controls.PauseLog(ctx, pauseLogShown)
	if err != nil {
		return view, err
	}
	samples := s.controls.Figures()
	view.Switches, view.Log = s.switches(samples, paused), pauseLines(log)
	if view.Any = len(samples) > 0; view.Any {
		view.sum(samples)
	}
	return view, nil
}

// urgency puts what nobody knows before everything else: there money may be lost while people look elsewhere.
func urgency(a booking.AttentionCount) int {
	if a.Reason == booking.OutcomeUnknown {
		return 0
	}
	return 1
}

// sum turns samples into what people read: differences, because totals only grow.
func (v *overviewView) sum(samples []booking.Figures) {
	first, now := samples[0], samples[len(samples)-1]
	minute := minuteBefore(samples, len(samples)-1)
	v.Now, v.Oldest, v.Span = now, span(now.Oldest), span(now.At.Sub(first.At))
	row := func(name, what string, of func(booking.Figures) int64) {
		v.Counts = append(v.Counts, countRow{
			Name: name, What: what, Hour: of(now) - of(first), Total: of(now),
			Minute: strconv.FormatFloat(perMinute(minute, now, of), 'f', -1, 64),
		})
	}
	for _, o := range outcomes {
		row(o.name, o.what, o.of)
	}
	var failed int64
	for code, total := range now.Codes {
		if n := total - first.Codes[code]; n > 0 {
			v.Failures = append(v.Failures, failureRow{Code: code, Count: n})
			failed += n
		}
	}
	for i := range v.Failures {
		v.Failures[i].Share = int((v.Failures[i].Count*100 + failed/2) / failed)
	}
	slices.SortFunc(v.Failures, func(a, b failureRow) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code)) })
	v.Systems = slices.SortedFunc(slices.Values(now.Breakers), func(a, b booking.BreakerFigures) int { return strings.Compare(a.System, b.System) })
}

// outcomes are the totals that are shown as rates, in the order of a booking's way.
var outcomes = []struct {
	name, what string
	of         func(booking.Figures) int64
}{
	{"accepted", "accepted", func(f booking.Figures) int64 { return f.Accepted }},
	{"confirmed", "confirmed", func(f booking.Figures) int64 { return f.Confirmed }},
	{"failed", "failed", func(f booking.Figures) int64 { return f.Failed }},
	{"cancelled", "cancelled", func(f booking.Figures) int64 { return f.Cancelled }},
	{"unknown", "turns with an unknown outcome", func(f booking.Figures) int64 { return f.Unknown }},
	{"shed", "sent away with 503", func(f booking.Figures) int64 { return f.Shed }},
}

// minuteBefore is the sample that is a minute older than the one at i, or the oldest there is.
func minuteBefore(samples []booking.Figures, i int) booking.Figures {
	from := i
	for from > 0 && samples[i].At.Sub(samples[from].At) < time.Minute {
		from--
	}
	return samples[from]
}

// perMinute is a rate to a tenth. Of less than a minute it is what there was, and not what there would be at that pace.
func perMinute(from, to booking.Figures, of func(booking.Figures) int64) float64 {
	took := max(1, to.At.Sub(from.At).Minutes())
	return math.Round(float64(of(to)-of(from))/took*10) / 10
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than a second"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
}

// topCodes are the codes that most bookings failed with, most first.
func topCodes(first, now booking.Figures, most int) []booking.Reason {
	codes := slices.SortedFunc(maps.Keys(now.Codes), func(a, b booking.Reason) int {
		return cmp.Or(cmp.Compare(now.Codes[b]-first.Codes[b], now.Codes[a]-first.Codes[a]), cmp.Compare(a, b))
	})
	codes = slices.DeleteFunc(codes, func(r booking.Reason) bool { return now.Codes[r] == first.Codes[r] })
	return codes[:min(most, len(codes))]
}
