package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"hotelbooking/booking"
)

// What is done to the service itself, and to no booking, has its lines of history under an id that no booking has: so the
// audit covers it as it covers every action. A line's reason is what was paused, its detail why.
var serviceItself = booking.ID(uuid.Nil.String())

const (
	verbPause  = "pause"
	verbResume = "resume"
)

// pauseRow is one thing that is paused.
type pauseRow struct {
	What   string
	Since  int64
	Actor  string
	Reason string
}

const (
	// pauseTurn locks the end of the audit, which every change needs anyhow: so one change comes after another, whatever the
	// process. Who has it waits for nobody then, for nobody else writes what a change writes.
	pauseTurn = "UPDATE audit_head SET seq = seq WHERE id = 1"
	pausedNow = `
SELECT {now} AS now, (SELECT COALESCE(MAX(version), 0) FROM history WHERE booking_id = ?) AS version,
    EXISTS (SELECT 1 FROM pauses WHERE what = ?) AS paused`
	// A pause that is given again has another reason, and is as old as it was.
	upsertPause = `
INSERT INTO pauses (what, since, actor, reason) VALUES (?, ?, ?, ?)
ON CONFLICT (what) DO UPDATE SET actor = excluded.actor, reason = excluded.reason`
	deletePause = "DELETE FROM pauses WHERE what = ?"
)

var insertLine = "WITH {rows}" + strings.ReplaceAll(insertLines, "{written}", "TRUE")

// Pauses lists what is paused, by all processes on the database, by name.
func (s *Store) Pauses(ctx context.Context) ([]booking.Pause, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []pauseRow
	if err := s.read.WithContext(ctx).Raw("SELECT what, since, actor, reason FROM pauses ORDER BY what").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list what is paused: %w", err)
	}
	pauses := make([]booking.Pause, len(rows))
	for i, row := range rows {
		pauses[i] = booking.Pause{What: row.What, Since: moment(row.Since), Actor: row.Actor, Reason: row.Reason}
	}
	return pauses, nil
}

// PauseLog lists the last changes, newest first.
func (s *Store) PauseLog(ctx context.Context, limit int) ([]booking.PauseEvent, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []historyRow
	err := s.read.WithContext(ctx).Table("history").Select("at, actor, verb, reason, detail").
		Where("booking_id = ?", string(serviceItself)).Order("version DESC").Limit(max(limit, 0)).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list the changes of pauses: %w", err)
	}
	events := make([]booking.PauseEvent, len(rows))
	for i, row := range rows {
		events[i] = booking.PauseEvent{At: moment(row.At), What: row.Reason, Paused: row.Verb == verbPause, Actor: row.Actor, Reason: row.Detail}
	}
	return events, nil
}

// Pause pauses something, or lets it go on, for all processes on the database, with a line in the log of changes and its row
// in the audit. What is paused already has a new actor and reason then. To resume what is not paused changes nothing, and
// leaves no line. booking.ErrNotPausable.
func (s *Store) Pause(ctx context.Context, change booking.PauseChange) error {
	if !storable(change.What) {
		return booking.ErrNotPausable
	}
	if err := booking.Pausable(change.What); err != nil {
		return err
	}
	if !booking.ByStaff(change.Actor) {
		return fmt.Errorf("pause %s: %s is none of our own people, whom the audit would name", change.What, change.Actor)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.CommitTimeout, errCommitDeadline)
	defer cancel()
	for try := 1; ; try++ {
		head, err := s.pause(ctx, change)
		if try < commitTries && refusedFor(err, again) {
			s.counts.repeated.Add(1)
			continue
		}
		if err != nil {
			return fmt.Errorf("pause %s, or let it go on: %w", change.What, err)
		}
		s.logHead(head)
		return nil
	}
}

func (s *Store) pause(ctx context.Context, change booking.PauseChange) (head auditHead, err error) {
	return head, s.transact(ctx, func(tx *gorm.DB) error {
		found := tx.Exec(pauseTurn)
		if found.Error != nil {
			return found.Error
		}
		if found.RowsAffected != 1 {
			return errNoHead
		}
		var is struct {
			Now     int64
			Version int64
			Paused  bool
		}
		err := tx.Raw(strings.ReplaceAll(pausedNow, "{now}", s.sql.now()), string(serviceItself), change.What).Scan(&is).Error
		if err != nil || !change.Paused && !is.Paused {
			return err
		}
		o, err := s.pauseOp(change, booking.Entry{Version: int(is.Version) + 1, At: moment(is.Now)})
		if err != nil {
			return err
		}
		if change.Paused {
			err = tx.Exec(upsertPause, change.What, is.Now, o.entry.Actor, o.entry.Detail).Error
		} else {
			err = tx.Exec(deletePause, change.What).Error
		}
		if err != nil {
			return err
		}
		err = s.sql.each(insertLine, linesIn, [][]any{o.history}, func(statement string, args []any) error { return tx.Exec(statement, args...).Error })
		if err != nil {
			return err
		}
		head, err = s.appendAudit(tx, []*op{o})
		return err
	})
}

// pauseOp is the line of a change, and its row of the audit.
func (s *Store) pauseOp(change booking.PauseChange, e booking.Entry) (*op, error) {
	if e.Verb = verbResume; change.Paused {
		e.Verb = verbPause
	}
	e.Actor, e.Reason, e.Detail = change.Actor, booking.Reason(change.What), change.Reason
	e.Mandate = booking.Mandate{Role: change.Role, RequestID: change.RequestID, Asked: "what=" + change.What}
	line := newHistoryRow(e, rand.Text())
	audit, err := s.cfg.Keys.auditOf(serviceItself, e, line, nil, nil)
	if err == nil && audit == nil {
		err = errors.New("it would leave no row in the audit")
	}
	return &op{id: serviceItself, entry: line, history: line.values(string(serviceItself), nil, nil), audit: audit}, err
}
