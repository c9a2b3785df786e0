package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers"
	hotel "hotelbooking/providers/hotel/sandbox"
	"hotelbooking/providers/providertest"
	"hotelbooking/providers/sandbox"
)

func TestHotelsKeepTheContract(t *testing.T) {
	providertest.Hotels(t, providertest.HotelsSuite{
		Vendor:   func(t *testing.T) providertest.Vendor { return providertest.Sandbox(serve(t, sandbox.Config{})) },
		Connect:  func(t *testing.T, url string) booking.Hotels { return connect(t, url) },
		Offer:    "sim_ok",
		Refusal:  func(code string) string { return `{"error":{"code":"` + code + `","message":"no"}}` },
		Meanings: meanings(),
	})
}

func meanings() providertest.Meanings {
	refused := func(r booking.Reason) booking.Fault { return booking.Fault{Kind: booking.Refused, Reason: r} }
	down := booking.Fault{Kind: booking.NotDone, Reason: booking.SupplierUnavailable}
	unclear := booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}
	return providertest.Meanings{
		"hold": {
			"sold_out": refused(booking.OfferSoldOut), "offer_expired": refused(booking.OfferExpired),
			"occupancy_not_allowed": refused(booking.OfferRestricted), "guest_data_rejected": refused(booking.GuestDataRejected),
			"reference_released": refused(booking.SupplierRejected), "invalid_request": refused(booking.SupplierRejected),
			"duplicate_reference": unclear, "service_unavailable": down, "unauthorized": unclear,
		},
		"release": {"invalid_request": refused(booking.UndoRefused), "service_unavailable": down, "unauthorized": unclear},
		"confirm": {
			"sold_out": refused(booking.OfferSoldOut), "offer_expired": refused(booking.OfferExpired),
			"hold_expired": refused(booking.OfferExpired), "hold_not_found": refused(booking.OfferExpired),
			"price_mismatch": refused(booking.OfferPriceChanged), "guest_data_rejected": refused(booking.GuestDataRejected),
			"booking_rejected": refused(booking.SupplierRejected), "reference_released": refused(booking.SupplierNoConfirmation),
			"invalid_request": refused(booking.SupplierRejected), "duplicate_reference": unclear, "internal_error": unclear,
			"service_unavailable": down, "unauthorized": unclear,
		},
		"cancel": {
			"cancellation_refused": refused(booking.CancelRefusedBySupplier), "invalid_request": refused(booking.UndoRefused),
			"service_unavailable": down, "unauthorized": unclear,
		},
		"find": {
			"reference_unknown": {}, // absent: an answer
			"invalid_request":   down, "service_unavailable": down, "unauthorized": down,
		},
	}
}

func TestEveryCodeOfTheSupplierHasAMeaning(t *testing.T) {
	t.Parallel()
	for ours, theirs := range map[string]string{
		"hold": "hold", "release": "release", "confirm": "confirm", "cancel": "cancel", "find": "retrieve",
	} {
		for _, code := range sandbox.Codes(sandbox.Hotel, theirs) {
			require.Contains(t, meanings()[ours], code, ours)
		}
	}
}

