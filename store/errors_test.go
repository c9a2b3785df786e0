package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func TestAnErrorSaysWhatBecomesOfTheBatch(t *testing.T) {
	t.Parallel()
	for want, errs := range map[verdict][]error{
		again:    {state("40001"), state("40P01"), state("57P01"), io.ErrUnexpectedEOF},
		singly:   {state("23505"), state("23514"), state("22021"), state("54000")},
		locked:   {state("55P03"), state("57014")},
		hopeless: {state("53300"), state("57P03"), state("XX000"), &pgconn.ConnectError{}, context.DeadlineExceeded, errors.New("?")},
	} {
		for _, err := range errs {
			require.Equal(t, want, judge(fmt.Errorf("accept bookings: %w", err)), "%v", err)
		}
	}
}

func TestOnlyTheServersOwnWordProvesThatNothingWasCommitted(t *testing.T) {
	t.Parallel()
	for _, err := range []error{state("40001"), state("23503"), pgx.ErrTxCommitRollback} {
		require.True(t, rolledBack(err), "%v", err)
	}
	for _, err := range []error{io.EOF, context.DeadlineExceeded, state("57P01"), state("58030"), errors.New("?")} {
		require.False(t, rolledBack(err), "%v", err)
	}
}

func state(code string) error { return &pgconn.PgError{Code: code} }
