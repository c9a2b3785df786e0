package chaos_test

import (
	"fmt"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/judge"
	"hotelbooking/store/storetest/pgserver"
)

// networkCase is a trouble of the network between the service and one system, and what shows that it struck.
type networkCase struct {
	to      string // database, hotel or payment
	trouble        // what happens to the network
	must    needs  // coverage that cannot stay 0
	unheard bool   // calls arrive, and their answers do not
	late    bool   // calls arrive when the service has given up
}

// networkCases: six troubles for each of three systems. The hotel's network is the fraud screening's, too.
func networkCases() []networkCase {
	database := func(must needs, how trouble) networkCase {
		return networkCase{to: "database", trouble: how, must: must}
	}
	cases := []networkCase{
		database(nil, trouble{name: "latency", toxics: []string{
			toxic("latency", requests, `"latency":60,"jitter":50`), toxic("latency", answers, `"latency":60,"jitter":50`),
		}}),
		database(needs{"queue_errors"}, trouble{name: "reset", toxics: []string{toxic("reset_peer", requests, `"timeout":0`)}}),
		database(needs{"queue_errors"}, trouble{name: "black hole", toxics: []string{
			toxic("timeout", requests, `"timeout":0`), toxic("timeout", answers, `"timeout":0`),
		}}),
		database(needs{"troubles"}, trouble{name: "half-open", deafen: true}),
		database(nil, trouble{name: "slow", toxics: []string{
			toxic("bandwidth", requests, `"rate":16`), toxic("bandwidth", answers, `"rate":16`), toxic("slicer", answers, `"average_size":64,"size_variation":32,"delay":500`),
		}}),
		database(needs{"unknown_commits"}, trouble{name: "COMMIT without an answer", lose: true}),
	}
	for _, to := range []string{"hotel", "payment"} {
		cases = append(cases,
			networkCase{to: to, must: needs{"unknown"}, late: true, trouble: trouble{name: "latency", toxics: []string{toxic("latency", requests, `"latency":1500,"jitter":1000`)}}},
			networkCase{to: to, must: needs{"unknown"}, trouble: trouble{name: "reset", toxics: []string{toxic("reset_peer", requests, `"timeout":0`)}}},
			networkCase{to: to, must: needs{"unknown"}, trouble: trouble{name: "black hole", toxics: []string{
				toxic("timeout", requests, `"timeout":0`), toxic("timeout", answers, `"timeout":0`),
			}}},
			networkCase{to: to, must: needs{"unknown"}, unheard: true, trouble: trouble{name: "half-open", toxics: []string{toxic("timeout", answers, `"timeout":0`)}}},
			networkCase{to: to, trouble: trouble{name: "slow", toxics: []string{
				toxic("bandwidth", requests, `"rate":1`), toxic("bandwidth", answers, `"rate":1`), toxic("slicer", answers, `"average_size":64,"size_variation":32,"delay":500`),
			}}},
			networkCase{to: to, must: needs{"unknown"}, unheard: true, trouble: trouble{name: "answer lost", toxics: []string{toxic("reset_peer", answers, `"timeout":0`)}}},
		)
	}
	return cases
}

// vendorTimeout is how long an instance waits for an answer: see usual.
const vendorTimeout = 1500 * time.Millisecond

// networksAtOnce is how many cases run side by side: each mostly waits.
const networksAtOnce = 6

func TestTheNetworkFails(t *testing.T) {
	form := beside(t)
	server := ownPostgres(t)
	product(t)
	cases := make(chan networkCase)
	var running sync.WaitGroup
	for range networksAtOnce {
		running.Go(func() {
			for n := range cases {
				t.Run(n.to+", "+n.name, func(t *testing.T) { n.run(t, form, server) })
			}
		})
	}
	for _, n := range networkCases() {
		cases <- n
	}
	close(cases)
	running.Wait()
}

