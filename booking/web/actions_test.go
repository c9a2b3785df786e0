package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

func (g *guest) post(path, body string) reply {
	g.Helper()
	return g.call("POST", g.path+path, g.secret, body)
}

func TestAQuoteIsWhatTheCancellationThenCosts(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	free := read[CancellationQuote](g.call("GET", g.path+"/cancellation", g.secret, "").is(http.StatusOK))
	require.Equal(t, Money{"0.00", "EUR"}, free.Fee)
	g.house.until(t, g.id, atRest)
	free = read[CancellationQuote](g.call("GET", g.path+"/cancellation", g.secret, "").is(http.StatusOK).golden("quote_free"))
	require.Equal(t, bookingtest.Start.Add(20*time.Second), free.ValidUntil)
	g.house.pass(time.Minute)
	dear := read[CancellationQuote](g.call("GET", g.path+"/cancellation", g.secret, "").is(http.StatusOK).golden("quote_with_fee"))
	require.True(t, dear.ValidUntil.IsZero())

	p := g.post("/cancellation", `{"expected_fee":{"amount":"0.00","currency":"EUR"}}`).golden("problem_fee_changed").
		problem(http.StatusConflict, ProblemCodeFeeChanged)
	require.Equal(t, dear, p.Quote)
	require.Equal(t, StatusConfirmed, g.get().booking().Status, "nothing happened")
	b := g.post("/cancellation", `{"expected_fee":{"amount":"69.20","currency":"EUR"}}`).is(http.StatusAccepted).booking()
	require.Equal(t, StatusCancelling, b.Status)
	require.Equal(t, dear.Fee, b.Cancellation.Fee)
}

func TestCancellingTwiceIsCancellingOnce(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	for range 2 {
		answer := g.post("/cancellation", "").is(http.StatusAccepted)
		require.Equal(t, StatusCancelling, answer.booking().Status)
		require.Equal(t, g.path, answer.header.Get("Location"))
	}
	g.house.until(t, g.id, atRest)
	over := g.post("/cancellation", "{}").is(http.StatusAccepted).booking()
	require.Equal(t, StatusCancelled, over.Status)
	require.Equal(t, Money{"0.00", "EUR"}, over.Cancellation.Refund, "nothing was taken, so nothing came back")
	g.call("GET", g.path+"/cancellation", g.secret, "").problem(http.StatusConflict, ProblemCodeCancelNotAllowed)
}

func TestAFailedBookingCannotBeCancelled(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.script(g.id, fates{"hold": {bookingtest.Refuses}})
	g.house.until(t, g.id, atRest)
	g.post("/cancellation", "").golden("problem_cancel_not_allowed").problem(http.StatusConflict, ProblemCodeCancelNotAllowed)
	g.call("GET", g.path+"/cancellation", g.secret, "").problem(http.StatusConflict, ProblemCodeCancelNotAllowed)
}

func TestTheOwnKeyCancelsToo(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.call("POST", g.path+"/cancellation", webKey, "{}").is(http.StatusAccepted)
	g.house.until(t, g.id, atRest)
	require.Equal(t, "cancelled_by_customer", g.get().booking().Cancellation.Code)
}

func TestAFeeThatIsNoMoneyIsRefused(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.post("/cancellation", `{"expected_fee":{"amount":"0","currency":"EUR"}}`).problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	g.post("/cancellation", `{"expected_fee":{}}`).problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	g.post("/cancellation", `{"fee":1}`).problem(http.StatusBadRequest, ProblemCodeMalformedRequest)
	require.Equal(t, StatusPending, g.get().booking().Status)
}

