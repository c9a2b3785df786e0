package workers

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// said is what a process makes of texts.
type said struct {
	changes map[booking.ID]int
	pools   []booking.Pool
	pauses  int
}

func read(own string, texts ...string) said {
	s := said{changes: map[booking.ID]int{}}
	for _, text := range texts {
		readText(text, own,
			func(id booking.ID, version int) { s.changes[id] = version },
			func(p booking.Pool) { s.pools = append(s.pools, p) },
			func() { s.pauses++ })
	}
	return s
}

func newID(t testing.TB) booking.ID {
	t.Helper()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	return booking.ID(id.String())
}

// drops counts what is dropped.
type drops struct {
	prometheus.Counter
	n int
}

func (d *drops) Inc() { d.n++ }

func TestOthersReadWhatWasTold(t *testing.T) {
	t.Parallel()
	n, told := newNews(nil), map[booking.ID]int{}
	for version := range 1000 {
		told[newID(t)] = version
	}
	for id, version := range told {
		n.changed(id, version)
	}
	n.due(booking.FraudPool)
	n.due(booking.FraudPool)
	n.paused()
	texts, changes := n.take("me")
	require.Equal(t, 1000, changes)
	for _, text := range texts {
		require.LessOrEqual(t, len(text), longestText)
	}
	require.Len(t, texts, 4, "as full as they can be")
	require.Equal(t, said{changes: told, pools: []booking.Pool{booking.FraudPool}, pauses: 1}, read("another", texts...))
	require.Equal(t, said{changes: map[booking.ID]int{}}, read("me", texts...))

	texts, changes = n.take("me")
	require.Empty(t, texts, "it is told once")
	require.Zero(t, changes)
}

func TestOfOneBookingTheLastChangeIsTold(t *testing.T) {
	t.Parallel()
	n, id := newNews(nil), newID(t)
	n.changed(id, 3)
	n.changed(id, 5)
	n.changed(id, 4) // two that save at once may say so in any order
	texts, _ := n.take("me")
	require.Equal(t, map[booking.ID]int{id: 5}, read("another", texts...).changes)
}

func TestWhatCannotBeToldInTimeIsDropped(t *testing.T) {
	t.Parallel()
	dropped := &drops{}
	n, first := newNews(dropped), newID(t)
	n.changed(first, 1)
	for range mostNews + 9 {
		n.changed(newID(t), 1)
	}
	n.changed(first, 2)
	require.Len(t, n.changes, mostNews)
	require.Equal(t, 10, dropped.n)
	require.Equal(t, 2, n.changes[first], "what is told anyway is told as it is now")
}

func TestWordsOfAnotherVersionAreLeftAlone(t *testing.T) {
	t.Parallel()
	n, id := newNews(nil), newID(t)
	n.changed(id, 7)
	texts, _ := n.take("me")
	for _, text := range []string{
		"", "another", "another ", "another  p", "another b", "another bshort9", "another zwhatever",
		"another b" + strings.Repeat("?", idLength) + "1", "another b" + strings.Repeat("A", idLength) + "x", "another b" + strings.Repeat("A", idLength),
	} {
		require.Empty(t, read("own", text).changes, text)
	}
	require.Equal(t, map[booking.ID]int{id: 7}, read("own", texts[0]+" y9 pp").changes)
	d := newHeardDue()
	d.want("kitchen")
	require.Empty(t, d.wake)
}

func TestIDsThatAreNoneOfOursAreNotTold(t *testing.T) {
	t.Parallel()
	n := newNews(nil)
	n.changed("B-1", 1)
	n.changed(newID(t), 1)
	texts, changes := n.take("me")
	require.Equal(t, 1, changes)
	require.Len(t, read("another", texts...).changes, 1)
}

// BenchmarkHeardOfWhatNobodyWaitsFor is one change that another process tells of.
func BenchmarkHeardOfWhatNobodyWaitsFor(b *testing.B) {
	n := newNews(nil)
	for range 1000 {
		n.changed(newID(b), 12)
	}
	texts, changes := n.take("me")
	h := newHub()
	h.join(newID(b))
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			readText(text, "own", h.passed, func(booking.Pool) {}, func() {})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*changes), "ns/change")
}

// BenchmarkNews is one change that others are to be told of.
func BenchmarkNews(b *testing.B) {
	n, ids := newNews(nil), []booking.ID{}
	for range 1000 {
		ids = append(ids, newID(b))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, id := range ids {
			n.changed(id, 3)
		}
		n.take("me")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)), "ns/change")
}
