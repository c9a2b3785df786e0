package chaos_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/pgserver"
)

const (
	connsAllowed = 14 // to the role of the service
	connsWanted  = 7  // by each of two instances, beside those that it tells and hears the other by
)

// Two instances want more connections than their role may have. Neither may keep the other from its work, let alone lose any.
func TestConnectionsAreExhausted(t *testing.T) {
	form := beside(t)
	server := ownPostgres(t)
	c := newCase(t, "connections exhausted", onNarrowRole(t, server, connsAllowed), fmt.Sprintf("BOOKING_DATABASE__MAX_CONNS=%d", connsWanted),
		"BOOKING_WORKERS__MEMORY=60", "BOOKING_DATABASE__TIMEOUT=2s")
	one := c.start()
	crowd := c.offer(plan{clients: 40})
	crowd.ends(form.of(40, 600)) // it has all the connections that it wants
	began := time.Now()
	two := c.start() // gets what is left
	c.figure("second_ready_seconds", time.Since(began).Seconds())
	other := c.offer(plan{clients: 40, only: func() string { return two.base }})
	other.ends(form.of(40, 600))
	again := c.offer(plan{clients: 40})
	again.ends(form.of(40, 600)) // both want all they can get
	ctx, cancel := context.WithTimeout(t.Context(), callWithin)
	defer cancel()
	conns, err := count(ctx, c.db, "SELECT count(*) FROM pg_stat_activity WHERE usename = '"+narrowRole+"'")
	require.NoError(t, err)
	require.Equal(t, connsAllowed, conns, "there were enough for all")
	for _, i := range []*instance{one, two} {
		i.scrape()
		c.figure(i.name+"_turns", i.counted()["booking_turn_seconds_count"])
	}
	c.finish(c.together(again, crowd, other), nil)
	// Each makes do with what it has got: that there is no more is no error to those who wait for it.
	require.Less(t, c.total()["booking_queue_errors_total"], float64(len(again.stories))/5)
}

// together ends all loads, and makes one of them for finish.
func (c *kase) together(one *load, others ...*load) *load {
	c.Helper()
	one.stop()
	for _, other := range others {
		other.stop()
	}
	c.rest()
	for _, other := range others {
		other.leave()
		one.stories = append(one.stories, other.stories...)
	}
	return one
}

const narrowRole = "narrow"

// onNarrowRole is a database for which the service has only so many connections; the harness has others.
func onNarrowRole(t *testing.T, server *pgserver.Server, conns int) storage {
	t.Helper()
	on := onPostgres(t, server)
	conn, err := pgx.Connect(t.Context(), on.source)
	require.NoError(t, err)
	for _, statement := range []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN CONNECTION LIMIT %d", narrowRole, conns),
		"GRANT ALL ON SCHEMA public TO " + narrowRole,
	} {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, conn.Close(t.Context()))
	address, err := url.Parse(on.source)
	require.NoError(t, err)
	address.User = url.User(narrowRole)
	on.environ = []string{"BOOKING_DATABASE__URL=" + address.String()}
	return on
}
