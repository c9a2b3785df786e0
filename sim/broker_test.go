package sim_test

import (
	"time"

	"hotelbooking/booking"
	"hotelbooking/workers/jetstream/brokertest"
)

// strikesBroker is a blow at the broker, or at what it carries.
func (n *nemesis) strikesBroker() {
	w := n.world
	say := func(format string, args ...any) { w.trace.add(w.since(), "nemesis", format, args...) }
	switch n.luck.n(9) {
	case 0, 1:
		away, silent := n.luck.between(200*time.Millisecond, 20*time.Second), n.luck.happens(0.5)
		if n.luck.happens(0.3) {
			away *= 3
		}
		say("takes the broker away for %s (silent: %t)", away, silent)
		w.count("broker away")
		w.broker.Leave(away, silent)
	case 2:
		say("purges the stream")
		w.count("streams purged")
		w.broker.Purge()
	case 3:
		say("deletes the stream")
		w.count("streams deleted")
		w.broker.DeleteStream()
	case 4:
		lane := pick(n.luck, "provider_sandbox", string(booking.FraudPool), string(booking.PaymentPool), string(booking.TrackingPool))
		say("deletes the consumer %s", lane)
		w.count("consumers deleted")
		w.broker.DeleteConsumer(lane)
	default:
		share := 0.3 + float64(n.luck.n(70))/100
		f := pick(n.luck, brokertest.Faults{Lost: share}, brokertest.Faults{Late: share}, brokertest.Faults{Twice: share}, brokertest.Faults{AckLost: share})
		if w.fleet.mute {
			f.Lost = 1
		}
		say("faults at the broker: %+v", f)
		w.count("faults at the broker")
		w.broker.SetFaults(f)
	}
}

// sparesBroker gives it peace, too. Where it is away it comes back when its time has come: nobody needs it.
func (n *nemesis) sparesBroker() {
	if n.world.broker != nil {
		n.world.broker.SetFaults(n.world.usualHints())
	}
}
