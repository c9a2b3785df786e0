package workers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc/panics"
	"go.uber.org/zap"
)

// loop is something that is done again and again for as long as the engine runs. A round that fails, or panics, is a
// delay and never the end of the loop.
type loop struct {
	name   string
	every  time.Duration                                     // give or take a quarter, so that processes do not march in step
	wake   chan struct{}                                     // nil: it is never woken between rounds
	round  func(ctx context.Context, woken bool) (err error) // woken: before its time
	vital  bool                                              // without it bookings stand still
	steady bool                                              // it is as urgent when it fails

	last atomic.Int64 // end of the last good round, Unix nanoseconds; zero: none yet
}

// backoffs bounds, in doublings of every, how far apart failing rounds are.
const backoffs = 2

// run does rounds until ctx ends. pauses spreads them, so that processes that started together do not go on together.
func (l *loop) run(ctx context.Context, pauses *rand.Rand, log *zap.Logger) {
	failures, woken := 0, false
	timer := time.NewTimer(l.every)
	defer timer.Stop()
	for ctx.Err() == nil {
		if err := l.once(ctx, woken); err == nil {
			failures = 0
			l.last.Store(time.Now().UnixNano())
		} else if failures++; failures&(failures-1) == 0 && ctx.Err() == nil { // the first, second, fourth, ... in a row
			log.Warn("loop", zap.String("loop", l.name), zap.Int("failures", failures), zap.Error(err))
		}
		wake := l.wake
		if failures > 0 {
			wake = nil // a wake-up is no reason to hurry what fails
		}
		pause := l.every/4*3 + time.Duration(pauses.Int64N(int64(l.every/2+1)))
		if !l.steady {
			pause <<= min(failures, backoffs)
		}
		if !woken || failures > 0 { // else the timer still runs: however often the loop is woken, its time comes
			timer.Reset(pause)
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
			woken = false
		case <-wake:
			woken = true
		}
		select { // what came together is one round; else chance would say how many there are
		case <-timer.C:
			woken = false
		case <-wake:
		default:
		}
	}
}

func (l *loop) once(ctx context.Context, woken bool) (err error) {
	if panicked := panics.Try(func() { err = l.round(ctx, woken) }); panicked != nil {
		return fmt.Errorf("a defect of ours: %s", panicked.String())
	}
	return err
}

// stale tells that the loop made no progress for three intervals.
func (l *loop) stale(now time.Time) bool {
	return now.Sub(time.Unix(0, l.last.Load())) > 3*l.every
}

// Healthy is nil while the loops that find and keep work make progress: not "are running", but "have lately done it".
func (w *Workers) Healthy() error {
	if !w.started.Load() || w.stopping.Load() {
		return errors.New("the engine does not run")
	}
	var problems []error
	for _, l := range w.loops {
		if l.vital && l.stale(time.Now()) {
			problems = append(problems, fmt.Errorf("the %s loop makes no progress", l.name))
		}
	}
	return errors.Join(problems...)
}
