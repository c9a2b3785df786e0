package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

func TestAMemberBeginsWhenItIsToldToAndSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	const waiting = 20
	b := &bench{Options: Options{Log: io.Discard}, log: zap.NewNop()}
	db, err := b.accepted(t.Context(), onSQLite, waiting)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.close() }) // the member has removed it
	ctx, stop := context.WithCancel(t.Context())
	out := &lines{}
	ended := make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { ended <- ServeMember(ctx, Member{Dir: db.dir}, out) })
	t.Cleanup(serving.Wait)
	var said struct{ HTTP string }
	require.Eventually(t, func() bool { return json.Unmarshal(out.first(), &said) == nil && said.HTTP != "" }, 10*time.Second, time.Millisecond)
	c := crew{{base: "http://" + said.HTTP}}

	before, err := c.did(t.Context())
	require.NoError(t, err)
	require.Zero(t, before.Ended)
	require.Zero(t, before.Claims, "it waits for the others")
	require.NoError(t, c.start(t.Context()))
	require.NoError(t, c.allEnded(t.Context(), waiting))
	after, err := c.did(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, waiting, after.Ended)
	require.InDelta(t, 6*waiting, after.Rows, 0)
	require.Positive(t, after.Claims)
	require.Positive(t, after.Allocations)
	require.Zero(t, after.Messages)

	stop()
	require.NoError(t, <-ended)
}

func TestAMemberThatCannotBeginSaysWhy(t *testing.T) {
	t.Parallel()
	c := crew{{base: serves(t, http.StatusInternalServerError, "no database")}}
	require.ErrorContains(t, c.start(t.Context()), "no database")
}

func TestTheArrangementsOfAFleetDoAllTheWorkEach(t *testing.T) {
	t.Parallel()
	all := arrangements()
	require.Equal(t, "one_process", all[0].name, "the others are compared with it")
	require.Len(t, all[0].works, 1)
	for _, a := range all[1:] {
		require.Len(t, a.works, fleetSize, a.name)
	}
	for _, a := range all {
		var done []booking.Pool
		for _, works := range a.works {
			if works == nil {
				works = booking.Pools()
			}
			done = append(done, works...)
		}
		for _, p := range booking.Pools() {
			require.Contains(t, done, p, a.name)
		}
	}
	divided := slices.Concat(all[len(all)-1].works...)
	require.ElementsMatch(t, booking.Pools(), divided, "each pool in one process")
}

func TestWhatMembersHaveDoneIsAddedUp(t *testing.T) {
	t.Parallel()
	one := did{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	require.Equal(t, did{2, 4, 6, 8, 10, 12, 14, 16, 18, 20}, one.plus(one))
}

func TestACounterIsTheSumOfItsSeries(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	answers := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "answers_total"}, []string{"how"})
	registry.MustRegister(answers)
	answers.WithLabelValues("ack").Add(2)
	answers.WithLabelValues("nak").Inc()
	require.InDelta(t, 3, counted(registry, "answers_total"), 0)
	require.Zero(t, counted(registry, "others_total"))
}

// lines is what a process prints.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) first() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, _, _ := bytes.Cut(l.text.Bytes(), []byte("\n"))
	return bytes.Clone(line)
}

// serves is the address of a server that always answers the same.
func serves(t *testing.T, status int, text string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, status) }))
	t.Cleanup(server.Close)
	return server.URL
}
