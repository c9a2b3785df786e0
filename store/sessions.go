package store

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

// sessionRow is who has signed in to the console.
type sessionRow struct {
	Name    string
	Role    string
	KeyHash string
	BegunAt int64
	EndsAt  int64
}

const (
	forgetSessions = "DELETE FROM sessions WHERE ends_at <= {now}"
	insertSession  = "INSERT INTO sessions (name, digest, role, key_hash, begun_at, ends_at) VALUES (?, ?, ?, ?, ?, ?)"
	selectSession  = "SELECT name, role, key_hash, begun_at, ends_at FROM sessions WHERE digest = ? AND ends_at > {now}"
	deleteSession  = "DELETE FROM sessions WHERE digest = ?"
)

// OpenSession stores a session, and forgets those that have ended.
func (s *Store) OpenSession(ctx context.Context, in booking.Session) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.CommitTimeout, errCommitDeadline)
	defer cancel()
	err := s.transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec(strings.ReplaceAll(forgetSessions, "{now}", s.sql.now())).Error; err != nil {
			return err
		}
		return tx.Exec(insertSession, in.Name, in.Digest[:], in.Role, in.Key, in.Begun.UnixMicro(), in.Ends.UnixMicro()).Error
	})
	if err != nil {
		return fmt.Errorf("open a session of %s: %w", in.Name, err)
	}
	return nil
}

// Session finds one that has not ended. booking.ErrNotFound.
func (s *Store) Session(ctx context.Context, digest [32]byte) (booking.Session, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []sessionRow
	err := s.read.WithContext(ctx).Raw(strings.ReplaceAll(selectSession, "{now}", s.sql.now()), digest[:]).Find(&rows).Error
	if err != nil {
		return booking.Session{}, fmt.Errorf("find a session: %w", err)
	}
	if len(rows) == 0 {
		return booking.Session{}, booking.ErrNotFound
	}
	row := rows[0]
	return booking.Session{
		Digest: digest, Name: row.Name, Role: row.Role, Key: row.KeyHash, Begun: moment(row.BegunAt), Ends: moment(row.EndsAt),
	}, nil
}

// CloseSession ends one. To end one that has ended is no error.
func (s *Store) CloseSession(ctx context.Context, digest [32]byte) error {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	if err := s.write.WithContext(ctx).Exec(deleteSession, digest[:]).Error; err != nil {
		return fmt.Errorf("close a session: %w", err)
	}
	return nil
}