// What each magic offer means in the flow's words.
func TestMagicOffersInTheFlowsWords(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]struct {
		hold, confirm booking.Fault
		total         string // of the hold
		after         booking.RoomState
	}{
		"sim_ok":                     {total: "346.00", after: booking.RoomBooked},
		"sim_price_up_3pct":          {total: "356.38", after: booking.RoomBooked},
		"sim_price_up_30pct":         {total: "449.80", after: booking.RoomBooked},
		"sim_terms_changed":          {total: "346.00", after: booking.RoomBooked},
		"sim_number_later":           {total: "346.00", after: booking.RoomBooked},
		"sim_sold_out_check":         {hold: booking.Fault{Kind: booking.Refused, Reason: booking.OfferSoldOut}, after: booking.RoomAbsent},
		"sim_restricted":             {hold: booking.Fault{Kind: booking.Refused, Reason: booking.OfferRestricted}, after: booking.RoomAbsent},
		"sim_down":                   {hold: booking.Fault{Kind: booking.NotDone, Reason: booking.SupplierUnavailable}, after: booking.RoomAbsent},
		"no_such_offer":              {hold: booking.Fault{Kind: booking.Refused, Reason: booking.OfferExpired}, after: booking.RoomAbsent},
		"sim_duplicate_ref":          {hold: booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}, after: booking.RoomAbsent},
		"sim_sold_out_book":          {total: "346.00", confirm: booking.Fault{Kind: booking.Refused, Reason: booking.OfferSoldOut}, after: booking.RoomAbsent},
		"sim_price_mismatch_book":    {total: "346.00", confirm: booking.Fault{Kind: booking.Refused, Reason: booking.OfferPriceChanged}, after: booking.RoomHeld},
		"sim_guest_rejected":         {total: "346.00", confirm: booking.Fault{Kind: booking.Refused, Reason: booking.GuestDataRejected}, after: booking.RoomHeld},
		"sim_timeout_booked":         {total: "346.00", confirm: booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}, after: booking.RoomBooked},
		"sim_timeout_not_booked":     {total: "346.00", confirm: booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}, after: booking.RoomHeld},
		"sim_timeout_forever":        {total: "346.00", confirm: booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}},
		"sim_5xx_booked":             {total: "346.00", confirm: booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}, after: booking.RoomBooked},
		"sim_garbage_200_booked":     {total: "346.00", confirm: booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}, after: booking.RoomBooked},
		"sim_pending_then_confirmed": {total: "346.00", confirm: booking.Fault{Kind: booking.Unclear, Reason: booking.SupplierPending}, after: booking.RoomPending},
	} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			h := connect(t, serve(t, sandbox.Config{HangFor: time.Millisecond, SettleAfter: time.Hour}))
			b := providertest.Booking(t, func(b *booking.Booking) { b.Offer.Token = token })
			hold, err := h.Hold(t.Context(), b)
			requireFault(t, want.hold, err)
			if want.total != "" {
				require.Equal(t, want.total, hold.Total.Decimal())
				require.Equal(t, token == "sim_terms_changed", hold.TermsChanged)
				require.False(t, hold.ExpiresAt.IsZero())
				b.Facts.Hold = hold
				booked, err := h.Confirm(t.Context(), b)
				requireFault(t, want.confirm, err)
				require.Equal(t, want.confirm.Kind == "", booked.SupplierReference != "")
			}
			found, err := h.Find(t.Context(), b)
			if want.after == "" {
				requireFault(t, booking.Fault{Kind: booking.NotDone, Reason: booking.SupplierUnavailable}, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, want.after, found.State)
		})
	}
}

// An answer that does not say what was asked for is no answer.
func TestAnAnswerThatDoesNotFitIsUnclear(t *testing.T) {
	t.Parallel()
	b := providertest.Booking(t)
	answer := func(change func(m map[string]any)) map[string]any {
		m := map[string]any{
			"reference": b.Reference, "total": map[string]any{"amount": "346.00", "currency": "EUR"}, "status": "confirmed",
			"expires_at": "2027-01-10T12:15:00Z", "supplier_reference": "SBX-1",
		}
		change(m)
		return m
	}
	for name, m := range map[string]map[string]any{
		"no status":         answer(func(m map[string]any) { delete(m, "status") }),
		"an unknown status": answer(func(m map[string]any) { m["status"] = "probably" }),
		"no reference":      answer(func(m map[string]any) { delete(m, "reference") }),
		"no total":          answer(func(m map[string]any) { delete(m, "total") }),
		"a broken total":    answer(func(m map[string]any) { m["total"] = map[string]any{"amount": "346", "currency": "EUR"} }),
		"no number":         answer(func(m map[string]any) { delete(m, "supplier_reference") }),
		"no end of a hold":  answer(func(m map[string]any) { m["status"] = "held"; delete(m, "expires_at") }),
		"a broken policy": answer(func(m map[string]any) {
			m["cancellation_policy"] = []any{map[string]any{"penalty": map[string]any{"amount": "-1"}}}
		}),
	} {
		h := connect(t, canned(t, m))
		unclear := booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}
		_, err := h.Hold(t.Context(), b)
		requireFault(t, unclear, err)
		_, err = h.Find(t.Context(), b)
		requireFault(t, unclear, err)
		if name != "a broken policy" && name != "no end of a hold" {
			_, err = h.Confirm(t.Context(), b)
			requireFault(t, unclear, err)
		}
		requireFault(t, unclear, h.Release(t.Context(), b))
		requireFault(t, unclear, h.Cancel(t.Context(), b))
	}
	for _, status := range []string{"held", "released", "cancelled", "sold_out", "cancelling"} {
		h := connect(t, canned(t, answer(func(m map[string]any) { m["status"] = status })))
		_, err := h.Confirm(t.Context(), b)
		requireFault(t, booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}, err)
	}
}

