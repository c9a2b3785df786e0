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

// commitTries bounds how often a batch is repeated that another transaction stood in the way of.
const commitTries = 4

// flush commits a batch and settles each of its ops. What it cannot commit as a whole it commits one by one, so that a bad
// row fails alone.
func (s *Store) flush(ctx context.Context, batch []*op) {
	err := s.commit(ctx, batch)
	for try := 1; try < commitTries && err != nil && !errors.Is(err, errUnknownCommit) && judge(err) == again; try++ {
		s.counts.repeated.Add(1)
		err = s.commit(ctx, batch)
	}
	switch {
	case err == nil:
	case errors.Is(err, errUnknownCommit):
		s.resolve(ctx, batch, err)
	case judge(err) != hopeless && len(batch) > 1:
		for _, o := range batch {
			s.flush(ctx, []*op{o})
		}
	default:
		for _, o := range batch {
			o.err = err
		}
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
	err := s.transact(ctx, func(tx *gorm.DB) error {
		accepted, err := s.insertAccepted(tx, accepts)
		if err != nil {
			return fmt.Errorf("accept bookings: %w", err)
		}
		saved, err := s.updateSaved(tx, saves)
		if err != nil {
			return fmt.Errorf("save bookings: %w", err)
		}
		written = len(accepted) + len(saved)
		if err := s.insertHistory(tx, append(accepted, saved...)); err != nil {
			return fmt.Errorf("append to the history: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
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
		err := tx.Commit().Error
		if s.lostAnswer != nil && s.lostAnswer() {
			err = errors.New("the answer to COMMIT was lost")
		}
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

// resolve finds out what became of a batch whose commit gave no answer. To be there is proof; not to be is none, since the
// database may still be at it.
func (s *Store) resolve(ctx context.Context, batch []*op, cause error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	written, err := s.written(s.write.WithContext(ctx), batch)
	if err != nil {
		cause = errors.Join(cause, err)
	}
	for _, o := range batch {
		o.err = cause
		if written[o.id] {
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
