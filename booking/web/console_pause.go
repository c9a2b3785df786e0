package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

const (
	pausesPath   = "/support/pauses"
	pauseReason  = 500             // characters
	pausesCached = 5 * time.Second // what the banner of every page may be behind by
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

// pauseName is what people call it.
func pauseName(what string) string {
	if supplier, ok := strings.CutPrefix(what, booking.PauseOfSupplier("")); ok {
		return "Supplier " + supplier
	}
	switch what {
	case booking.PauseIntake:
		return "Taking bookings in"
	case booking.PauseOfPool(booking.ProviderPool):
		return "All suppliers"
	case booking.PauseOfPool(booking.FraudPool):
		return "Fraud screening"
	case booking.PauseOfPool(booking.PaymentPool):
		return "Payment"
	case booking.PauseOfPool(booking.TrackingPool):
		return "Tracking"
	default:
		return what
	}
}

// pauseEffect says what will happen. It holds for every process on the same database.
func pauseEffect(what string) []string {
	const (
		underWay = "Calls that are under way end as they would."
		restart  = "It stays so, in every process and past restarts, until somebody lets it go on."
	)
	switch what {
	case booking.PauseIntake:
		return []string{
			"New submissions are answered with 503 and Retry-After, and nothing of them is stored.",
			"Bookings that were accepted go on as they would.", restart,
		}
	case booking.PauseOfPool(booking.TrackingPool):
		return []string{"No conversion is reported until it goes on; then all are. Bookings are not held up.", underWay, restart}
	case booking.PauseOfPool(booking.FraudPool):
		return []string{
			"No booking is screened. New ones wait before anything is reserved on a card.",
			"Those that are not confirmed within the booking deadline fail, and nothing is charged.", underWay, restart,
		}
	case booking.PauseOfPool(booking.PaymentPool):
		return []string{
			"No card is reserved, charged or refunded. Bookings wait; releases and refunds wait, too.",
			"Those that are not confirmed within the booking deadline fail, and nothing is charged.", underWay, restart,
		}
	default:
		return []string{
			"No calls are made to it. Its bookings wait; rooms that are to be given back, and cancellations, wait, too.",
			"Those that are not confirmed within the booking deadline fail, and nothing is charged.", underWay, restart,
		}
	}
}

func resumeEffect(what string) []string {
	if what == booking.PauseIntake {
		return []string{"New submissions are taken again at once."}
	}
	return []string{"Calls are made again. What has waited goes on within half a minute."}
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
	if view.Dialog = c.Request().Header.Get("HX-Request") != ""; view.Dialog {
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

// pauseBanner is what every page of the console says is paused. Pages share what was read a few seconds ago.
type pauseBanner struct {
	mu    sync.Mutex
	names []string
	until time.Time
}

// paused names what is paused. A page does not fail for its banner: while the database does not answer it stays as it was.
func (b *pauseBanner) paused(ctx context.Context, now time.Time, controls Controls) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.until) {
		return b.names
	}
	b.until = now.Add(pausesCached)
	if list, err := controls.Pauses(ctx); err == nil {
		b.names = nil
		for _, p := range list {
			b.names = append(b.names, pauseName(p.What))
		}
	}
	return b.names
}

func (b *pauseBanner) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until = time.Time{}
}
