package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// option is one thing that an action can mean, with what it would then do.
type option struct {
	Value   string // what comes back if it is chosen: see token
	Label   string // empty: there is only one
	Text    string
	Checked bool
}

// token is an option as it comes back: which one, the booking's version when it was shown, and the digest of what was shown.
type token struct {
	option  string
	version int
	digest  string
}

func (t token) String() string { return t.option + "~" + strconv.Itoa(t.version) + "~" + t.digest }

func parseToken(text string) (t token, ok bool) {
	parts := strings.Split(text, "~")
	if len(parts) != 3 || parts[2] == "" {
		return token{}, false
	}
	version, err := strconv.Atoi(parts[1])
	return token{parts[0], version, parts[2]}, err == nil
}

// The options of actions that have several.
const (
	optionOnly        = "do"
	optionHappened    = "happened"
	optionNotHappened = "not_happened"
	optionWaive       = "waive"
)

// actView is a dialogue.
type actView struct {
	Action    deskAction
	B         *booking.Booking
	Story     booking.Story
	Question  string // that the options answer
	Options   []option
	Reason    string
	Amount    string // of a refund, as it was typed
	Left      booking.Money
	Fee       string // as it stood when it was shown
	Supplier  string // the reference that was typed
	AsksRef   bool   // a confirmation that happened needs one
	Changed   string // what is to be read again, and why
	Problem   string // about the whole of it
	Wrong     map[string]string
	Allowed   []string // what can be done instead
	Forbidden bool     // it cannot be done at all as things stand
}

func (s *Server) actView(b *booking.Booking, a deskAction) actView {
	m := b.Facts.Money
	view := actView{
		Action: a, B: b, Story: booking.Tell(b, s.now()), Wrong: map[string]string{},
		Left: b.Facts.Price.Of(max(0, m.Captured-m.Refunded)), Fee: b.CancelQuote(s.now()).Fee.Decimal(),
	}
	view.AsksRef = a.Verb == booking.VerbResolve && b.Goal == booking.Confirm && b.Place.Step == booking.StepConfirm
	return view
}

// foresee fills in what each option would do, and tells with which status that is shown.
func (s *Server) foresee(c echo.Context, view *actView) int {
	now, status := s.now(), http.StatusOK
	add := func(name, label string, d booking.Decision) {
		foreseen, err := s.flow.Preview(view.B, d, now)
		if err != nil {
			status = view.explain(err)
			return
		}
		view.Options = append(view.Options, option{Value: token{name, view.B.Version, foreseen.Digest}.String(), Label: label, Text: foreseen.Text})
	}
	view.Options = nil
	switch verb := view.Action.Verb; verb {
	case booking.VerbResolve:
		view.Question = stepTitle(view.B.Place.Step) + ": did it happen?"
		if view.B.Goal != booking.Confirm {
			view.Question = "Undoing “" + stepTitle(view.B.Place.Step) + "”: did it happen?"
		}
		add(optionHappened, "It happened", booking.Decision{Verb: verb, Happened: true, SupplierReference: "-"})
		add(optionNotHappened, "It did not happen", booking.Decision{Verb: verb})
	case booking.VerbCancel:
		label := ""
		view.Question = "What about the fee?"
		waivable := rank(caller(c).key.Role) >= rank(RoleSupervisor) && view.Fee != view.Left.Of(0).Decimal()
		if waivable {
			label = "By the policy"
		}
		add(optionOnly, label, booking.Decision{Verb: verb})
		if waivable && status == http.StatusOK {
			add(optionWaive, "Waive the fee", booking.Decision{Verb: verb, WaiveFee: true})
		}
		if waivable && len(view.Options) > 0 {
			view.Options[0].Checked = true
		}
	case booking.VerbRefund:
		if _, err := s.flow.Preview(view.B, booking.Decision{Verb: verb}, now); err != nil {
			return view.explain(err) // whatever the amount
		}
		amount, err := s.refundAmount(view)
		if err != nil {
			return http.StatusUnprocessableEntity
		}
		add(amount.Decimal(), "", booking.Decision{Verb: verb, Amount: amount})
	case booking.VerbRetry, booking.VerbApprove, booking.VerbReject, booking.VerbNote, booking.VerbReveal:
		add(optionOnly, "", booking.Decision{Verb: verb})
	case booking.VerbPay, booking.VerbAcceptOffer, booking.VerbNotify, booking.VerbErase: // not decided at a desk
	}
	return status
}

