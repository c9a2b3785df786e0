package main

import (
	"context"
	"fmt"
	"time"
)

// down is how long what was killed stays dead: as long as it takes somebody, or something, to start it again.
const down = time.Second

// blow is one kill, and when what was killed was ready again.
type blow struct {
	what     string
	at, back time.Time
}

// strike is a kill, and the share of the bookings that are accepted before.
type strike struct {
	share float64
	what  string
	do    func(context.Context, *teller) error
}

// strikes are in the order of how long they are felt, so that one is over when the next comes.
func (f *fleet) strikes() []strike {
	return []strike{
		{.2, "an API node", func(ctx context.Context, t *teller) error { return f.killNode(ctx, t, f.of("api")[1]) }},
		{.45, "a worker node (provider)", func(ctx context.Context, t *teller) error { return f.killNode(ctx, t, f.of("provider")[0]) }},
		{.7, "the leader of the stream", f.killLeader},
	}
}

// strike kills one part after the other while bookings are under way, and starts each again.
func (f *fleet) strike(ctx context.Context, l *load, t *teller) ([]blow, error) {
	var blows []blow
	for _, s := range f.strikes() {
		if err := l.reach(ctx, int(s.share*float64(l.want))); err != nil {
			return blows, err
		}
		b := blow{what: s.what, at: time.Now()}
		if err := s.do(ctx, t); err != nil {
			return blows, fmt.Errorf("kill %s: %w", s.what, err)
		}
		b.back = time.Now()
		blows = append(blows, b)
	}
	return blows, nil
}

func (f *fleet) killLeader(ctx context.Context, t *teller) error {
	leader, err := f.broker.Leader(ctx, stream)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := leader.Kill(); err != nil {
		return err
	}
	t.say("KILL -9 %s, which leads the stream of hints", leader.Name())
	other, err := f.broker.Leader(ctx, stream)
	if err != nil {
		return err
	}
	t.say("%s leads the stream %s after the kill", other.Name(), spent(began))
	if err := sleep(ctx, down-time.Since(began)); err != nil {
		return err
	}
	if err := leader.Start(ctx); err != nil {
		return err
	}
	t.say("%s is started again, and up to date %s after the kill", leader.Name(), spent(began))
	return nil
}

func (f *fleet) killNode(ctx context.Context, t *teller, n *node) error {
	began := time.Now()
	n.kill()
	t.say("KILL -9 node %s", n.name)
	if err := sleep(ctx, down); err != nil {
		return err
	}
	if err := f.launch(ctx, n); err != nil {
		return err
	}
	t.say("node %s is started again, and ready %s after the kill%s", n.name, spent(began), n.where())
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func spent(since time.Time) time.Duration { return time.Since(since).Round(10 * time.Millisecond) }
