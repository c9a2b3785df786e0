package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"hotelbooking/booking"
)

// relatedMost bounds Related.
const relatedMost = 100

// Related finds the others of the same guest, newest first: those with the same e-mail address, and those that their client
// gave the same name. What was erased is found by the client's name alone. It reads no more than limit of each, however many
// a guest has.
func (s *Store) Related(ctx context.Context, id booking.ID, limit int) ([]*booking.Booking, error) {
	limit = min(limit, relatedMost)
	if limit <= 0 {
		return nil, nil
	}
	names, err := s.namesOf(ctx, id)
	if err != nil {
		return nil, err
	}
	statement, args := s.related(names, id, limit)
	if statement == "" {
		return nil, nil
	}
	found, err := s.newest(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("find bookings related to %s: %w", id, err)
	}
	return found, nil
}

// guestNames are what a guest's bookings have in common.
type guestNames struct {
	Client          string
	ClientReference *string
	EmailIndex      []byte
}

func (s *Store) namesOf(ctx context.Context, id booking.ID) (names guestNames, err error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	err = s.read.WithContext(ctx).Raw("SELECT b.client, b.client_reference, s.email_index FROM bookings AS b LEFT JOIN people AS s ON s.id = b.id WHERE b.id = ?",
		s.sql.id(string(id))).Scan(&names).Error
	if err != nil {
		return names, fmt.Errorf("read what booking %s has in common with others: %w", id, err)
	}
	return names, nil
}

// related finds ids in the order of an index each, which it is told of as list does. One more than limit, for id is among them.
func (s *Store) related(names guestNames, id booking.ID, limit int) (statement string, args []any) {
	var parts []string
	walk := func(table, by string, columns string, values ...any) {
		marks, first := strings.Repeat("?, ", len(values)), strings.Split(columns, ", ")[0]
		// After a bare parenthesis gorm would make a list of the bytes.
		parts = append(parts, fmt.Sprintf("SELECT id FROM (SELECT id FROM %s %s WHERE (%s, id) >= ( %s?) AND (%s, id) <= ( %s?) AND %s IS NOT NULL ORDER BY %s DESC, id DESC LIMIT ?) AS part%d",
			table, s.sql.by(by), columns, marks, columns, marks, first, strings.ReplaceAll(columns, ", ", " DESC, "), len(parts)))
		args = slices.Concat(args, values, []any{uuid.Nil.String()}, values, []any{uuid.Max.String(), limit + 1})
	}
	if names.EmailIndex != nil {
		walk("people", "people_guest", "email_index", names.EmailIndex)
	}
	if names.ClientReference != nil {
		walk("bookings", "bookings_client_reference", "client_reference, client", *names.ClientReference, names.Client)
	}
	if len(parts) == 0 {
		return "", nil
	}
	return "SELECT id FROM (" + strings.Join(parts, " UNION ") + ") AS found WHERE id <> ? ORDER BY id DESC LIMIT ?", append(args, string(id), limit)
}

// Count is how many bookings List would list, page after page, at most most. It reads as little as a page of so many.
func (s *Store) Count(ctx context.Context, f booking.Filter, most int) (int, error) {
	if most <= 0 {
		return 0, nil
	}
	statement, args, err := s.selection(ctx, f, most)
	if err != nil || statement == "" {
		return 0, err
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var count int
	if err := s.read.WithContext(ctx).Raw("SELECT COUNT(*) FROM ("+statement+") AS selected", args...).Scan(&count).Error; err != nil {
		return 0, fmt.Errorf("count bookings: %w", err)
	}
	return count, nil
}

// Attentions counts what needs a person, by reason, at most most of each: those that were submitted first.
func (s *Store) Attentions(ctx context.Context, most int) ([]booking.AttentionCount, error) {
	reasons, err := s.attentions(ctx)
	if err != nil || len(reasons) == 0 || most <= 0 {
		return nil, err
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []struct {
		Attention booking.Reason
		Waiting   int
		Oldest    *int64
	}
	statement, args := s.countAttentions(reasons, most)
	if err := s.read.WithContext(ctx).Raw(statement, args...).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("count what needs a look: %w", err)
	}
	var counts []booking.AttentionCount
	for _, row := range rows {
		if row.Waiting == 0 || row.Oldest == nil { // somebody looked meanwhile
			continue
		}
		counts = append(counts, booking.AttentionCount{Reason: row.Attention, Count: row.Waiting, Oldest: moment(*row.Oldest)})
	}
	return counts, nil
}

func (s *Store) countAttentions(reasons []booking.Reason, most int) (statement string, args []any) {
	var parts []string
	for i, reason := range reasons {
		parts = append(parts, fmt.Sprintf("SELECT %d AS n, CAST(? AS TEXT) AS attention, COUNT(*) AS waiting, MIN(attention_since) AS oldest FROM ("+
			"SELECT attention_since FROM places %s WHERE (attention, id) >= (?, ?) AND (attention, id) <= (?, ?) AND attention IS NOT NULL"+
			" ORDER BY attention, id LIMIT ?) AS part%d", i, s.sql.by("places_attention"), i))
		args = append(args, string(reason), string(reason), uuid.Nil.String(), string(reason), uuid.Max.String(), most)
	}
	return strings.Join(parts, " UNION ALL ") + " ORDER BY n", args
}