func TestAfterThreeDSecureTheBankIsAsked(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.post("/actions/payment", "").golden("problem_state_conflict").problem(http.StatusConflict, ProblemCodeStateConflict)
	g.house.script(g.id, fates{"authorize": {bookingtest.AsksCustomer}})
	g.house.until(t, g.id, at(booking.Parked, booking.StepAuthorize))
	p := g.post("/actions/payment", `{"payment":{"token":"pm_card_visa"}}`).problem(http.StatusConflict, ProblemCodeStateConflict)
	require.Equal(t, "The booking waits for something else: see its action.", p.Detail)
	g.house.rooms[g.id].world.Authenticate(true)
	asked := g.post("/actions/payment", "").is(http.StatusAccepted).booking()
	require.Equal(t, StatusProcessing, asked.Status)
	require.Equal(t, booking.Finding, g.house.rooms[g.id].b.Place.Phase)
	require.Equal(t, asked, g.post("/actions/payment", "{}").is(http.StatusAccepted).booking(), "both the bank and the browser tell")
	g.house.until(t, g.id, atRest)
	require.Equal(t, StatusConfirmed, g.get().booking().Status)
	require.Equal(t, g.get().booking(), g.post("/actions/payment", "").is(http.StatusAccepted).booking(), "the browser comes late")
	g.post("/actions/payment", `{"payment":{"token":"pm_other"}}`).problem(http.StatusConflict, ProblemCodeStateConflict)
}

func TestAnotherCardMendsADecline(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.script(g.id, fates{"authorize": {bookingtest.Refuses, bookingtest.Obeys}})
	g.house.until(t, g.id, at(booking.Parked, booking.StepAuthorize))
	g.post("/actions/payment", "{}").problem(http.StatusConflict, ProblemCodeStateConflict)
	g.post("/actions/payment", `{"payment":{}}`).problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	g.post("/actions/payment", `{"payment":{"token":"pm_other"}}`).is(http.StatusAccepted)
	require.Equal(t, "pm_other", g.house.rooms[g.id].b.Facts.Money.Token)
	version := g.get().booking().Version
	require.Equal(t, version, g.post("/actions/payment", `{"payment":{"token":"pm_other"}}`).is(http.StatusAccepted).booking().Version, "a second click")
	g.post("/actions/payment", `{"payment":{"token":"pm_third"}}`).problem(http.StatusConflict, ProblemCodeStateConflict)
	g.house.until(t, g.id, atRest)
	require.Equal(t, StatusConfirmed, g.get().booking().Status)
}

func TestConsentIsToTheTotalOnOfferAndNoOther(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.script(g.id, fates{"hold": {bookingtest.AsksCustomer, bookingtest.Obeys}})
	g.house.until(t, g.id, at(booking.Parked, booking.StepHold))
	total := g.get().booking().Action.NewTotal
	p := g.post("/actions/accept-offer", `{"accepted_total":{"amount":"346.00","currency":"EUR"}}`).golden("problem_offer_changed").
		problem(http.StatusConflict, ProblemCodeOfferChanged)
	require.Equal(t, total, p.NewTotal)
	g.post("/actions/accept-offer", "").problem(http.StatusUnsupportedMediaType, ProblemCodeUnsupportedMediaType)
	g.post("/actions/accept-offer", "{}").problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	g.post("/actions/accept-offer", `{"accepted_total":{"amount":"1","currency":"XYZ"}}`).problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	b := g.post("/actions/accept-offer", `{"accepted_total":{"amount":"`+total.Amount+`","currency":"EUR"}}`).is(http.StatusAccepted).booking()
	require.Equal(t, total, b.Price)
	again := g.post("/actions/accept-offer", `{"accepted_total":{"amount":"`+total.Amount+`","currency":"EUR"}}`).is(http.StatusAccepted).booking()
	require.Equal(t, b.Version, again.Version, "a second click")
	g.post("/actions/accept-offer", `{"accepted_total":{"amount":"346.00","currency":"EUR"}}`).problem(http.StatusConflict, ProblemCodeStateConflict)
}

func TestCustomersDoNotLearnTheVerbsOfStaff(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	require.Equal(t, []string{"cancel"}, g.post("/actions/payment", "").problem(http.StatusConflict, ProblemCodeStateConflict).Allowed)
}
