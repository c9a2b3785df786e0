package sim_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hotelbooking/booking"
)

// line is an instance's line to the database. The instance may die before a call goes out or before its answer comes in;
// calls may fail, hang, or have their answers lost. What the database did, it did.
type line struct{ i *instance }

// What a call does to the database: crash points are counted at those that write.
type kind int

const (
	reads kind = iota
	writes
)

// through makes one call over the line.
func through[T any](ctx context.Context, l line, k kind, what string, call func(ctx context.Context) (T, error)) (answer T, err error) {
	var none T
	i, w := l.i, l.i.world
	if i.gone() {
		return none, errDead
	}
	luck, strike := w.luck.of(i.name, what, w.since().String()), strikeNone
	if k == writes {
		strike = w.hazard.database(i, luck, what)
	}
	if strike == strikeDieBefore {
		i.die("before " + what)
		return none, errDead
	}
	if w.hazard.outage() || strike == strikeRefuse {
		return none, unreachable(ctx, luck, strike)
	}
	if !sleep(ctx, luck.between(20*time.Microsecond, 900*time.Microsecond)) {
		linger(luck.about(0))
		return none, context.Cause(ctx)
	}
	if strike == strikeStall { // the packet is on its way for longer than anybody waits
		linger(luck.between(time.Second, 12*time.Second))
		ctx = context.WithoutCancel(ctx)
	}
	if i.awake(what) { // it looked at its lease, was paused, and goes on as if nothing had happened
		ctx = context.WithoutCancel(ctx)
		if k == writes {
			w.count("writes after a pause")
		}
	}
	if i.gone() {
		return none, errDead
	}
	answer, err = call(ctx)
	if k == writes {
		w.trace.add(w.since(), i.name, "%s: %v", what, err)
	}
	i.awake(what)
	switch {
	case strike == strikeDieAfter:
		i.die("after " + what)
		return none, errDead
	case i.gone():
		return none, errDead
	case strike == strikeLose:
		w.count("unknown commits")
		return none, errSilent
	}
	return answer, err
}

// unreachable is a database that refuses, or does not answer.
func unreachable(ctx context.Context, luck *dice, s strike) error {
	if s == strikeRefuse || luck.happens(0.5) {
		linger(luck.between(100*time.Microsecond, 2*time.Millisecond))
		return errRefused
	}
	limit, cancel := context.WithTimeout(ctx, luck.about(3*time.Second))
	defer cancel()
	<-limit.Done()
	linger(luck.about(0))
	return errSilent
}

// sleep waits; false: ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// linger waits, whatever happens meanwhile.
func linger(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a bubble: no time is lost
}

// nothing is the answer of a call that has none.
type nothing struct{}

func (l line) Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error) {
	receipt, err := through(ctx, l, writes, "accept "+a.Booking.Reference, func(ctx context.Context) (booking.Receipt, error) {
		return l.i.world.store.Accept(ctx, a)
	})
	if err == nil && !receipt.Replayed && a.Owner != "" {
		l.i.hints.holds(a.Booking, a.Booking.Place, a.Owner)
	}
	return receipt, err
}

func (l line) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	what := fmt.Sprintf("save %s v%d %s %s -> %s %s", b.Reference, e.Version, e.From.Phase, e.From.Step, e.To.Phase, e.To.Step)
	_, err := through(ctx, l, writes, what, func(ctx context.Context) (nothing, error) {
		return nothing{}, l.i.world.store.Save(ctx, b, e, lease)
	})
	switch {
	case err == nil && lease == 0:
		l.i.hints.lets(b.ID, b.Owner)
	case err == nil:
		l.i.hints.holds(b, e.To, b.Owner)
	}
	return err
}

func (l line) Decide(ctx context.Context, id booking.ID, decide func(*booking.Booking) (booking.Entry, error)) (*booking.Booking, error) {
	return through(ctx, l, writes, "decide "+string(id), func(ctx context.Context) (*booking.Booking, error) {
		return l.i.world.store.Decide(ctx, id, decide)
	})
}

// Claim is a write only if it finds something, which nobody knows before: so it is struck afterwards.
func (l line) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	claimed, err := through(ctx, l, reads, "claim for "+string(c.Pool), func(ctx context.Context) ([]*booking.Booking, error) {
		return l.i.world.store.Claim(ctx, c)
	})
	if err != nil || len(claimed) == 0 {
		return claimed, err
	}
	for _, b := range claimed {
		if b.Crashed {
			l.i.world.count("expired leases")
		}
	}
	claimed, err = through(ctx, l, writes, fmt.Sprintf("claim %d for %s", len(claimed), c.Pool), func(context.Context) ([]*booking.Booking, error) {
		return claimed, nil
	})
	for _, b := range claimed {
		l.i.hints.claimed(b, c)
	}
	return claimed, err
}

