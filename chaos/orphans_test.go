package chaos_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/judge"
)

// orphans are the bookings that instances held when they were killed: how long until somebody else went on with each.
type orphans struct {
	c   *kase
	all []orphan
}

type orphan struct {
	id      string
	boot    string // who held it
	version int
	since   time.Time
}

type leaseOfOne struct {
	id      string
	version int
}

func newOrphans(c *kase) *orphans { return &orphans{c: c} }

// of notes what i holds when kill has killed it.
func (o *orphans) of(i *instance, kill func()) {
	o.c.Helper()
	boot := o.c.boot(i)
	since := time.Now()
	kill()
	if boot == "" {
		return // it had no turn yet
	}
	for id, l := range o.c.leases() {
		if strings.HasPrefix(l.owner, boot+".") {
			o.all = append(o.all, orphan{id, boot, l.version, since})
		}
	}
}

// boot is what the owner of i's leases begins with: the database knows who wrote a turn that is in i's log.
func (c *kase) boot(i *instance) string {
	content, err := os.ReadFile(i.log)
	require.NoError(c, err)
	for line := range strings.Lines(string(content)) {
		var turn struct {
			Msg, Booking string
			Version      int
		}
		if !strings.Contains(line, `"msg":"turn"`) || json.Unmarshal([]byte(line), &turn) != nil || turn.Version == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), callWithin)
		defer cancel()
		var owner string
		err := c.db.QueryRowContext(ctx, c.on.writtenBy(), turn.Booking, turn.Version).Scan(&owner)
		require.NoError(c, err)
		boot, _, _ := strings.Cut(owner, ".")
		return boot
	}
	return ""
}

// measure adds to the report how long the orphans waited: until the first turn of somebody else began.
func (o *orphans) measure(r *report) {
	o.c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rows, err := judge.ReadRows(ctx, o.c.db)
	require.NoError(o.c, err)
	// Who was killed before the first turn, too, left it an orphan again: it waited anew from then on.
	last := map[leaseOfOne]orphan{}
	for _, one := range o.all {
		last[leaseOfOne{one.id, one.version}] = one
	}
	var waits []time.Duration
	for _, one := range last {
		for _, l := range rows[one.id].Lines {
			if l.Version > one.version && l.Verb == "turn" && !strings.HasPrefix(l.WrittenBy, one.boot+".") {
				waits = append(waits, l.At.Add(-l.Took).Sub(one.since))
				break
			}
		}
	}
	if len(waits) == 0 {
		return
	}
	slices.Sort(waits)
	at := func(share float64) float64 { return waits[int(share*float64(len(waits)-1))].Seconds() }
	r.Figures["orphans"] = float64(len(waits))
	r.Figures["orphan_p50_seconds"], r.Figures["orphan_p99_seconds"], r.Figures["orphan_max_seconds"] = at(.5), at(.99), at(1)
}
