package chaos_test

import (
	"context"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/client"
)

// sample is what an instance uses at one moment.
type sample struct {
	at                               time.Time
	rss, goroutines, fds, inUse, wal float64
	strays, idle                     int // goroutines that nothing bounds; connections to vendors kept for the next call
}

// For as long as it runs, an instance uses no more than it did at the beginning, and nothing of it once it has nothing to do.
func TestSoak(t *testing.T) {
	form := runs(t) // not beside others: it measures
	lasts := time.Duration(form.of(60, 1800)) * time.Second
	warm := time.Duration(form.of(15, 180)) * time.Second
	c := newCase(t, "soak", onPostgres(t, ownPostgres(t)), "BOOKING_WORKERS__LEASE=15s")
	c.sandbox.misbehave(usualFaults())
	one := c.start()
	c.goesQuiet()
	atRest := c.sample(one)

	load := c.offer(plan{clients: 40, pause: 300 * time.Millisecond})
	var samples []sample
	var warmHeap float64
	for began := time.Now(); time.Since(began) < lasts; {
		<-time.After(5 * time.Second)
		c.sandbox.follow()
		samples = append(samples, c.sample(one))
		if warmHeap == 0 && time.Since(began) >= warm {
			warmHeap = c.liveHeap(one)
		}
	}
	endHeap := c.liveHeap(one)
	r := c.judge(load)
	c.goesQuiet()
	left := c.sample(one)
	measured := samples[len(samples)/3:] // the first third is still growing into its work
	f := r.Figures
	f["minutes"] = lasts.Minutes()
	f["rss_mb"], f["rss_slope_percent_per_hour"] = left.rss/1e6, slope(measured, func(s sample) float64 { return s.rss })
	f["live_heap_mb_warm"], f["live_heap_mb_end"] = warmHeap/1e6, endHeap/1e6
	f["goroutines_at_rest"], f["goroutines_left"] = atRest.goroutines, left.goroutines
	f["stray_goroutines_at_rest"], f["stray_goroutines_left"] = float64(atRest.strays), float64(left.strays)
	f["fds_at_rest"], f["fds_left"] = atRest.fds, left.fds
	f["slots_in_use_left"], f["wal_kb_per_booking"] = left.inUse, (left.wal-atRest.wal)/1e3/float64(max(r.Acked, 1))
	c.require(r, needs{"answers_lost", "late", "replayed", "cancels"})
	require.Zero(t, left.inUse, "slots are still taken")
	require.LessOrEqual(t, left.strays, atRest.strays+5, "goroutines are left")
	const conns = 16 // database.max_conns: the pool fills at the first load
	require.LessOrEqual(t, int(left.fds), int(atRest.fds)+conns+left.idle+5, "files or connections are left")
	if form == long {
		require.LessOrEqual(t, endHeap, warmHeap+8e6, "what lives grows")
		require.LessOrEqual(t, f["rss_slope_percent_per_hour"], 20., "memory grows")
	}
}

// goesQuiet waits until nobody's connection is open any more but the pool's.
func (c *kase) goesQuiet() {
	c.Helper()
	client.Web.CloseIdleConnections()
	<-time.After(3 * time.Second) // the service notices closed connections, and its pools come to rest
}

func (c *kase) sample(i *instance) sample {
	c.Helper()
	i.scrape()
	m := i.counted()
	s := sample{at: time.Now(), rss: rssOf(i.cmd.Process.Pid), goroutines: m["go_goroutines"], fds: m["process_open_fds"], inUse: m["booking_pool_in_use"]}
	require.NotZero(c, s.goroutines, "the metrics have other names")
	s.strays, s.idle = c.strays(i)
	ctx, cancel := context.WithTimeout(context.Background(), callWithin)
	defer cancel()
	require.NoError(c, c.db.QueryRowContext(ctx, "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS FLOAT)").Scan(&s.wal))
	return s
}

// liveHeap is what is left of the heap after a collection.
func (c *kase) liveHeap(i *instance) float64 {
	c.Helper()
	a, err := client.Call(http.MethodGet, i.admin+"/debug/pprof/heap?gc=1", "", "", 30*time.Second)
	require.NoError(c, err)
	require.Equal(c, http.StatusOK, a.Status)
	i.scrape()
	return i.counted()["go_memstats_heap_alloc_bytes"]
}

// strays counts goroutines. The workers of the pools stay, up to the pools' sizes, and so do connections to vendors, with two
// goroutines each, for as long as an idle one is kept: they are told apart.
func (c *kase) strays(i *instance) (strays, idle int) {
	c.Helper()
	a, err := client.Call(http.MethodGet, i.admin+"/debug/pprof/goroutine?debug=1", "", "", 30*time.Second)
	require.NoError(c, err)
	for stack := range strings.SplitSeq(string(a.Body), "\n\n") {
		n := 0
		for line := range strings.Lines(stack) {
			if count, _, found := strings.Cut(line, " @ "); found {
				n, _ = strconv.Atoi(count) // else it is another line
			}
		}
		switch {
		case strings.Contains(stack, "net/http.(*persistConn).readLoop"):
			idle += n
		case strings.Contains(stack, "net/http.(*persistConn).writeLoop"), strings.Contains(stack, "conc/pool.(*Pool).worker"):
		default:
			strays += n
		}
	}
	return strays, idle
}

func rssOf(pid int) float64 {
	content, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	fields := strings.Fields(string(content))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize())
}

// slope is the line through a figure's samples, in percent of its first value for an hour.
func slope(samples []sample, of func(sample) float64) float64 {
	var n, x, y, xx, xy float64
	for _, s := range samples {
		at := s.at.Sub(samples[0].at).Hours()
		n, x, y, xx, xy = n+1, x+at, y+of(s), xx+at*at, xy+at*of(s)
	}
	spread := n*xx - x*x
	if spread == 0 || y == 0 {
		return 0
	}
	perHour := (n*xy - x*y) / spread
	return math.Round(10000*perHour/(y/n)) / 100
}
