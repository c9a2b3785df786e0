package chaos_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKilledOnSQLite(t *testing.T) {
	form := beside(t)
	c := newCase(t, "kill -9, SQLite", onSQLite(t))
	load := killAgainAndAgain(c, form.of(20, 300), form.of(15, 34))
	c.finish(load, needs{"crashed", "unknown", "answers_lost", "late", "replayed", "retried", "cancels"})
}

// killAgainAndAgain ends the only instance under load, each time after some more bookings were acknowledged.
func killAgainAndAgain(c *kase, kills, acks int) *load {
	c.Helper()
	c.sandbox.misbehave(usualFaults())
	one := c.start()
	load := c.offer(plan{clients: 80})
	for range kills {
		load.acks(acks)
		<-time.After(rand.N(300 * time.Millisecond)) // or every kill would follow an acknowledgement
		c.kill(one)
		one = c.start()
		c.sandbox.follow()
	}
	load.acks(acks)
	return load
}

// A machine that stands still for longer than a lease does not know it: what it was about to write is somebody else's by then.
// So it is stopped while its calls are under way, at suppliers who take their time.
func TestKilledAndPausedOnPostgres(t *testing.T) {
	killedAndPaused(t, beside(t), "kill -9 and SIGSTOP, PostgreSQL")
}

// killedAndPaused does that to two or three instances. environ is of each.
func killedAndPaused(t *testing.T, form form, name string, environ ...string) {
	t.Helper()
	kills, pauses := form.of(10, 300), form.of(3, 30)
	c := newCase(t, name, onPostgres(t, ownPostgres(t)), append(environ,
		// Longer than a pause, or it is the deadline that ends a call, and not its answer.
		"BOOKING_PROVIDERS__HOTEL__TIMEOUT=8s", "BOOKING_PROVIDERS__PAYMENT__TIMEOUT=8s", "BOOKING_DATABASE__MAX_CONNS=12")...)
	c.sandbox.misbehave(usualFaults())
	instances := []*instance{c.start(), c.start()}
	if form == long {
		instances = append(instances, c.start())
	}
	load := c.offer(plan{clients: 80})
	orphans := newOrphans(c)
	for n := range kills {
		at := rand.IntN(len(instances))
		load.acks(form.of(12, 30))
		<-time.After(rand.N(300 * time.Millisecond))
		orphans.of(instances[at], func() { c.kill(instances[at]) })
		instances[at] = c.start()
		if every := kills / pauses; n%every == every-1 && c.done("pauses") < pauses {
			c.pauseWithCallsUnderWay(instances[rand.IntN(len(instances))], load)
		}
		c.sandbox.follow()
	}
	load.acks(12)
	r := c.judge(load)
	orphans.measure(r)
	c.require(r, needs{"crashed", "fenced", "unknown", "answers_lost", "late", "replayed", "cancels"})
	require.Equal(t, pauses, r.Done["pauses"])
	// Generous: the machine may have other things to do. The figures are in the report.
	require.Less(t, r.Figures["orphan_p50_seconds"], (lease + 3*time.Second).Seconds(), "orphans wait too long")
}

// pauseWithCallsUnderWay stops an instance for longer than its leases.
func (c *kase) pauseWithCallsUnderWay(i *instance, load *load) {
	c.Helper()
	slow := usualFaults()
	for system, f := range slow {
		f.Latency = &latency{P50: 900, P99: 1500}
		slow[system] = f
	}
	c.sandbox.misbehave(slow)
	load.acks(10)
	<-time.After(500 * time.Millisecond)
	c.pause(i)
	c.sandbox.misbehave(usualFaults())
	<-time.After(lease + time.Second + rand.N(time.Second))
	c.resume(i)
}

// The harness itself: two defects that it must find, in the same run as above. Neither is in the shipped binary.
func TestADefectIsFound(t *testing.T) {
	if runs(t) == short {
		t.Skip("only in the long form: it tests the harness")
	}
	for name, defect := range map[string]struct {
		source map[string][]string
		found  []string // the classes of which one at least must be seen
	}{
		"ack before commit": {map[string][]string{"store/bookings.go": {
			"\tif err := s.writer.write(ctx, o); err != nil {\n",
			"\tgo func() { _ = s.writer.write(context.WithoutCancel(ctx), o) }()\n\tif err != nil {\n",
		}}, []string{"lost"}},
		// What was not found is authorised again, and not with the same key: the first may still be on its way.
		"a new key for each attempt": {map[string][]string{"booking/flow.go": {
			"\tcase p.State == PaymentAbsent:\n\t\treturn Again()",
			"\tcase p.State == PaymentAbsent:\n\t\tb.Facts.Money.Generation++\n\t\treturn Again()",
		}}, []string{"doubled", "inconsistent"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := caseOf(t, mutant(t, name, defect.source), "mutant: "+name, onSQLite(t))
			c.broken = true
			r := c.judge(killAgainAndAgain(c, 20, 15))
			t.Logf("as it must be: %s", r)
			wrong := 0
			for _, class := range defect.found {
				wrong += r.Wrong[class]
			}
			require.NotZero(t, wrong, "nobody saw it: %v", r.Wrong)
		})
	}
}
