package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// deskAction is what somebody at the console can do about one booking.
type deskAction struct {
	Verb   booking.Verb
	Label  string // on its button
	Title  string // of its dialogue
	Why    string // what the reason is asked for
	access access
}

// deskActions are in the order in which their buttons stand: what a booking waits for comes first.
var deskActions = []deskAction{
	{booking.VerbApprove, "Approve", "Approve this booking", "Why may it go on?", accessAgent},
	{booking.VerbReject, "Reject", "Reject this booking", "Why not?", accessAgent},
	{booking.VerbResolve, "Resolve", "Say what really happened", "What is the evidence? Who told you, and when?", accessAgent},
	{booking.VerbRetry, "Retry", "Try it again now", "Why now?", accessAgent},
	{booking.VerbRefund, "Refund", "Give money back", "Why does it go back?", accessSupervisor},
	{booking.VerbCancel, "Cancel the booking", "Cancel this booking", "Who wants it cancelled, and why?", accessAgent},
	{booking.VerbNote, "Add a note", "Add a note", "What shall others know?", accessAgent},
	{booking.VerbReveal, "Reveal", "See who the guests are", "What do you need it for?", accessViewer},
}

// actRoutes are the dialogue and its form, for every action. Who may not act is not shown the dialogue, either.
func (s *Server) actRoutes() []route {
	var all []route
	for _, a := range deskActions {
		at := bookingsPath + "/:id/actions/" + string(a.Verb)
		show := func(c echo.Context) error { return s.showAction(c, a) }
		do := func(c echo.Context) error { return s.doAction(c, a) }
		all = append(all,
			route{method: "GET", path: at, access: a.access, handle: show, page: true, query: []string{"amount", "part"}},
			route{method: "POST", path: at, access: a.access, handle: do, page: true, before: []func(echo.Context) error{s.sameOrigin}})
	}
	return all
}

// showAction says what an action would do, and asks whether it shall.
func (s *Server) showAction(c echo.Context, a deskAction) error {
	b, err := s.bookingAt(c)
	if err != nil {
		return err
	}
	view := s.actView(b, a)
	if a.Verb == booking.VerbRefund {
		view.Amount = c.QueryParam("amount")
		if view.Amount == "" && c.QueryParam("part") == "" {
			view.Amount = view.Left.Decimal()
		}
	}
	status := s.foresee(c, &view)
	if c.QueryParam("part") == "preview" {
		return s.renderPart(c, http.StatusOK, "act", "preview", view)
	}
	return s.showDialog(c, status, view)
}

// doAction makes the decision that a dialogue has asked for, if it still does what the dialogue said.
func (s *Server) doAction(c echo.Context, a deskAction) error {
	b, err := s.bookingAt(c)
	if err != nil {
		return err
	}
	view := s.actView(b, a)
	form, err := s.form(c, "reason", "choice", "amount", "supplier_reference", "fee")
	if refused := (*problem)(nil); errors.As(err, &refused) && refused.code == ProblemCodeCardDataRefused {
		s.foresee(c, &view)
		status, _, detail := describe(refused.code)
		view.Problem = detail
		return s.showDialog(c, status, view)
	}
	if err != nil {
		return err
	}
	view.Reason, view.Amount, view.Supplier = form.Get("reason"), form.Get("amount"), form.Get("supplier_reference")
	chosen, ok := parseToken(form.Get("choice"))
	if ok {
		if answered, err := s.resent(c, b, a.Verb, view.Reason, chosen.version); answered || err != nil {
			return err
		}
	}
	d, status := s.read(c, &view, chosen, ok, form.Get("fee"))
	if status != http.StatusOK {
		return s.showDialog(c, status, view)
	}
	decided, err := s.conclude(c, string(b.ID), view.Reason, d)
	if err == nil {
		return s.showDone(c, decided, a.Verb, decided.Version)
	}
	return s.refused(c, view, chosen, err)
}