// canned is a vendor that says the same to everything.
func canned(t *testing.T, answer any) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestACancellationThatTakesItsTimeIsAskedForAgain(t *testing.T) {
	t.Parallel()
	url := serve(t, sandbox.Config{SettleAfter: time.Hour})
	h := connect(t, url)
	b := providertest.Booking(t, func(b *booking.Booking) { b.Offer.Token = "sim_202_cancel" })
	b.Facts.Hold, _ = h.Hold(t.Context(), b)
	_, err := h.Confirm(t.Context(), b)
	require.NoError(t, err)
	for range 2 {
		requireFault(t, booking.Fault{Kind: booking.NotDone, Reason: booking.SupplierPending}, h.Cancel(t.Context(), b))
	}
	require.Equal(t, 1, providertest.Sandbox(url).Ledger(t, b.Reference).Reservations)
}

func TestAPolicyIsInOrderAndFreeBeforeItsFirstRow(t *testing.T) {
	t.Parallel()
	h := connect(t, serve(t, sandbox.Config{}))
	for token, fees := range map[string][]string{
		"sim_ok": {"346.00"}, "sim_fee": {"69.20", "346.00"}, "sim_nonrefundable": {"346.00"},
	} {
		hold, err := h.Hold(t.Context(), providertest.Booking(t, func(b *booking.Booking) { b.Offer.Token = token }))
		require.NoError(t, err)
		require.Len(t, hold.Penalties, len(fees), token)
		for i, p := range hold.Penalties {
			require.Equal(t, fees[i], p.Fee.Decimal(), token)
			require.Equal(t, token == "sim_nonrefundable", p.From.IsZero(), token)
			require.True(t, i == 0 || p.From.After(hold.Penalties[i-1].From), token)
		}
	}
}

func TestASupplierThatInsistsOnTheStayRefuses(t *testing.T) {
	t.Parallel()
	h := connect(t, serve(t, sandbox.Config{}))
	b := providertest.Booking(t, func(b *booking.Booking) { b.Offer.Token = "sim_cancel_refused" })
	b.Facts.Hold, _ = h.Hold(t.Context(), b)
	_, err := h.Confirm(t.Context(), b)
	require.NoError(t, err)
	requireFault(t, booking.Fault{Kind: booking.Refused, Reason: booking.CancelRefusedBySupplier}, h.Cancel(t.Context(), b))
}

func TestAHoldThatRanOutIsAbsent(t *testing.T) {
	t.Parallel()
	h := connect(t, serve(t, sandbox.Config{HoldFor: time.Nanosecond}))
	b := providertest.Booking(t)
	hold, err := h.Hold(t.Context(), b)
	require.NoError(t, err)
	b.Facts.Hold = hold
	found, err := h.Find(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, booking.Standing{State: booking.RoomAbsent, Sure: true}, found)
	_, err = h.Confirm(t.Context(), b)
	requireFault(t, booking.Fault{Kind: booking.Refused, Reason: booking.OfferExpired}, err)
}

// requireFault compares kind and reason; the zero Fault is no error.
func requireFault(t *testing.T, want booking.Fault, err error) {
	t.Helper()
	if want.Kind == "" {
		require.NoError(t, err)
		return
	}
	var fault *booking.Fault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, want.Kind, fault.Kind, err)
	require.Equal(t, want.Reason, fault.Reason, err)
}

func serve(t *testing.T, cfg sandbox.Config) (url string) {
	t.Helper()
	vendor, err := sandbox.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(vendor)
	t.Cleanup(func() {
		require.NoError(t, vendor.Close())
		server.Close()
	})
	return server.URL
}

func connect(t *testing.T, url string) *hotel.Hotels {
	t.Helper()
	h, err := hotel.New(providers.Config{BaseURL: url, APIKey: "sk_" + providertest.Canary, Timeout: 20 * time.Second})
	require.NoError(t, err)
	return h
}
