package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/providers/sandbox"
)

// what an offer token does: the answer to hold (0: none), to confirm at the held price, the status that retrieve tells
// afterwards, and what the ledger has.
type offerStory struct {
	hold        int
	holdCode    string
	total       string // of the hold
	confirm     int
	confirmCode string
	status      string // "": nothing is known
	retrieve    int
	holds       int
	active      int
}

func TestEveryOfferTokenDoesWhatItsNameSays(t *testing.T) {
	t.Parallel()
	booked := offerStory{hold: 201, total: "346.00", confirm: 201, status: "confirmed", retrieve: 200, active: 1}
	with := func(change func(*offerStory)) offerStory { s := booked; change(&s); return s }
	notHeld := func(status int, code string) offerStory {
		return offerStory{hold: status, holdCode: code, retrieve: 404}
	}
	stories := map[string]offerStory{
		"sim_ok":                     booked,
		"sim_slow_1":                 booked,
		"sim_202_cancel":             booked,
		"sim_cancel_refused":         booked,
		"sim_nonrefundable":          booked,
		"sim_fee":                    booked,
		"sim_terms_changed":          booked,
		"sim_number_later":           booked,
		"sim_price_up_3pct":          with(func(s *offerStory) { s.total = "356.38" }),
		"sim_price_up_30pct":         with(func(s *offerStory) { s.total = "449.80" }),
		"sim_timeout_booked":         with(func(s *offerStory) { s.confirm = 0 }),
		"sim_5xx_booked":             with(func(s *offerStory) { s.confirm, s.confirmCode = 500, "internal_error" }),
		"sim_garbage_200_booked":     with(func(s *offerStory) { s.confirm = 200 }),
		"sim_pending_then_confirmed": with(func(s *offerStory) { s.confirm = 202 }),
		"sim_supplier_cancels_later": with(func(s *offerStory) { s.status, s.active = "cancelled", 0 }),
		"sim_timeout_not_booked":     with(func(s *offerStory) { s.confirm, s.status, s.holds, s.active = 0, "held", 1, 0 }),
		"sim_timeout_forever":        with(func(s *offerStory) { s.confirm, s.status, s.retrieve, s.holds, s.active = 0, "", 0, 1, 0 }),
		"sim_sold_out_book": with(func(s *offerStory) {
			s.confirm, s.confirmCode, s.status, s.active = 410, "sold_out", "sold_out", 0
		}),
		"sim_price_mismatch_book": with(func(s *offerStory) {
			s.confirm, s.confirmCode, s.status, s.holds, s.active = 409, "price_mismatch", "held", 1, 0
		}),
		"sim_guest_rejected": with(func(s *offerStory) {
			s.confirm, s.confirmCode, s.status, s.holds, s.active = 422, "guest_data_rejected", "held", 1, 0
		}),
		"sim_rejected_book": with(func(s *offerStory) {
			s.confirm, s.confirmCode, s.status, s.holds, s.active = 409, "booking_rejected", "held", 1, 0
		}),
		"sim_sold_out_check": notHeld(410, "sold_out"),
		"sim_restricted":     notHeld(422, "occupancy_not_allowed"),
		"sim_duplicate_ref":  notHeld(409, "duplicate_reference"),
		"sim_down":           notHeld(503, "service_unavailable"),
	}
	for _, token := range sandbox.OfferTokens() {
		_, told := stories[strings.Replace(token, "<ms>", "1", 1)]
		require.True(t, told, "%s has no story", token)
	}
	for token, want := range stories {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			w := setup(t, sandbox.Config{})
			held := w.hold(ref, token)
			require.Equal(t, want.hold, held.Status)
			require.Equal(t, want.holdCode, held.code())
			if want.hold == 201 {
				require.Equal(t, want.total, held.at("total.amount"))
				require.Equal(t, token == "sim_terms_changed", held.at("terms_changed") == true)
				confirmed := w.confirm(ref, token, want.total)
				require.Equal(t, want.confirm, confirmed.Status)
				require.Equal(t, want.confirmCode, confirmed.code())
			}
			found := w.retrieve(ref)
			require.Equal(t, want.retrieve, found.Status)
			if want.status != "" {
				require.Equal(t, want.status, found.at("status"))
			}
			w.counts(ref, map[string]int{"holds": want.holds, "active_reservations": want.active})
		})
	}
}

func TestAnAnswerThatIsNoJSONIsAWebPage(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.hold(ref, "sim_garbage_200_booked")
	require.Contains(t, w.confirm(ref, "sim_garbage_200_booked", "346.00").Type, "text/html")
}

func TestAnOfferThatIsNotMagicHasExpired(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	for _, token := range []string{"rate-77", "sim_typo", "sim_slow_x", ""} {
		answer := w.hold(ref, token)
		require.Equal(t, 410, answer.Status, token)
		require.Equal(t, "offer_expired", answer.code(), token)
	}
}

