package web

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// hour is an hour of samples of a process that accepts 2 bookings every five seconds, confirms one and has one fail.
func hour() []booking.Figures {
	var samples []booking.Figures
	for i := range int64(721) {
		samples = append(samples, booking.Figures{
			At:       bookingtest.Start.Add(time.Duration(i) * 5 * time.Second),
			Accepted: 1000 + 2*i, Confirmed: 500 + i, Failed: 400 + i, Unknown: i / 6, Shed: i / 12,
			Codes:   map[booking.Reason]int64{booking.OfferSoldOut: 300, booking.PaymentRefused: 10 + i/4, booking.SupplierRejected: 20 + i - i/4},
			Backlog: int(i), Oldest: time.Duration(i) * time.Second, Held: 7,
			Pools:    []booking.PoolFigures{{Pool: booking.ProviderPool, InUse: int(i % 10), Size: 64, Waiting: 3}, {Pool: booking.PaymentPool, InUse: 2, Size: 32}},
			Breakers: []booking.BreakerFigures{{System: "provider:sandbox", State: booking.BreakerOpen}, {System: "payment", State: booking.BreakerHalfOpen}, {System: "fraud", State: booking.BreakerClosed}},
		})
	}
	return samples
}

func TestTheOverviewSaysWhatHappensAMinute(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.house.figures = hour()
	page := staff(t, s, viewerKey).get(overviewPath).page(http.StatusOK)
	for name, want := range map[string][3]string{ // a minute, in the hour, in all
		"accepted": {"24", "1440", "2440"}, "confirmed": {"12", "720", "1220"}, "failed": {"12", "720", "1120"}, "cancelled": {"0", "0", "0"},
		"unknown": {"2", "120", "120"}, "shed": {"1", "60", "60"},
	} {
		require.Regexp(t, fmt.Sprintf(`data-test="count-%s"><th scope="row">[a-z0-9 ]+</th><td class="number">%s</td><td class="number">%s</td><td class="number">%s</td>`, name, want[0], want[1], want[2]), page)
	}
	require.Contains(t, page, "in 60 min")
	require.Contains(t, page, `<dd data-test="backlog-count">720</dd>`)
	require.Contains(t, page, `<dd data-test="backlog-oldest">12 min</dd>`)
	require.Contains(t, page, `<dd data-test="held">7</dd>`)
}

func TestTheOverviewCountsFailuresOfTheHourByCode(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.house.figures = hour()
	page := staff(t, s, viewerKey).get(overviewPath).page(http.StatusOK)
	require.Regexp(t, `(?s)data-code="supplier_rejected"><th scope="row"><a id="failure-supplier_rejected" href="/support\?failure=supplier_rejected">supplier rejected</a></th><td class="number">540</td><td class="number">75 %</td>.*data-code="payment_refused">.*<td class="number">180</td><td class="number">25 %</td>`, page)
	require.NotContains(t, page, `data-code="offer_sold_out"`, "those failed before")
}

func TestTheOverviewTellsTheStateOfACircuitInWords(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.house.figures = hour()
	page := staff(t, s, viewerKey).get(overviewPath).page(http.StatusOK)
	require.Regexp(t, `(?s)data-system="fraud".{1,80}>closed</span> calls pass.*data-system="payment".{1,80}>half-open</span> a few calls try.*data-system="provider:sandbox".{1,90}>open</span> no calls are made`, page)
}

func TestTheOverviewLeadsToWhatNeedsAPerson(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	page := staff(t, g.site, viewerKey).get(overviewPath).page(http.StatusOK)
	require.Contains(t, page, "No booking waits for a person")
	require.NotContains(t, page, "unknown-outcomes")

	g.house.rooms[g.id].b.Attention = booking.OutcomeUnknown
	page = staff(t, g.site, viewerKey).get(overviewPath).page(http.StatusOK)
	require.Contains(t, page, "1 booking with an unknown outcome.")
	require.Contains(t, page, `<a id="see-unknown" href="/support?attention=outcome_unknown">`)
	require.Regexp(t, `data-reason="outcome_unknown"><th scope="row"><a id="attention-outcome_unknown" href="/support\?attention=outcome_unknown">outcome unknown</a></th>\s*<td class="number">1</td>`, page)
	require.Contains(t, page, g.house.rooms[g.id].b.UpdatedAt.UTC().Format(time.RFC3339))

	for i, reason := range []booking.Reason{booking.CaptureFailed, booking.CaptureFailed, booking.UndoStuck} {
		other := g.submit(submission("", ""), fmt.Sprintf("other-%d", i)).is(http.StatusAccepted).booking()
		g.house.rooms[booking.ID(other.Id)].b.Attention = reason
	}
	page = staff(t, g.site, viewerKey).get(overviewPath).page(http.StatusOK)
	require.Regexp(t, `(?s)data-reason="outcome_unknown".*data-reason="capture_failed".*data-reason="undo_stuck"`, page, "what nobody knows comes first, then the most")
}