// read makes a decision of a form; a status that is not 200 says that it cannot, and the view says why.
func (s *Server) read(c echo.Context, view *actView, chosen token, ok bool, fee string) (booking.Decision, int) {
	d := booking.Decision{Verb: view.Action.Verb, Shown: chosen.digest}
	view.wrong(s.spec.violations("SupportAction", map[string]any{"reason": view.Reason}))
	switch d.Verb {
	case booking.VerbResolve:
		var found findings
		d.Happened, d.SupplierReference = chosen.option == optionHappened, found.line("/supplier_reference", view.Supplier)
		view.wrong(found.fields)
		if len(view.Supplier) > 64 {
			view.Wrong["supplier_reference"] = "It must have at most 64 characters."
		}
		if ok && d.Happened && view.AsksRef && d.SupplierReference == "" {
			view.explain(booking.ErrEvidenceMissing)
		}
	case booking.VerbCancel:
		d.WaiveFee = chosen.option == optionWaive
		if d.WaiveFee && rank(caller(c).key.Role) < rank(RoleSupervisor) {
			view.Problem = "Only a supervisor can waive the fee."
			s.foresee(c, view)
			return d, http.StatusForbidden
		}
		if was, err := booking.ParseMoney(fee, view.Left.Currency); err == nil {
			d.ExpectedFee = &was
		}
	case booking.VerbRefund:
		amount, err := s.refundAmount(view)
		if d.Amount = amount; err == nil && ok && chosen.option != amount.Decimal() {
			view.Changed = "The amount is another one now. Read what will be done, then confirm."
		}
	case booking.VerbRetry, booking.VerbApprove, booking.VerbReject, booking.VerbNote, booking.VerbReveal: // a reason is all
	case booking.VerbPay, booking.VerbAcceptOffer, booking.VerbNotify, booking.VerbErase: // not decided at a desk
	}
	if !ok {
		if view.Wrong["choice"] = "Read what it will do, then confirm."; d.Verb == booking.VerbResolve {
			view.Wrong["choice"] = "Choose one of the two."
		}
	}
	if len(view.Wrong) == 0 && view.Changed == "" {
		return d, http.StatusOK
	}
	if status := s.foresee(c, view); status != http.StatusOK {
		return d, status
	}
	view.check(chosen.option)
	if view.Changed != "" {
		return d, http.StatusConflict
	}
	return d, http.StatusUnprocessableEntity
}

// refused shows the dialogue again, with what was typed, and with why nothing was done. Whoever sent the same twice at once
// is shown what the first one did.
func (s *Server) refused(c echo.Context, view actView, chosen token, why error) error {
	b, err := s.bookings.Get(c.Request().Context(), view.B.ID)
	if err != nil {
		return err
	}
	if answered, err := s.resent(c, b, view.Action.Verb, view.Reason, chosen.version); answered || err != nil {
		return err
	}
	again := s.actView(b, view.Action)
	again.Reason, again.Amount, again.Supplier = view.Reason, view.Amount, view.Supplier
	status := again.explain(why)
	if status == 0 {
		return why
	}
	if foreseen := s.foresee(c, &again); foreseen != http.StatusOK {
		status = foreseen
		again.Changed = ""
	}
	again.check(chosen.option)
	return s.showDialog(c, status, again)
}

// resent answers a form that came before as it was answered then. What is revealed is shown for a line of its own each time.
func (s *Server) resent(c echo.Context, b *booking.Booking, verb booking.Verb, reason string, since int) (answered bool, err error) {
	if verb == booking.VerbReveal {
		return false, nil
	}
	done, err := s.saidAlready(c, b, verb, reason, since)
	if err != nil || done == 0 {
		return false, err
	}
	return true, s.showDone(c, b, verb, done)
}

// saidAlready is the version that the same decision has made since it was shown, or 0: forms are sent twice, and the second
// one is answered as the first.
func (s *Server) saidAlready(c echo.Context, b *booking.Booking, verb booking.Verb, reason string, since int) (int, error) {
	if b.Version <= since {
		return 0, nil
	}
	history, err := s.desk.History(c.Request().Context(), b.ID)
	if err != nil {
		return 0, err
	}
	for _, e := range history {
		if e.Version > since && e.Actor == caller(c).actor() && e.Verb == string(verb) && e.Detail == tidy(reason) {
			return e.Version, nil
		}
	}
	return 0, nil
}

// showDialog answers with the dialogue: alone for a script that opens it, else as a page of its own.
func (s *Server) showDialog(c echo.Context, status int, view actView) error {
	if wantsPart(c) {
		return s.renderPart(c, status, "act", "dialog", view)
	}
	return s.render(c, status, "act", view)
}

// showDone says what was done: beside the booking as it is now. What is revealed is not kept, so it is in this answer.
func (s *Server) showDone(c echo.Context, b *booking.Booking, verb booking.Verb, version int) error {
	plainly := verb == booking.VerbReveal
	part := wantsPart(c)
	if !part && !plainly {
		return c.Redirect(http.StatusSeeOther, bookingPath(b.ID)+"?done="+strconv.Itoa(version))
	}
	view, err := s.bookingView(c, b, plainly)
	if err != nil {
		return err
	}
	view.Done = doneWords(view.History, caller(c).actor(), version, b)
	if part {
		return s.renderPart(c, http.StatusOK, "booking", "done", view)
	}
	return s.render(c, http.StatusOK, "booking", view)
}

// bookingAt is the booking of an address with its id.
func (s *Server) bookingAt(c echo.Context) (*booking.Booking, error) {
	id, err := bookingID(c.Param("id"))
	if err != nil {
		return nil, err
	}
	return s.bookings.Get(c.Request().Context(), id)
}

func actionOf(verb booking.Verb) deskAction {
	at := slices.IndexFunc(deskActions, func(a deskAction) bool { return a.Verb == verb })
	if at < 0 {
		return deskAction{}
	}
	return deskActions[at]
}