func TestTheSameHoldAgainHasNoSecondEffect(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	first := w.hold(ref, "sim_ok")
	again := w.hold(ref, "sim_ok")
	require.Equal(t, first.JSON, again.JSON)
	other := w.hold(ref, "sim_fee")
	require.Equal(t, 409, other.Status)
	require.Equal(t, "duplicate_reference", other.code())
	w.counts(ref, map[string]int{"holds": 1, "holds_placed": 1, "keys_reused": 1})
}

func TestTheSameConfirmationAgainHasNoSecondEffect(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.hold(ref, "sim_ok")
	first := w.confirm(ref, "sim_ok", "346.00")
	require.Equal(t, first.JSON, w.confirm(ref, "sim_ok", "346.00").JSON)
	require.Contains(t, first.at("supplier_reference"), "SBX-")
	require.NotEmpty(t, first.at("hotel_confirmation"))
	require.Equal(t, "duplicate_reference", w.confirm(ref, "sim_ok", "345.00").code())
	w.counts(ref, map[string]int{"holds": 0, "active_reservations": 1, "max_active_reservations": 1, "ever_confirmed": 1})
}

func TestConfirmingNeedsAHoldAtItsPrice(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	require.Equal(t, "hold_not_found", w.confirm(ref, "sim_ok", "346.00").code())
	w.hold(ref, "sim_price_up_30pct")
	wrong := w.confirm(ref, "sim_price_up_30pct", "346.00")
	require.Equal(t, 409, wrong.Status)
	require.Equal(t, "449.80", wrong.at("error.total.amount"))
	require.Equal(t, 201, w.confirm(ref, "sim_price_up_30pct", "449.80").Status)
}

func TestAPriceThatMovedAtBookingCanBeBookedAtTheNewPrice(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.hold(ref, "sim_price_mismatch_book")
	moved := w.confirm(ref, "sim_price_mismatch_book", "346.00")
	require.Equal(t, "380.60", moved.at("error.total.amount"))
	require.Equal(t, 201, w.confirm(ref, "sim_price_mismatch_book", "380.60").Status)
}

func TestAReleaseIsForGood(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(w *world){
		"of nothing":   func(*world) {},
		"of a hold":    func(w *world) { w.hold(ref, "sim_ok") },
		"of a booking": func(w *world) { w.hold(ref, "sim_ok"); w.confirm(ref, "sim_ok", "346.00") },
		"of a pending booking": func(w *world) {
			w.hold(ref, "sim_pending_then_confirmed")
			w.confirm(ref, "sim_pending_then_confirmed", "346.00")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, sandbox.Config{SettleAfter: time.Hour})
			before(w)
			for range 2 {
				answer := w.release(ref)
				require.Equal(t, 200, answer.Status)
				require.Equal(t, "released", answer.at("status"))
			}
			w.settle()
			for range 2 { // what was sent earlier may arrive only now
				require.Equal(t, "reference_released", w.hold(ref, "sim_ok").code())
				require.Equal(t, "reference_released", w.confirm(ref, "sim_ok", "346.00").code())
			}
			w.counts(ref, map[string]int{"holds": 0, "active_reservations": 0})
		})
	}
}

func TestACancellationIsForGood(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	require.Equal(t, 200, w.cancel(ref).Status, "of nothing")
	require.Equal(t, "reference_released", w.hold(ref, "sim_ok").code())
	w.hold("OTHER", "sim_ok")
	w.confirm("OTHER", "sim_ok", "346.00")
	for range 2 {
		answer := w.cancel("OTHER")
		require.Equal(t, 200, answer.Status)
		require.Equal(t, "cancelled", answer.at("status"))
		require.Equal(t, "0.00", answer.at("penalty.amount"))
	}
	require.Equal(t, "reference_released", w.confirm("OTHER", "sim_ok", "346.00").code())
	w.counts("OTHER", map[string]int{"active_reservations": 0, "ever_confirmed": 1, "cancelled": 1, "released": 0})
}

func TestCancellingCostsWhatThePolicySays(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{"sim_ok": "0.00", "sim_fee": "69.20", "sim_nonrefundable": "346.00"} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			w := setup(t, sandbox.Config{Now: newClock().read})
			w.hold(ref, token)
			w.confirm(ref, token, "346.00")
			quote := w.call("GET", "/hotel/v1/reservations/"+ref+"/cancellation", nil)
			require.Equal(t, want, quote.at("penalty.amount"))
			require.Equal(t, want, w.cancel(ref).at("penalty.amount"))
			require.Equal(t, want, w.ledger(ref)["penalty"])
		})
	}
}