func (n networkCase) run(t *testing.T, form form, server *pgserver.Server) {
	c, way, before := n.landscape(t, server)
	load := c.offer(plan{clients: 12, pause: 200 * time.Millisecond, kinds: networkKinds()})
	load.ends(12)

	struck := time.Now()
	way.strike(n.trouble)
	<-time.After(time.Duration(form.of(3, 60)) * time.Second)
	met := way.met()
	healed := time.Now()
	way.heal()

	load.acks(1)
	c.figure("healed_seconds", time.Since(healed).Seconds())
	load.ends(12)
	r := c.judge(load)
	r.Coverage["met"] = int(met)
	// A slow machine may be in the middle of a claim, of a commit or of nothing when it is not heard any more.
	r.Coverage["troubles"] = r.Coverage["queue_errors"] + r.Coverage["leases_lost"] + r.Coverage["unknown_commits"]
	if n.unheard {
		r.Coverage["unheard"] = unheard(c.sandbox.journal(), n.to, struck, healed)
		n.must = append(n.must, "unheard")
	}
	if n.late {
		r.Coverage["late_effects"] = before.late(c.sandbox.journal(), vendorTimeout)
		n.must = append(n.must, "late_effects")
	}
	if n.lose {
		r.Coverage["lost_commits"], r.Coverage["lost_answers"] = int(way.asked.Load()), int(way.lost.Load())
		n.must = append(n.must, "lost_commits", "lost_answers")
	}
	r.publish()
	require.Empty(t, judge.FirstOf(r.found, 20), "%d violations", len(r.found))
	for _, word := range append(n.must, "met") {
		require.NotZero(t, r.Coverage[word], "%s: nothing of it happened, so nothing was shown: %v", word, r.Coverage)
	}
	// Some that could have succeeded may have failed meanwhile: a screening that cannot be had is a person's to decide.
	require.NotZero(t, r.Confirmed)
	if form == short { // a long trouble may outlast a client's patience
		require.Zero(t, r.Unacked, "every client had its 202 in the end")
	}
}

// landscape is a service of which one system lies behind a network of ours.
func (n networkCase) landscape(t *testing.T, server *pgserver.Server) (*kase, *passage, *front) {
	t.Helper()
	name := "network to " + n.to + ", " + n.name
	patience := []string{"BOOKING_DATABASE__TIMEOUT=1s", "BOOKING_DATABASE__COMMIT_TIMEOUT=2s"}
	if n.to == "database" {
		on := onDatabase(t, server)
		way := newPassage(t, "unix", socketOf(t, server))
		on.environ = []string{"BOOKING_DATABASE__URL=" + through(t, on.source, way)}
		c := newCase(t, name, on, patience...)
		c.start()
		return c, way, nil
	}
	c := newCase(t, name, onSQLite(t), patience...)
	sandbox, err := url.Parse(c.sandbox.url)
	require.NoError(t, err)
	way := newPassage(t, "tcp", sandbox.Host)
	ways := map[string]*passage{"/payment/": way}
	if n.to == "hotel" {
		ways = map[string]*passage{"/hotel/": way, "/fraud/": way}
	}
	before := newFront(t, c.sandbox.url, ways)
	c.start("BOOKING_SANDBOX__URL=" + before.url)
	return c, way, before
}

// networkKinds take no longer than the network lets them.
func networkKinds() []judge.Kind {
	return slices.DeleteFunc(judge.Kinds(), func(k judge.Kind) bool {
		return slices.Contains([]string{"answer lost", "not booked", "5xx", "garbage", "pending"}, k.Name) // the trouble is the network's
	})
}

// unheard counts the effects of calls that arrived while their answers did not.
func unheard(journal []judge.Entry, system string, from, to time.Time) (n int) {
	for _, e := range journal {
		if e.System == system && e.Received.After(from) && e.Received.Before(to) && e.Effect != "none" {
			n++
		}
	}
	return n
}

// onDatabase is a database of the case's own on a server that it shares.
func onDatabase(t *testing.T, server *pgserver.Server) storage {
	t.Helper()
	on := onPostgres(t, server)
	name := fmt.Sprintf("own_%d", time.Now().UnixNano())
	conn, err := pgx.Connect(t.Context(), on.source)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0") // template1 may be in use by another case
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	address, err := url.Parse(on.source)
	require.NoError(t, err)
	address.Path = "/" + name
	on.source = address.String()
	on.environ = []string{"BOOKING_DATABASE__URL=" + on.source}
	return on
}

// through is the URL of a PostgreSQL behind a passage.
func through(t *testing.T, source string, way *passage) string {
	t.Helper()
	address, err := url.Parse(source)
	require.NoError(t, err)
	query := address.Query()
	query.Set("host", "127.0.0.1")
	query.Set("port", fmt.Sprint(way.port()))
	address.RawQuery = query.Encode()
	return address.String()
}

// socketOf is the path of a server's socket.
func socketOf(t *testing.T, server *pgserver.Server) string {
	t.Helper()
	address, err := url.Parse(server.URL())
	require.NoError(t, err)
	return address.Query().Get("host") + "/.s.PGSQL." + address.Query().Get("port")
}
