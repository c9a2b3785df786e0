package sandbox

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLatencyGoesThroughItsTwoPoints(t *testing.T) {
	t.Parallel()
	d := newDice(1, map[System]Latency{Hotel: {P50: 300, P99: 2400}})
	var drawn []time.Duration
	for range 20_000 {
		drawn = append(drawn, d.draw(Hotel).latency)
	}
	slices.Sort(drawn)
	require.InDelta(t, 300, drawn[len(drawn)/2].Milliseconds(), 15)
	require.InDelta(t, 2400, drawn[len(drawn)*99/100].Milliseconds(), 240)
	require.LessOrEqual(t, drawn[len(drawn)-1], 12*time.Second)
	require.Zero(t, d.draw(Payment).latency)
}

func TestFaultsStrikeAsOftenAsTheyShould(t *testing.T) {
	t.Parallel()
	d := newDice(1, nil)
	d.set(map[System]Faults{Hotel: {Refused: 0.1, AnswerLost: 0.2, Late: 0.3, Hang: 0.05, Duplicate: 0.5}})
	seen, twice := map[strike]int{}, 0
	const calls = 50_000
	for range calls {
		fate := d.draw(Hotel)
		seen[fate.strike]++
		if fate.twice {
			twice++
		}
	}
	for strike, share := range map[strike]float64{
		strikeRefused: 0.1, strikeLost: 0.2, strikeLate: 0.3, strikeHang: 0.05, strikeNone: 0.35,
	} {
		require.InDelta(t, share, float64(seen[strike])/calls, 0.01, strike)
	}
	require.InDelta(t, 0.5, float64(twice)/calls, 0.01)
}

func TestTheSameSeedDrawsTheSameFates(t *testing.T) {
	t.Parallel()
	draw := func() (fates []fate) {
		d := newDice(7, DefaultConfig().Latency)
		d.set(map[System]Faults{Payment: {Refused: 0.3, Hang: 0.3}})
		for range 100 {
			fates = append(fates, d.draw(Payment))
		}
		return fates
	}
	require.Equal(t, draw(), draw())
}

func TestTheDefaultConfigIsSlowLikeARealOne(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	require.NoError(t, cfg.Validate())
	for _, system := range systems() {
		require.Positive(t, cfg.Latency[system].P50, system)
		require.Greater(t, cfg.Latency[system].P99, 3*cfg.Latency[system].P50, "%s has a long tail", system)
	}
}

func TestAConfigSaysAllThatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	err := Config{
		Latency:    map[System]Latency{Hotel: {P50: 5, P99: 1}, Fraud: {P50: -1, P99: 1}},
		WebhookURL: "localhost:8080", PublicURL: "ftp://bank",
	}.Validate()
	for _, want := range []string{"hotel: latency", "fraud: latency", "webhook url", "public url"} {
		require.ErrorContains(t, err, want)
	}
	_, err = New(Config{WebhookURL: "nowhere"})
	require.Error(t, err)
}

func TestTheJournalKeepsTheNewestInMemory(t *testing.T) {
	t.Parallel()
	j := &journal{limit: 3}
	for range 10 {
		require.NoError(t, j.append(line{}))
	}
	entries, forgotten := j.since(0)
	require.True(t, forgotten)
	require.Len(t, entries, 3)
	require.EqualValues(t, 8, entries[0].Seq)
	entries, forgotten = j.since(9)
	require.False(t, forgotten)
	require.Len(t, entries, 1)
	entries, _ = j.since(99)
	require.Empty(t, entries)
}

func TestAnEffectThatTheJournalCannotKeepIsNotClaimed(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Journal: filepath.Join(t.TempDir(), "journal")})
	require.NoError(t, err)
	require.NoError(t, s.journal.file.Close()) // a full disk
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "POST", "/hotel/v1/holds/release", strings.NewReader(`{"reference":"ABC"}`)))
	require.Equal(t, 500, answer.Code)
	require.Error(t, s.Close())
}

func TestServeAnswersUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, listener, Config{}) }()
	answer, err := http.Get("http://" + listener.Addr().String() + "/_health") //nolint:noctx // a test
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusNoContent, answer.StatusCode)
	stop()
	require.NoError(t, <-ended)
	require.Error(t, Serve(ctx, listener, Config{WebhookURL: "nowhere"}))
}