func TestThePolicyIsInTheHotelsTimeAndTheFirstRowHasNoStart(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	policy, ok := w.hold(ref, "sim_ok").at("cancellation_policy").([]any)
	require.True(t, ok)
	require.Len(t, policy, 2)
	require.Nil(t, policy[0].(object)["from"])
	require.Equal(t, "2027-02-28T18:00:00+01:00", policy[1].(object)["from"])
}

func TestACancellationMayTakeItsTime(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{SettleAfter: time.Hour})
	w.hold(ref, "sim_202_cancel")
	w.confirm(ref, "sim_202_cancel", "346.00")
	for range 2 {
		require.Equal(t, 202, w.cancel(ref).Status)
	}
	require.Equal(t, "cancelling", w.retrieve(ref).at("status"))
	w.counts(ref, map[string]int{"active_reservations": 1})
	w.settle()
	require.Equal(t, "cancelled", w.retrieve(ref).at("status"))
	require.Equal(t, 200, w.cancel(ref).Status)
	w.counts(ref, map[string]int{"active_reservations": 0, "cancelled": 1})
}

func TestASupplierMayInsistOnTheStay(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.hold(ref, "sim_cancel_refused")
	w.confirm(ref, "sim_cancel_refused", "346.00")
	require.Equal(t, "cancellation_refused", w.cancel(ref).code())
	w.counts(ref, map[string]int{"active_reservations": 1})
}

func TestAPendingBookingIsDecidedLaterAndItsNumberComesLaterStill(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := setup(t, sandbox.Config{SettleAfter: time.Minute, Now: clock.read})
	w.hold(ref, "sim_pending_then_confirmed")
	for range 2 {
		require.Equal(t, 202, w.confirm(ref, "sim_pending_then_confirmed", "346.00").Status)
	}
	require.Equal(t, "pending", w.retrieve(ref).at("status"))
	w.counts(ref, map[string]int{"active_reservations": 0, "holds": 0})
	clock.move(time.Minute)
	found := w.retrieve(ref)
	require.Equal(t, "confirmed", found.at("status"))
	require.Nil(t, found.at("hotel_confirmation"))
	require.Equal(t, 201, w.confirm(ref, "sim_pending_then_confirmed", "346.00").Status)
	clock.move(time.Minute)
	require.NotEmpty(t, w.retrieve(ref).at("hotel_confirmation"))
	w.counts(ref, map[string]int{"ever_confirmed": 1})
}

func TestAHoldRunsOutAndTheReferenceMayHoldAgain(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := setup(t, sandbox.Config{HoldFor: time.Minute, Now: clock.read})
	require.Equal(t, "2026-11-01T12:01:00Z", w.hold(ref, "sim_ok").at("expires_at"))
	clock.move(time.Minute)
	require.Equal(t, "hold_expired", w.confirm(ref, "sim_ok", "346.00").code())
	w.counts(ref, map[string]int{"holds": 0, "released": 1})
	require.Equal(t, 201, w.hold(ref, "sim_ok").Status)
	require.Equal(t, 201, w.confirm(ref, "sim_ok", "346.00").Status)
	clock.move(time.Hour)
	w.counts(ref, map[string]int{"holds": 0, "active_reservations": 1, "holds_placed": 2})
}

func TestAskingForeverIsAnsweredOnceEverythingWasGivenBack(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.hold(ref, "sim_timeout_forever")
	require.Equal(t, "held", w.retrieve(ref).at("status"), "before anybody tried to confirm it")
	w.confirm(ref, "sim_timeout_forever", "346.00")
	require.Equal(t, 0, w.retrieve(ref).Status)
	w.release(ref)
	require.Equal(t, "released", w.retrieve(ref).at("status"))
}

func TestWrongRequestsAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	good := func() object {
		return object{"reference": ref, "offer_token": "sim_ok", "expected_total": eur("346.00"), "stay": stay()}
	}
	for name, spoil := range map[string]func(object){
		"reference:":      func(o object) { o["reference"] = "lower-case" },
		"decimal":         func(o object) { o["expected_total"] = eur("346.0") },
		"currency":        func(o object) { o["expected_total"] = object{"amount": "346.00", "currency": "euro"} },
		"stay.check_out:": func(o object) { o["stay"].(object)["check_out"] = "2027-03-01" },
		"adults":          func(o object) { o["stay"].(object)["rooms"] = []object{{"adults": 0}} },
		"unknown field":   func(o object) { o["card_number"] = "x" },
	} {
		body := good()
		spoil(body)
		answer := w.call("POST", "/hotel/v1/holds", body)
		require.Equal(t, 400, answer.Status, name)
		require.Contains(t, answer.at("error.message"), name)
	}
	require.Equal(t, 400, w.call("POST", "/hotel/v1/holds", `{} {}`).Status)
	require.Empty(t, w.ledger(ref))
}
