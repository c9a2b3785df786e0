package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

// A claim that leaves suppliers out must not read all that waits for them. So it looks first which suppliers bookings wait
// for, skipping from one to the next in the index, and then takes the oldest of those that remain.

const (
	// lanesAtOnce is how many suppliers one claim looks at. Names come from submissions, so there may be any number; the next
	// claim begins with those that were left.
	lanesAtOnce = 128
	// spare is how many times as many as are wanted are looked at, because others may be claiming the same.
	spare = 4
)

// lane is a supplier that bookings wait for, and since when the first of them is due by the database's clock; nil: later.
type lane struct {
	Supplier string
	Oldest   *int64
	Now      int64
}

// rotation is where the next claim begins to look, so that every supplier has its turn where there are more than lanesAtOnce.
type rotation struct {
	mu    sync.Mutex
	after string // written and read by claims
}

func (r *rotation) begin() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.after
}

func (r *rotation) next(after string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after = after
}

const lanesWaiting = `
WITH RECURSIVE lanes (supplier, n) AS (
    SELECT (SELECT supplier FROM places {by lane} WHERE queue = 'provider' AND due_at IS NOT NULL AND supplier > ?
            ORDER BY supplier, due_at LIMIT 1), 1
    UNION ALL
    SELECT (SELECT supplier FROM places {by lane} WHERE queue = 'provider' AND due_at IS NOT NULL AND supplier > lanes.supplier
            ORDER BY supplier, due_at LIMIT 1), n + 1
    FROM lanes WHERE supplier IS NOT NULL AND n < ?
)
SELECT supplier, {now} AS now,
    (SELECT due_at FROM places {by lane} WHERE queue = 'provider' AND supplier = lanes.supplier AND due_at <= {now}
     ORDER BY due_at LIMIT 1) AS oldest
FROM lanes WHERE supplier IS NOT NULL`

func (s *Store) listLanes(after string, limit int) (statement string, args []any) {
	return strings.NewReplacer("{now}", s.sql.now(), "{by lane}", s.sql.by("places_lanes")).Replace(lanesWaiting), []any{after, limit}
}

// waitingLanes lists suppliers that bookings wait for, those with the longest waiting first.
func (s *Store) waitingLanes(tx *gorm.DB) ([]lane, error) {
	look := func(after string, limit int) (found []lane, err error) {
		statement, args := s.listLanes(after, limit)
		return found, tx.Raw(statement, args...).Find(&found).Error
	}
	begin := s.lanes.begin()
	lanes, err := look(begin, lanesAtOnce)
	if err == nil && begin != "" && len(lanes) < lanesAtOnce { // from the first again
		var first []lane
		first, err = look("", lanesAtOnce-len(lanes))
		lanes = append(lanes, slices.DeleteFunc(first, func(l lane) bool { return l.Supplier > begin })...)
	}
	if err != nil {
		return nil, err
	}
	next := ""
	if len(lanes) == lanesAtOnce {
		next = lanes[lanesAtOnce-1].Supplier
	}
	s.lanes.next(next)
	lanes = slices.DeleteFunc(lanes, func(l lane) bool { return l.Oldest == nil })
	slices.SortFunc(lanes, func(a, b lane) int {
		return cmp.Or(cmp.Compare(*a.Oldest, *b.Oldest), strings.Compare(a.Supplier, b.Supplier))
	})
	return lanes, nil
}

var lanesIn = []column{{"supplier", isText}, {"excepted", isInt}}

// claimLanes is claimDue for those of lanes that c does not leave out.
func (s *Store) claimLanes(c booking.Claim, lanes []lane) (statement string, args []any) {
	lanes = slices.DeleteFunc(lanes, func(l lane) bool { return slices.Contains(c.Except, l.Supplier) })
	until := int64(0)
	if len(lanes) > 0 {
		until = lanes[0].Now
	}
	if len(lanes) > c.Limit { // then no more of each are wanted than are older than the first of the last
		lanes = lanes[:min(len(lanes), 2*c.Limit)]
		until = *lanes[len(lanes)-1].Oldest
	}
	var rows [][]any
	for _, l := range lanes {
		rows = append(rows, []any{l.Supplier, int64(0)})
	}
	for _, supplier := range c.Except {
		rows = append(rows, []any{supplier, int64(1)})
	}
	v, args := s.sql.table(lanesIn, rows)
	each := max(c.Limit, spare*c.Limit/max(1, len(lanes)))
	return s.claimOf(c, v+", ", s.sql.lanes, "AND supplier NOT IN (SELECT supplier FROM v WHERE excepted = 1)",
		append(args, until, each, spare*c.Limit, c.Limit))
}
