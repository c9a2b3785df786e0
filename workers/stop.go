package workers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"hotelbooking/booking"
)

// lastWords is how long cancelled calls have to return before their turns are taken away.
const lastWords = time.Second

// Stop ends the engine, in this order: nothing more is accepted, claimed or begun; what waits is given back to whoever can
// go on with it; running turns may finish for Config.Grace, and are cancelled then; what they did is saved. ctx bounds it
// all. An error says what is left behind: leases that run out by themselves.
func (w *Workers) Stop(ctx context.Context) error {
	if w.stopping.Swap(true) || !w.started.Load() {
		return nil
	}
	w.submissions.close()
	w.stopClaiming(errStopped)
	problems := []error{w.submissions.wait(ctx)}
	w.claiming.Wait()
	problems = append(problems, w.giveBack(), w.drain(ctx), w.giveBack())
	if err := ctx.Err(); err != nil {
		close(w.ended)
	}
	w.stopWorking(errStopped)
	w.stopKeeping(errStopped)
	w.keeping.Wait()
	w.sayLast(ctx)
	for _, p := range w.pools {
		if n := p.close(); n > 0 {
			w.log.Warn("stop", zap.String("pool", string(p.name)), zap.Int("calls_left_behind", n))
		}
	}
	return errors.Join(problems...)
}

// drain lets turns end, cancels them when their time is up, and takes them away from calls that do not care.
func (w *Workers) drain(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, w.cfg.Grace)
	defer cancel()
	if w.turns.wait(patient) == nil {
		return nil
	}
	w.stopWorking(errStopped)
	last, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	if w.turns.wait(last) == nil {
		return nil
	}
	for _, t := range w.ledger.running() {
		w.keeping.Go(func() { w.takeAway(t, booking.ProcessStopped) })
	}
	if err := w.turns.wait(ctx); err != nil {
		return fmt.Errorf("turns are left to their leases: %w", err)
	}
	return nil
}
