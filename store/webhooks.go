package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

// A delivery is sent only when no earlier one of its booking to the same endpoint is due any more: claimDeliveries sees to that,
// whatever due_at says. That those behind it are due when it is only spares the claims looking at them in vain.

// deliveryRow is one event on its way to one endpoint.
type deliveryRow struct {
	ID          int64
	Endpoint    string
	EventID     string
	Type        string
	BookingID   string
	Version     int64
	Part        int64
	Body        string
	SinceAt     int64
	Attempts    int64
	DueAt       *int64
	Status      int64
	LastError   string
	DeliveredAt *int64
	DeadAt      *int64
}

const deliveryColumns = "id, endpoint, event_id, type, booking_id, version, part, body, since_at, attempts, due_at, status, last_error, delivered_at, dead_at"

var deliveryIn = []column{
	{"endpoint", isText}, {"event_id", isText}, {"type", isText}, {"booking_id", isID}, {"version", isInt}, {"part", isInt}, {"body", isText},
}

var resultIn = []column{{"id", isInt}, {"owner", isText}, {"state", isText}, {"retry", isInt}, {"status", isInt}, {"error", isText}}

// headRow is a delivery that was settled, and when it, or what it held up, is due.
type headRow struct {
	Endpoint  string
	BookingID string
	Version   int64
	Part      int64
	Next      int64
}

var headIn = []column{{"endpoint", isText}, {"booking_id", isID}, {"version", isInt}, {"part", isInt}, {"next", isInt}}

const (
	// One that comes behind others is not due before them.
	insertDeliveries = `
WITH {rows}
INSERT INTO webhook_deliveries (endpoint, event_id, type, booking_id, version, part, body, since_at, attempts, due_at, owner, status, last_error)
SELECT v.endpoint, v.event_id, v.type, v.booking_id, v.version, v.part, v.body, {now}, 0, COALESCE(
    (SELECT MIN(d.due_at) FROM webhook_deliveries AS d WHERE d.endpoint = v.endpoint AND d.booking_id = v.booking_id AND d.due_at IS NOT NULL),
    {now}), '', 0, ''
FROM v WHERE TRUE
ON CONFLICT (endpoint, event_id) DO `

	claimDeliveries = `
WITH due AS MATERIALIZED (
    SELECT d.id FROM webhook_deliveries AS d
    WHERE d.endpoint = ? AND d.due_at <= {now} AND NOT EXISTS (SELECT 1 FROM pauses WHERE what = ?) AND NOT EXISTS (
        SELECT 1 FROM webhook_deliveries AS head
        WHERE head.endpoint = d.endpoint AND head.booking_id = d.booking_id AND head.due_at IS NOT NULL
            AND (head.version, head.part) < (d.version, d.part))
    ORDER BY d.due_at LIMIT ? {lock})
UPDATE webhook_deliveries SET owner = ?, due_at = {now} + ?, attempts = attempts + 1
WHERE id IN (SELECT id FROM due)
RETURNING ` + deliveryColumns

	settleDeliveries = `
WITH {rows}
UPDATE webhook_deliveries AS d SET owner = '', status = v.status, last_error = v.error,
    due_at = CASE v.state WHEN 'due' THEN {now} + v.retry END,
    delivered_at = CASE v.state WHEN 'delivered' THEN {now} END,
    dead_at = CASE v.state WHEN 'dead' THEN {now} END
FROM v WHERE d.id = v.id AND d.owner = v.owner AND d.due_at IS NOT NULL
RETURNING endpoint, booking_id, version, part, COALESCE(due_at, delivered_at, dead_at) AS next`

	followDeliveries = `
WITH {rows}
UPDATE webhook_deliveries AS d SET due_at = v.next
FROM v WHERE d.endpoint = v.endpoint AND d.booking_id = v.booking_id AND d.due_at IS NOT NULL AND d.owner = ''
    AND (d.version, d.part) > (v.version, v.part)`
)

// AddDeliveries stores what is to be sent, in its order. What is there already stays as it is.
func (s *Store) AddDeliveries(ctx context.Context, deliveries []booking.Delivery) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.CommitTimeout, errCommitDeadline)
	defer cancel()
	db := s.write.WithContext(ctx)
	err := s.sql.each(insertDeliveries+"NOTHING", deliveryIn, deliveryValues(deliveries), func(statement string, args []any) error {
		return db.Exec(statement, args...).Error
	})
	if err != nil {
		return fmt.Errorf("store %d deliveries: %w", len(deliveries), err)
	}
	return nil
}

