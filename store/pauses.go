package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

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
	isPaused = "SELECT EXISTS (SELECT 1 FROM pauses WHERE what = ?)"
	// A pause that is given again has another reason, and is as old as it was.
	upsertPause = `
INSERT INTO pauses (what, since, actor, reason) VALUES (?, ?, ?, ?)
ON CONFLICT (what) DO UPDATE SET actor = excluded.actor, reason = excluded.reason`
	deletePause = "DELETE FROM pauses WHERE what = ?"
)

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
		Where("booking_id = ? AND verb IN ?", string(serviceItself), []string{verbPause, verbResume}).Order("version DESC").Limit(max(limit, 0)).Find(&rows).Error
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
		e, err := s.lockService(tx) // who has it waits for nobody: nobody else writes what a change writes
		if err != nil {
			return err
		}
		var paused bool
		err = tx.Raw(isPaused, change.What).Scan(&paused).Error
		if err != nil || !change.Paused && !paused {
			return err
		}
		e.Actor, e.Reason, e.Detail = clean(change.Actor, textLimit), booking.Reason(change.What), clean(change.Reason, detailLimit)
		e.Mandate = booking.Mandate{Role: change.Role, RequestID: change.RequestID, Asked: "what=" + change.What}
		if change.Paused {
			e.Verb = verbPause
			err = tx.Exec(upsertPause, change.What, e.At.UnixMicro(), e.Actor, e.Detail).Error
		} else {
			e.Verb = verbResume
			err = tx.Exec(deletePause, change.What).Error
		}
		if err != nil {
			return err
		}
		head, err = s.writeService(tx, e)
		return err
	})
}
