package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

// The verbs of what supervisors do to deliveries, in the history of the service itself.
const (
	verbRetryDelivery = "webhook_retry"
	verbReplay        = "webhook_replay"
)

const (
	reviveDelivery = `
UPDATE webhook_deliveries SET since_at = {now}, due_at = {now}, dead_at = NULL, attempts = 0, owner = ''
WHERE id = ? AND dead_at IS NOT NULL
RETURNING endpoint, event_id`

	// What is being sent just now is let be: it is on its way.
	reviveDeliveries = `UPDATE
SET since_at = {now}, due_at = {now}, delivered_at = NULL, dead_at = NULL, attempts = 0
WHERE webhook_deliveries.owner = ''`
)

// An endpoint that pauses itself is nobody's action, and has no row in the audit; one that was paused before stays as it was.
const pauseGone = `
INSERT INTO pauses (what, since, actor, reason) VALUES (?, {now}, ?, ?)
ON CONFLICT (what) DO NOTHING`

// PauseEndpoint stops deliveries to an endpoint until a person lets them go on. It tells whether that is news.
func (s *Store) PauseEndpoint(ctx context.Context, endpoint, reason string) (news bool, err error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	done := s.write.WithContext(ctx).Exec(s.sql.clocked(pauseGone), booking.PauseOfWebhook(endpoint), booking.SystemActor, clean(reason, detailLimit))
	if done.Error != nil {
		return false, fmt.Errorf("pause the webhook endpoint %s: %w", endpoint, done.Error)
	}
	return done.RowsAffected > 0, nil
}

// Deliveries lists what a filter selects, newest first, without bodies.
func (s *Store) Deliveries(ctx context.Context, f booking.DeliveryFilter) ([]booking.Delivery, error) {
	if f.Booking != "" && s.sql.id(string(f.Booking)) == nil || !storable(f.Endpoint) {
		return nil, nil
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	db := s.read.WithContext(ctx).Table("webhook_deliveries " + s.deliveriesBy(f)).
		Select("id, endpoint, event_id, type, booking_id, version, part, since_at, attempts, due_at, status, last_error, delivered_at, dead_at")
	if f.Endpoint != "" {
		db = db.Where("endpoint = ?", f.Endpoint)
	}
	if f.Booking != "" {
		db = db.Where("booking_id = ?", s.sql.id(string(f.Booking)))
	}
	if f.Before > 0 {
		db = db.Where("id < ?", f.Before)
	}
	switch f.State {
	case booking.DeliveryDue:
		db = db.Where("due_at IS NOT NULL")
	case booking.DeliveryDelivered:
		db = db.Where("delivered_at IS NOT NULL")
	case booking.DeliveryDead:
		db = db.Where("dead_at IS NOT NULL")
	case "":
	}
	var rows []deliveryRow
	if err := db.Order("id DESC").Limit(f.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return deliveriesOf(rows), nil
}

// deliveriesBy is the index that has what a filter selects in the order of the list.
func (s *Store) deliveriesBy(f booking.DeliveryFilter) string {
	due, dead := f.State == booking.DeliveryDue, f.State == booking.DeliveryDead
	switch {
	case f.Booking != "":
		return s.sql.by("webhook_booking")
	case f.Endpoint != "" && due:
		return s.sql.by("webhook_waiting")
	case f.Endpoint != "" && dead:
		return s.sql.by("webhook_dead")
	case f.Endpoint != "":
		return s.sql.by("webhook_endpoint")
	case due:
		return s.sql.by("webhook_due_id")
	case dead:
		return s.sql.by("webhook_dead_id")
	default:
		return ""
	}
}

// RetryDelivery makes a dead letter due again, with a line in the audit: booking.ErrNotFound, booking.ErrNotDead.
func (s *Store) RetryDelivery(ctx context.Context, order booking.DeliveryOrder) error {
	err := s.actOnDeliveries(ctx, order, verbRetryDelivery, func(tx *gorm.DB) (what, asked string, err error) {
		var row struct{ Endpoint, EventID string }
		found := tx.Raw(s.sql.clocked(reviveDelivery), order.Delivery).Scan(&row)
		if found.Error != nil {
			return "", "", found.Error
		}
		if found.RowsAffected == 0 {
			var known bool
			if err := tx.Raw("SELECT EXISTS (SELECT 1 FROM webhook_deliveries WHERE id = ?)", order.Delivery).Scan(&known).Error; err != nil {
				return "", "", err
			}
			if known {
				return "", "", booking.ErrNotDead
			}
			return "", "", booking.ErrNotFound
		}
		return row.Endpoint, fmt.Sprintf("endpoint=%s event=%s", row.Endpoint, row.EventID), nil
	})
	if err != nil {
		return fmt.Errorf("retry delivery %d: %w", order.Delivery, err)
	}
	return nil
}

// Redeliver makes deliveries to one endpoint due again, or for the first time, all or none, with a line in the audit. Those that
// are there keep their bodies.
func (s *Store) Redeliver(ctx context.Context, order booking.DeliveryOrder, deliveries []booking.Delivery) error {
	err := s.actOnDeliveries(ctx, order, verbReplay, func(tx *gorm.DB) (what, asked string, err error) {
		err = s.sql.each(insertDeliveries+reviveDeliveries, deliveryIn, deliveryValues(deliveries), func(statement string, args []any) error {
			return tx.Exec(statement, args...).Error
		})
		asked = fmt.Sprintf("endpoint=%s events=%d", order.Endpoint, len(deliveries))
		if order.Booking != "" {
			asked += " booking=" + string(order.Booking)
		} else {
			asked += " from=" + order.From.UTC().Format(time.RFC3339) + " to=" + order.To.UTC().Format(time.RFC3339)
		}
		return order.Endpoint, asked, err
	})
	if err != nil {
		return fmt.Errorf("deliver again to %s: %w", order.Endpoint, err)
	}
	return nil
}

// actOnDeliveries does what somebody ordered, in one transaction with its line of history and its row of the audit. The end of the
// audit is locked last, so that nobody who has it waits for a delivery that is being settled.
func (s *Store) actOnDeliveries(ctx context.Context, order booking.DeliveryOrder, verb string, do func(tx *gorm.DB) (what, asked string, err error)) error {
	if !booking.ByStaff(order.Actor) {
		return fmt.Errorf("%s is none of our own people, whom the audit would name", order.Actor)
	}
	var head auditHead
	err := s.deliver(ctx, func(tx *gorm.DB) error {
		what, asked, err := do(tx)
		if err != nil {
			return err
		}
		e, err := s.lockService(tx)
		if err != nil {
			return err
		}
		e.Actor, e.Verb, e.Reason, e.Detail = order.Actor, verb, booking.Reason(what), order.Reason
		e.Mandate = booking.Mandate{Role: order.Role, RequestID: order.RequestID, Asked: asked}
		head, err = s.writeService(tx, e)
		return err
	})
	if err == nil {
		s.logHead(head)
	}
	return err
}
