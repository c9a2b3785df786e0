package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

const (
	pausesPath  = "/support/pauses"
	pauseReason = 500 // characters
)

// pauseSwitch is one thing that can be paused.
type pauseSwitch struct {
	What  string // as in booking.Pause
	ID    string // the same, as an element of a page can be called
	Name  string
	Pause *booking.Pause // nil: it goes on
	Use   *booking.PoolFigures
}

// pauseLine is one change, in the log of changes.
type pauseLine struct {
	booking.PauseEvent
	Name string
}

// pauseView is what a supervisor reads before they pause something, or let it go on.
type pauseView struct {
	pauseSwitch
	Resume bool
	Effect []string
	Dialog bool // in a page that stays
}

// switches lists what can be paused: the intake, the pools, and every supplier that is configured, known to the engine or paused.
func (s *Server) switches(samples []booking.Figures, paused []booking.Pause) []pauseSwitch {
	var now booking.Figures
	if len(samples) > 0 {
		now = samples[len(samples)-1]
	}
	whats := []string{booking.PauseIntake}
	for _, p := range booking.Pools() {
		whats = append(whats, booking.PauseOfPool(p))
	}
	suppliers := slices.Clone(s.config.Suppliers)
	for _, b := range now.Breakers {
		if supplier, ok := strings.CutPrefix(b.System, string(booking.ProviderPool)+":"); ok {
			suppliers = append(suppliers, supplier)
		}
	}
	slices.Sort(suppliers)
	for _, supplier := range slices.Compact(suppliers) {
		whats = append(whats, booking.PauseOfSupplier(supplier))
	}
	for _, p := range paused {
		if !slices.Contains(whats, p.What) {
			whats = append(whats, p.What)
		}
	}
	list := make([]pauseSwitch, len(whats))
	for i, what := range whats {
		list[i] = pauseSwitch{What: what, ID: strings.ReplaceAll(what, ":", "-"), Name: pauseName(what)}
		if at := slices.IndexFunc(paused, func(p booking.Pause) bool { return p.What == what }); at >= 0 {
			list[i].Pause = &paused[at]
		}
		for _, p := range now.Pools {
			if booking.PauseOfPool(p.Pool) == what {
				list[i].Use = &p
			}
		}
	}
	return list
}

// showPause asks a supervisor for the reason.
func (s *Server) showPause(c echo.Context) error {
	paused, err := s.controls.Pauses(c.Request().Context())
	if err != nil {
		return err
	}
	all := s.switches(s.controls.Figures(), paused)
	at := slices.IndexFunc(all, func(p pauseSwitch) bool { return p.What == c.QueryParam("what") })
	if at < 0 {
		return booking.ErrNotFound
	}
	view := pauseView{pauseSwitch: all[at], Resume: all[at].Pause != nil, Effect: pauseEffect(all[at].What)}
	if view.Resume {
		view.Effect = resumeEffect(view.What)
	}
	if view.Dialog = wantsPart(c); view.Dialog {
		return s.renderPart(c, http.StatusOK, "pause", "dialog", view)
	}
	return s.render(c, http.StatusOK, "pause", view)
}

// pause does what the supervisor was shown.
func (s *Server) pause(c echo.Context) error {
	form, err := s.form(c, "what", "to", "reason")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	paused, err := s.controls.Pauses(ctx)
	if err != nil {
		return err
	}
	var found findings
	what, reason := form.Get("what"), found.text("/reason", form.Get("reason"))
	if n := utf8.RuneCountInString(reason); n == 0 || n > pauseReason {
		found.add("/reason", "too_short", fmt.Sprintf("It must say something, in at most %d characters.", pauseReason))
	}
	if to := form.Get("to"); to != "pause" && to != "resume" {
		found.add("/to", "invalid_format", "It is pause or resume.")
	}
	known := slices.ContainsFunc(s.switches(s.controls.Figures(), paused), func(p pauseSwitch) bool { return p.What == what })
	if !known {
		found.add("/what", "invalid_format", "There is nothing of that name to pause.")
	}
	if len(found.fields) > 0 {
		return invalid(found.fields...)
	}
	err = s.controls.Pause(ctx, booking.PauseChange{
		What: what, Paused: form.Get("to") == "pause", Actor: caller(c).actor(), Role: string(caller(c).key.Role), RequestID: requestID(c), Reason: reason,
	})
	s.pauses.forget()
	if errors.Is(err, booking.ErrNotPausable) {
		return invalid(FieldError{"/what", "invalid_format", "There is nothing of that name to pause."})
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, overviewPath)
}

func pauseLines(events []booking.PauseEvent) []pauseLine {
	lines := make([]pauseLine, len(events))
	for i, e := range events {
		lines[i] = pauseLine{e, pauseName(e.What)}
	}
	return lines
}
