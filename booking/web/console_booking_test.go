package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAgentReadsTheWholeBookingOnOnePage(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.until(t, g.id, atRest)
	body := staff(t, g.site, agentKey).get("/support/bookings/" + string(g.id)).page(http.StatusOK)
	require.Contains(t, body, "Yes: 346.00 EUR was charged.")
}
