package relay

import "time"

// BriefLease makes claims lapse so long after a subscriber's time is up.
func (r *Relay) BriefLease(margin time.Duration) { r.margin = margin }

// What tests wait for.
const (
	Calm        = calm
	BackoffBase = backoffBase
	WatchEvery  = watchEvery
	SettlePause = settlePause
	MostRefused = mostRefused
)
