package webhooks

import "time"

// An endpoint that has taken nothing for a while is asked with one delivery now and then, so that what waits for it does not use
// up its attempts, nor our connections.
const (
	circuitFailures = 10              // in a row,
	circuitAfter    = time.Minute     // and for so long, open it
	probeFirst      = 5 * time.Second // then one is tried after this; doubled each time
	probeMost       = 5 * time.Minute
)

// circuit is what this process knows of an endpoint.
type circuit struct {
	failures int       // in a row
	since    time.Time // of the first of them
	probes   int       // that failed since it opened
	until    time.Time // nobody is asked before; zero while it is closed
}

// open tells whether the endpoint is tried less.
func (c *circuit) open() bool { return !c.until.IsZero() }

// failed notes that the endpoint did not take something.
func (c *circuit) failed(now time.Time) {
	if c.failures++; c.failures == 1 {
		c.since = now
	}
	if c.failures >= circuitFailures && now.Sub(c.since) >= circuitAfter {
		c.probes++
		c.until = now.Add(bound(c.probes, probeFirst, probeMost))
	}
}

// took notes that it did. It tells whether that is news.
func (c *circuit) took() (news bool) {
	news = c.open()
	*c = circuit{}
	return news
}

// vacant is how many more deliveries may begin: of slots, so many of which are taken.
func (c *circuit) vacant(now time.Time, slots, taken int) int {
	switch {
	case !c.open():
		return slots - taken
	case taken > 0 || now.Before(c.until):
		return 0
	default:
		return 1
	}
}