func TestTheOverviewIsRefreshedByAPartOfIt(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := staff(t, s, viewerKey)
	before := c.fragment(overviewPath).page(http.StatusOK)
	require.Contains(t, before, "There are no figures yet")
	require.NotContains(t, before, "<html")
	require.NotContains(t, before, "chart-rates", "the charts stay as they are")
	s.house.figures = hour()
	require.Contains(t, c.fragment(overviewPath).page(http.StatusOK), "2440")
	require.Equal(t, "HX-Request", c.get(overviewPath).header.Get("Vary"))
}

func TestTheOverviewIsForStaff(t *testing.T) {
	t.Parallel()
	s := open(t)
	nobody(t, s).get(overviewPath).is(http.StatusSeeOther)
	nobody(t, s).get(overviewPath+"/figures", "Accept", "application/json").is(http.StatusUnauthorized)
	s.house.down = errDown
	c := nobody(t, s)
	c.cookie = sessionCookie + "=x"
	c.get(overviewPath).is(http.StatusServiceUnavailable)
}

// chartsOf reads what the page's script is told.
func chartsOf(c *clerk, since int64) charts {
	c.Helper()
	answer := c.get(fmt.Sprintf("%s/figures?since=%d", overviewPath, since), "Accept", "application/json").is(http.StatusOK)
	require.Equal(c, "no-store", answer.header.Get("Cache-Control"))
	require.Less(c, len(answer.body), 40_000, "the page is small, and so is what it asks for")
	var out charts
	require.NoError(c, json.Unmarshal(answer.body, &out))
	for name, length := range map[string]int{"backlog": len(out.Backlog), "held": len(out.Held), "oldest": len(out.Oldest)} {
		require.Equal(c, len(out.At), length, name)
	}
	for name, line := range out.Rates {
		require.Len(c, line, len(out.At), name)
	}
	for _, line := range out.Codes {
		require.Len(c, line.Rates, len(out.At), line.Code)
	}
	for _, line := range out.Pools {
		require.Len(c, line.InUse, len(out.At))
		require.Len(c, line.Waiting, len(out.At))
	}
	return out
}

func TestChartsHaveAPointEveryTenSecondsOfTheHour(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.house.figures = hour()
	all := chartsOf(staff(t, s, viewerKey), 0)
	require.Len(t, all.At, 360)
	require.Equal(t, bookingtest.Start.UnixMilli(), all.Begun)
	for i := range all.At[1:] {
		require.Equal(t, int64(10), all.At[i+1]-all.At[i])
	}
	last := len(all.At) - 1
	require.InDelta(t, 24, all.Rates["accepted"][last], 0.01)
	require.InDelta(t, 2, all.Rates["unknown"][last], 0.01)
	require.InDelta(t, 2, all.Rates["accepted"][0], 0.01, "of the first seconds nothing is made up")
	require.Equal(t, []booking.Reason{booking.SupplierRejected, booking.PaymentRefused}, []booking.Reason{all.Codes[0].Code, all.Codes[1].Code})
	require.Len(t, all.Codes, 2)
	require.Equal(t, 719, all.Backlog[last])
	require.InDelta(t, 719, all.Oldest[last], 0.01)
	require.Equal(t, booking.PaymentPool, all.Pools[1].Pool)
	require.Equal(t, 32, all.Pools[1].Size)
	require.Equal(t, 9, all.Pools[0].InUse[last])
}

func TestChartsGrowByWhatIsNew(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := staff(t, s, viewerKey)
	samples := hour()
	var grown []int64
	backlog := []int{}
	for n := 1; n <= len(samples); n += 7 { // the page asks now and then
		s.house.figures = samples[:n]
		since := int64(0)
		if len(grown) > 0 {
			since = grown[len(grown)-1]
		}
		more := chartsOf(c, since)
		grown, backlog = append(grown, more.At...), append(backlog, more.Backlog...)
	}
	whole := chartsOf(c, 0)
	require.Equal(t, whole.At, grown)
	require.Equal(t, whole.Backlog, backlog)
	require.True(t, slices.IsSorted(grown))
	c.get(overviewPath+"/figures?since=yesterday", "Accept", "application/json").problem(http.StatusBadRequest, ProblemCodeInvalidParameter)
}

func TestAProcessWithoutSamplesHasEmptyCharts(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := staff(t, s, viewerKey)
	require.Empty(t, chartsOf(c, 0).At)
	s.house.figures = hour()[:1]
	require.Empty(t, chartsOf(c, 0).At, "a step that is not over has no point")
	require.Contains(t, c.get(overviewPath).page(http.StatusOK), "less than a second")
}