func (l line) Overdue(ctx context.Context, pool booking.Pool, since time.Duration, limit int) ([]booking.Hint, error) {
	return through(ctx, l, reads, "overdue in "+string(pool), func(ctx context.Context) ([]booking.Hint, error) {
		return l.i.world.store.Overdue(ctx, pool, since, limit)
	})
}

func (l line) Renew(ctx context.Context, held []booking.Lease, lease time.Duration) ([]booking.ID, error) {
	lost, err := through(ctx, l, writes, fmt.Sprintf("renew %d for %s", len(held), lease), func(ctx context.Context) ([]booking.ID, error) {
		return l.i.world.store.Renew(ctx, held, lease)
	})
	for _, h := range held {
		switch {
		case err != nil:
		case lease == 0 || slices.Contains(lost, h.ID):
			l.i.hints.lets(h.ID, h.Owner)
		default:
			l.i.hints.renewed(h)
		}
	}
	return lost, err
}

func (l line) ReceiveNotice(ctx context.Context, n booking.Notice) (bool, error) {
	return through(ctx, l, writes, "receive a notice about "+n.Reference, func(ctx context.Context) (bool, error) {
		fresh, err := l.i.world.store.ReceiveNotice(ctx, n)
		if fresh && n.Verb == booking.VerbNotify {
			l.i.world.noticed(n.Reference)
		}
		return fresh, err
	})
}

func (l line) SettleNotice(ctx context.Context, n booking.Notice, retryIn time.Duration) error {
	_, err := through(ctx, l, writes, fmt.Sprintf("settle a notice about %s, again in %s", n.Reference, retryIn), func(ctx context.Context) (nothing, error) {
		return nothing{}, l.i.world.store.SettleNotice(ctx, n, retryIn)
	})
	return err
}

func (l line) Get(ctx context.Context, id booking.ID) (*booking.Booking, error) {
	return through(ctx, l, reads, "get "+string(id), func(ctx context.Context) (*booking.Booking, error) { return l.i.world.store.Get(ctx, id) })
}

func (l line) Glance(ctx context.Context, id booking.ID) (booking.Glance, error) {
	return through(ctx, l, reads, "glance "+string(id), func(ctx context.Context) (booking.Glance, error) { return l.i.world.store.Glance(ctx, id) })
}

func (l line) Backlog(ctx context.Context) (booking.Backlog, error) {
	return through(ctx, l, reads, "backlog", l.i.world.store.Backlog)
}

func (l line) Versions(ctx context.Context, ids []booking.ID) (map[booking.ID]int, error) {
	return through(ctx, l, reads, "versions", func(ctx context.Context) (map[booking.ID]int, error) { return l.i.world.store.Versions(ctx, ids) })
}

func (l line) Notices(ctx context.Context, limit int) ([]booking.Notice, error) {
	return through(ctx, l, reads, "notices", func(ctx context.Context) ([]booking.Notice, error) { return l.i.world.store.Notices(ctx, limit) })
}

func (l line) ByReference(ctx context.Context, reference string) (booking.ID, error) {
	return through(ctx, l, reads, "by reference "+reference, func(ctx context.Context) (booking.ID, error) { return l.i.world.store.ByReference(ctx, reference) })
}

func (l line) ByClientReference(ctx context.Context, client, reference string) ([]*booking.Booking, error) {
	return through(ctx, l, reads, "by client reference", func(ctx context.Context) ([]*booking.Booking, error) {
		return l.i.world.store.ByClientReference(ctx, client, reference)
	})
}

func (l line) Search(ctx context.Context, q string, limit int) ([]*booking.Booking, error) {
	return through(ctx, l, reads, "search", func(ctx context.Context) ([]*booking.Booking, error) { return l.i.world.store.Search(ctx, q, limit) })
}

func (l line) List(ctx context.Context, f booking.Filter) ([]*booking.Booking, error) {
	return through(ctx, l, reads, "list", func(ctx context.Context) ([]*booking.Booking, error) { return l.i.world.store.List(ctx, f) })
}

func (l line) History(ctx context.Context, id booking.ID) ([]booking.Entry, error) {
	return through(ctx, l, reads, "history", func(ctx context.Context) ([]booking.Entry, error) { return l.i.world.store.History(ctx, id) })
}

type people struct {
	contact booking.Contact
	rooms   []booking.Room
}

func (l line) People(ctx context.Context, id booking.ID) (booking.Contact, []booking.Room, error) {
	p, err := through(ctx, l, reads, "people", func(ctx context.Context) (p people, err error) {
		p.contact, p.rooms, err = l.i.world.store.People(ctx, id)
		return p, err
	})
	return p.contact, p.rooms, err
}

func (l line) IdempotencyKey(ctx context.Context, id booking.ID) (string, error) {
	return through(ctx, l, reads, "idempotency key", func(ctx context.Context) (string, error) { return l.i.world.store.IdempotencyKey(ctx, id) })
}
