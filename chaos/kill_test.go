package chaos_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestKilledOnSQLite(t *testing.T) {
	form := beside(t)
	c := newCase(t, "kill -9, SQLite", onSQLite(t))
	killAgainAndAgain(c, form.of(20, 300), form.of(15, 34))
}

// killAgainAndAgain ends the only instance under load, each time after some more bookings were acknowledged.
func killAgainAndAgain(c *kase, kills, acks int) {
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
	c.finish(load, needs{"crashed", "unknown", "answers_lost", "late_effects", "replayed", "retried", "cancels"})
}
