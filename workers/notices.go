package workers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"hotelbooking/booking"
)

// noticesAtOnce bounds what one look into the inbox takes out.
const noticesAtOnce = 100

// Noticed says that a notice has come in, so that it is applied at once.
func (w *Workers) Noticed() { signal(w.noticed) }

// applyNotices is one round of the loop that empties the inbox. A notice that fails waits; it does not hold up the others.
func (w *Workers) applyNotices(ctx context.Context, _ bool) error {
	for ctx.Err() == nil {
		notices, err := w.inbox(ctx)
		if err != nil {
			return fmt.Errorf("look into the inbox: %w", err)
		}
		for _, n := range notices {
			if ctx.Err() != nil {
				return nil
			}
			if err := w.applyNotice(n); err != nil {
				return fmt.Errorf("settle notice %s of %s: %w", n.EventID, n.Vendor, err)
			}
		}
		if len(notices) < noticesAtOnce {
			return nil
		}
	}
	return nil
}

func (w *Workers) inbox(ctx context.Context) ([]booking.Notice, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	return w.deps.Notices.Notices(ctx, noticesAtOnce)
}

// applyNotice decides what the notice says, and settles it. An error means that it could not even be settled.
func (w *Workers) applyNotice(n booking.Notice) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 3*w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	id, err := w.deps.Notices.ByReference(ctx, n.Reference)
	if err == nil {
		_, err = w.Decide(ctx, id, booking.Decision{Verb: n.Verb, Actor: "webhook:" + n.Vendor, Reason: n.Kind})
	}
	outcome, retryIn := w.verdict(n, err)
	w.metrics.notices.WithLabelValues(outcome).Inc()
	if err != nil {
		w.log.Warn("notice", zap.String("vendor", n.Vendor), zap.String("event", n.EventID), zap.String("kind", n.Kind),
			zap.String("reference", n.Reference), zap.String("outcome", outcome), zap.Error(err))
	}
	return w.deps.Notices.SettleNotice(ctx, n, retryIn)
}

// verdict is what becomes of a notice, and when it is looked at again; 0: never.
func (w *Workers) verdict(n booking.Notice, err error) (outcome string, retryIn time.Duration) {
	age := time.Since(n.At)
	var illegal *booking.IllegalError
	switch {
	case err == nil:
		return "applied", 0
	case errors.As(err, &illegal):
		return "illegal", 0 // too late, or twice
	case errors.Is(err, booking.ErrNotFound) && age >= w.cfg.NoticeFor:
		return "unknown", 0
	default: // the booking may still be on its way into the database, or the database be out of order
		return "later", min(max(age/2, time.Second), time.Minute)
	}
}
