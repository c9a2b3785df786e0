package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

const (
	commitTries = 4 // of a batch that another transaction stands in the way of
	lockedTries = 3 // of members whose rows are locked
)

// flush commits a batch and settles each of its ops. What it cannot commit as a whole it commits one by one, so that a bad
// row fails alone.
func (s *Store) flush(ctx context.Context, batch []*op) {
	ctx, traced := traceCommit(ctx, batch)
	defer traced()
	err := s.commit(ctx, batch)
	for try := 1; try < commitTries && refusedFor(err, again); try++ {
		s.counts.repeated.Add(1)
		err = s.commit(ctx, batch)
	}
	switch {
	case err == nil:
	case errors.Is(err, errUnknownCommit):
		s.resolve(ctx, batch, err)
	case len(batch) > 1 && refusedFor(err, singly, locked):
		s.flushSingly(ctx, batch)
	default:
		settle(batch, err)
	}
}

// flushSingly gives up when several rows turn out to be locked: then it is the table, and each would wait for nothing.
func (s *Store) flushSingly(ctx context.Context, batch []*op) {
	patience := lockedTries
	for i := range batch {
		s.flush(ctx, batch[i:i+1])
		if err := batch[i].err; refusedFor(err, locked) {
			if patience--; patience == 0 {
				settle(batch[i+1:], err)
				return
			}
		}
	}
}

func settle(batch []*op, err error) {
	for _, o := range batch {
		o.err = err
	}
}

// commit writes a batch in one transaction, one statement for each table. On success each op has its own result.
func (s *Store) commit(ctx context.Context, batch []*op) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.CommitTimeout, errCommitDeadline)
	defer cancel()
	var accepts, saves []*op
	for _, o := range batch {
		o.err = nil
		if o.accept != nil {
			accepts = append(accepts, o)
		} else {
			saves = append(saves, o)
		}
	}
	// In one order everywhere, or two batches with the same keys could wait for each other.
	slices.SortStableFunc(accepts, func(a, b *op) int {
		return cmp.Or(cmp.Compare(a.accept.key, b.accept.key), cmp.Compare(a.accept.client, b.accept.client))
	})
	var written int
	var news bool
	var head auditHead
	err := s.transact(ctx, func(tx *gorm.DB) error {
		accepted, err := s.insertAccepted(tx, accepts)
		if err != nil {
			return fmt.Errorf("accept bookings: %w", err)
		}
		saved, err := s.updateSaved(tx, saves)
		if err != nil {
			return fmt.Errorf("save bookings: %w", err)
		}
		if err := s.erase(tx, saved); err != nil {
			return fmt.Errorf("erase people: %w", err)
		}
		written = len(accepted) + len(saved)
		if news, err = s.post(tx, accepted, saved); err != nil {
			return err
		}
		head, err = s.appendAudit(tx, saved)
		return err
	})
	if err != nil {
		return err
	}
	s.logHead(head)
	if news && s.cfg.Told != nil {
		s.cfg.Told()
	}
	for _, o := range batch {
		if errors.Is(o.err, booking.ErrLost) || errors.Is(o.err, booking.ErrConflict) {
			s.counts.fenced.Add(1)
		}
	}
	if written > 0 {
		s.counts.commits.Add(1)
		s.counts.rows.Add(int64(written))
	}
	return nil
}

// transact runs fn in one transaction of the writer. An error says that nothing was written, or is errUnknownCommit.
func (s *Store) transact(ctx context.Context, fn func(tx *gorm.DB) error) error {
	return s.write.WithContext(ctx).Connection(func(conn *gorm.DB) error {
		tx := conn.Begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted})
		if tx.Error != nil {
			return fmt.Errorf("begin: %w", tx.Error)
		}
		committing := false
		defer func() {
			if !committing {
				tx.Rollback() // its error changes nothing: without a commit nothing is written
			}
		}()
		if err := fn(tx); err != nil {
			return err
		}
		committing = true
		err := s.commitOn(conn, tx)
		if err == nil {
			return nil
		}
		// A COMMIT that failed leaves SQLite's transaction open, and this is the only connection that writes.
		conn.Exec("ROLLBACK")
		if rolledBack(err) {
			return fmt.Errorf("commit: %w", err)
		}
		s.counts.unknown.Add(1)
		return fmt.Errorf("commit: %w: %w", errUnknownCommit, err)
	})
}

// commitOn commits tx, which runs on conn. That PostgreSQL committed but stopped waiting for its standby is a mere warning
// to it, and no commit to us.
func (s *Store) commitOn(conn, tx *gorm.DB) error {
	takeWarning(conn)
	err := tx.Commit().Error
	if warning := takeWarning(conn); err == nil && warning != "" {
		return fmt.Errorf("it came with a warning: %s", warning)
	}
	if s.lostAnswer != nil && s.lostAnswer() {
		return errors.New("the answer was lost")
	}
	return err
}

// resolve finds out what became of a batch whose commit gave no answer. To be there is proof, once a commit after it was
// answered, for a standby has that one only if it has all before it; not to be there is none, since the database may still
// be at it.
func (s *Store) resolve(ctx context.Context, batch []*op, cause error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var written map[booking.ID]bool
	err := s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) (err error) {
		if written, err = s.written(tx, batch); err == nil && s.sql.barrier != "" {
			err = tx.Exec(s.sql.barrier).Error
		}
		return err
	})
	if err != nil {
		settle(batch, errors.Join(cause, err))
		return
	}
	for _, o := range batch {
		if o.err = cause; written[o.id] {
			o.err = nil
		}
	}
}

// written tells which ops are in the history: the same line at the same version.
func (s *Store) written(db *gorm.DB, ops []*op) (map[booking.ID]bool, error) {
	byID := map[string]*op{}
	keys := make([][]any, len(ops))
	for i, o := range ops {
		byID[string(o.id)] = o
		keys[i] = []any{string(o.id), o.entry.Version}
	}
	written := map[booking.ID]bool{}
	err := s.sql.each(writtenLines, lineKeys, keys, func(statement string, args []any) error {
		var lines []struct {
			BookingID string
			Line      historyRow `gorm:"embedded"`
		}
		if err := db.Raw(statement, args...).Find(&lines).Error; err != nil {
			return err
		}
		for _, line := range lines {
			if o := byID[line.BookingID]; line.Line == o.entry {
				written[o.id] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask what was written: %w", err)
	}
	return written, nil
}
