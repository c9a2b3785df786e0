package sim_test

import (
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
	"hotelbooking/workers/jetstream/brokertest"
)

// The engines.
const (
	inProcess = "inprocess"
	jetStream = "jetstream"
)

// fleet is the processes of a world, and how they learn what there is to do.
type fleet struct {
	nodes []node
	hints *jetstream.Config // nil: they look in the database
	sweep time.Duration     // how often what was lost is said again
	calm  bool              // nothing happens to the broker
	mute  bool              // no hint ever arrives
}

// passedOn is how long after its leases a dead process's hints are somebody else's, as main has it.
const passedOn = 500 * time.Millisecond

// node is what one process of a fleet does.
type node struct {
	api    bool
	works  []booking.Pool
	sweeps bool
}

// alike is so many processes that do everything, without a broker.
func alike(n int) fleet {
	return fleet{nodes: slices.Repeat([]node{{api: true, works: booking.Pools(), sweeps: true}}, n)}
}

// hinted is a fleet with a broker, of one of the kinds that there are.
func hinted(luck *dice) fleet {
	const provider, fraud, payment, tracking = booking.ProviderPool, booking.FraudPool, booking.PaymentPool, booking.TrackingPool
	of := func(pools ...booking.Pool) node { return node{works: pools} }
	f := pick(luck,
		alike(3),
		fleet{nodes: []node{{api: true, sweeps: true}, of(provider), of(fraud), of(payment), of(tracking)}},
		fleet{nodes: []node{{api: true}, {api: true, sweeps: true}, of(provider, fraud), of(provider, payment), of(fraud, tracking), of(payment, tracking)}},
	)
	hints := jetstream.DefaultConfig()
	hints.Suppliers, hints.AckWait = []string{"sandbox"}, engineConfig().Lease+passedOn
	hints.Limits = pick(luck, jetstream.Limits{}, jetstream.Limits{payment: 1, provider: 2}, jetstream.Limits{provider: 3, fraud: 1, payment: 2, tracking: 1})
	f.hints, f.sweep = &hints, time.Second
	switch luck.n(6) {
	case 0:
		f.calm = true
	case 1:
		f.mute = true
	case 2: // hints and the sweep are all there is
		hints.Backstop = time.Hour
	case 3: // nobody sweeps
		for i := range f.nodes {
			f.nodes[i].sweeps = false
		}
	}
	return f
}

// governed are the pools that the broker bounds for all.
func (f fleet) governed() (pools []booking.Pool) {
	if f.hints == nil {
		return nil
	}
	return slices.DeleteFunc(booking.Pools(), func(p booking.Pool) bool { return f.hints.Limits.Of(p) == 0 })
}

// broker of a world, where it has one.
func (w *world) newBroker() *brokertest.Broker {
	if w.fleet.hints == nil {
		return nil
	}
	b := brokertest.New(
		func(name string) *rand.Rand { return w.luck.of("broker", name).rand },
		func(what string) { w.trace.add(w.since(), "broker", "%s", what) },
	)
	b.SetFaults(w.usualHints())
	return b
}

// usualHints are what happens to hints when nothing special does.
func (w *world) usualHints() brokertest.Faults {
	if w.fleet.mute {
		return brokertest.Faults{Lost: 1}
	}
	return brokertest.Faults{}
}

// queueOf is where an instance finds its work: the database, and around it, where there is a broker, the hints.
func (i *instance) queueOf(n node, log *zap.Logger) workers.Queue {
	w := i.world
	if w.broker == nil {
		return line{i}
	}
	connection := w.broker.Connect(i.name, i.hints)
	i.queue = jetstream.Over(line{i}, i.flow, connection, connection.IsConnected, *w.fleet.hints, n.works, log, func(p booking.Pool) { i.engine.Wake(p) })
	return i.queue
}