// ClaimDeliveries leases what is due at an endpoint that is not paused, at most one delivery of each booking: the first that is
// not delivered, nor dead.
func (s *Store) ClaimDeliveries(ctx context.Context, c booking.DeliveryClaim) ([]booking.Delivery, error) {
	if c.Limit <= 0 {
		return nil, nil
	}
	if c.Owner == "" {
		return nil, fmt.Errorf("claim deliveries to %s: no owner", c.Endpoint)
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []deliveryRow
	err := s.write.WithContext(ctx).Raw(s.sql.clocked(claimDeliveries), c.Endpoint, booking.PauseOfWebhook(c.Endpoint), c.Limit, c.Owner, c.Lease.Microseconds()).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("claim deliveries to %s: %w", c.Endpoint, err)
	}
	slices.SortFunc(rows, func(a, b deliveryRow) int { return int(a.ID - b.ID) })
	return deliveriesOf(rows), nil
}

// SettleDeliveries notes what became of deliveries, in one transaction. Those that are another's by now stay as they are.
func (s *Store) SettleDeliveries(ctx context.Context, results []booking.DeliveryResult) error {
	values := make([][]any, len(results))
	for i, r := range results {
		retry := max(r.RetryIn, 0).Microseconds()
		if r.State != booking.DeliveryDue {
			retry = 0
		}
		values[i] = []any{r.Delivery.ID, r.Owner, string(r.State), retry, int64(r.Status), clean(r.Error, textLimit)}
	}
	err := s.deliver(ctx, func(tx *gorm.DB) error {
		var heads [][]any
		err := s.sql.each(settleDeliveries, resultIn, values, func(statement string, args []any) error {
			var rows []headRow
			err := tx.Raw(statement, args...).Find(&rows).Error
			for _, r := range rows {
				heads = append(heads, []any{r.Endpoint, r.BookingID, r.Version, r.Part, r.Next})
			}
			return err
		})
		if err != nil {
			return err
		}
		return s.sql.each(followDeliveries, headIn, heads, func(statement string, args []any) error { return tx.Exec(statement, args...).Error })
	})
	if err != nil {
		return fmt.Errorf("settle %d deliveries: %w", len(results), err)
	}
	return nil
}

// deliver runs a transaction, again where another one stood in its way.
func (s *Store) deliver(ctx context.Context, write func(tx *gorm.DB) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.CommitTimeout, errCommitDeadline)
	defer cancel()
	for try := 1; ; try++ {
		err := s.transact(ctx, write)
		if try < commitTries && refusedFor(err, again) {
			s.counts.repeated.Add(1)
			continue
		}
		return err
	}
}

// clocked fills in the clock of a statement, and what it says about rows that somebody else is claiming.
func (d dialect) clocked(statement string) string {
	return strings.NewReplacer("{now}", d.now(), "{lock}", d.lock).Replace(statement)
}

func deliveryValues(deliveries []booking.Delivery) [][]any {
	values := make([][]any, len(deliveries))
	for i, d := range deliveries {
		values[i] = []any{d.Endpoint, d.Event, string(d.Type), string(d.Booking), int64(d.Version), int64(d.Part), d.Body}
	}
	return values
}

func deliveriesOf(rows []deliveryRow) []booking.Delivery {
	deliveries := make([]booking.Delivery, len(rows))
	for i, r := range rows {
		deliveries[i] = booking.Delivery{
			ID: r.ID, Endpoint: r.Endpoint, Event: r.EventID, Type: booking.EventType(r.Type), Booking: booking.ID(r.BookingID),
			Version: int(r.Version), Part: int(r.Part), Body: r.Body, State: booking.DeliveryDue, Since: moment(r.SinceAt), Attempts: int(r.Attempts),
			LastError: r.LastError, Status: int(r.Status),
		}
		d := &deliveries[i]
		switch {
		case r.DueAt != nil:
			d.Due = moment(*r.DueAt)
		case r.DeliveredAt != nil:
			d.State, d.Ended = booking.DeliveryDelivered, moment(*r.DeliveredAt)
		case r.DeadAt != nil:
			d.State, d.Ended = booking.DeliveryDead, moment(*r.DeadAt)
		}
	}
	return deliveries
}