// refundAmount reads the amount as people type it; all that is left where they typed nothing.
func (s *Server) refundAmount(view *actView) (booking.Money, error) {
	typed := strings.TrimSpace(view.Amount)
	if typed == "" {
		return view.Left, nil
	}
	if strings.Count(typed, ",") == 1 && !strings.Contains(typed, ".") {
		typed = strings.Replace(typed, ",", ".", 1)
	}
	if scale := booking.Scale(view.Left.Currency); scale > 0 && !strings.Contains(typed, ".") {
		typed += "." + strings.Repeat("0", scale)
	}
	var found findings
	amount := s.rules.money("/amount", Money{Amount: typed, Currency: view.Left.Currency}, &found)
	if len(found.fields) == 0 && amount.IsZero() {
		found.add("/amount/amount", "too_small", "It must be more than nothing.")
	}
	if len(found.fields) > 0 {
		view.wrong(found.fields)
		return booking.Money{}, invalid(found.fields...)
	}
	return amount, nil
}

// explain puts an error of Decide into words where they belong, and tells the status: 0 where it is none of those.
func (v *actView) explain(err error) int {
	illegal, known := &booking.IllegalError{}, &problem{}
	switch {
	case errors.Is(err, booking.ErrPreviewChanged), errors.Is(err, booking.ErrFeeChanged):
		v.Changed = "It has changed while you were reading. Nothing was done. Read what it would do now, then confirm."
		return http.StatusConflict
	case errors.As(err, &illegal):
		v.Forbidden = true
		v.Problem = "This is not possible as the booking stands now. Nothing was done."
		v.Allowed = slices.DeleteFunc(words(illegal.Allowed), func(verb string) bool { return actionOf(booking.Verb(verb)).Verb == "" })
		return http.StatusConflict
	case errors.Is(err, booking.ErrAmountTooLarge):
		v.Wrong["amount"] = "It is more than what is left to refund: " + v.Left.String() + "."
		return http.StatusUnprocessableEntity
	case errors.Is(err, booking.ErrEvidenceMissing):
		v.Wrong["supplier_reference"] = "A room that was booked has a number at the supplier: ask for it."
		return http.StatusUnprocessableEntity
	case errors.As(err, &known) && len(known.fields) > 0:
		v.wrong(known.fields)
		return http.StatusUnprocessableEntity
	case errors.As(err, &known) && len(known.allowed) > 0:
		v.Forbidden, v.Problem, v.Allowed = true, known.detail, known.allowed
		return http.StatusConflict
	default:
		return 0
	}
}

// wrong puts findings beside their fields.
func (v *actView) wrong(fields []FieldError) {
	for _, f := range fields {
		name, _, _ := strings.Cut(strings.TrimPrefix(f.Pointer, "/"), "/")
		v.Wrong[name] = f.Detail
	}
}

// First is the field that the reader has to begin with.
func (v actView) First() string {
	for _, name := range []string{"amount", "supplier_reference", "reason"} {
		if v.Wrong[name] != "" {
			return name
		}
	}
	if v.Action.Verb == booking.VerbRefund {
		return "amount"
	}
	return "reason"
}

// check keeps the option that was chosen.
func (v *actView) check(chosen string) {
	for i := range v.Options {
		t, _ := parseToken(v.Options[i].Value)
		v.Options[i].Checked = t.option == chosen
	}
}
