package sandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers/sandbox"
)

func TestTheBankSendsTheGuestBackToWhereTheyCameFrom(t *testing.T) {
	t.Parallel()
	for _, back := range []string{"https://shop.example/checkout?booking=7", ""} {
		p, b := connect(t, serve(t, sandbox.Config{})), paying(t, "pm_card_authenticationRequired")
		b.ReturnURL = back
		paid, err := p.Authorize(t.Context(), b)
		require.NoError(t, err)
		require.Equal(t, booking.PaymentNeedsAction, paid.State)

		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, paid.ActionURL+"/complete", nil)
		require.NoError(t, err)
		bank := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := bank.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, back, res.Header.Get("Location"))
	}
}
