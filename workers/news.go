package workers

import (
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"hotelbooking/booking"
)

const (
	// mostNews bounds the changes that wait to be told. What is beyond is dropped.
	mostNews = 10_000
	// longestText is less than what PostgreSQL takes in one NOTIFY: 8000 bytes.
	longestText = 7900
)

// news is what other processes are to be told: of each booking the last change only, so that whoever tells slowly tells less.
// To add to it is cheap and never waits.
type news struct {
	wake chan struct{} // for the loop that tells
	lost prometheus.Counter

	mu      sync.Mutex
	changes map[booking.ID]int // versions
	pools   map[booking.Pool]bool
	pauses  bool
}

func newNews(lost prometheus.Counter) *news {
	return &news{wake: make(chan struct{}, 1), lost: lost, changes: map[booking.ID]int{}, pools: map[booking.Pool]bool{}}
}

// changed says that a booking has come to a version.
func (n *news) changed(id booking.ID, version int) {
	n.mu.Lock()
	before, known := n.changes[id]
	full := !known && len(n.changes) >= mostNews
	if !full {
		n.changes[id] = max(before, version)
	}
	n.mu.Unlock()
	if full {
		n.lost.Inc()
	}
	signal(n.wake)
}

// due says that bookings of a pool wait in the database for whoever claims them.
func (n *news) due(p booking.Pool) {
	n.mu.Lock()
	n.pools[p] = true
	n.mu.Unlock()
	signal(n.wake)
}

// paused says that something was paused, or goes on.
func (n *news) paused() {
	n.mu.Lock()
	n.pauses = true
	n.mu.Unlock()
	signal(n.wake)
}

// take takes everything out, as texts that say who tells it, and counts the changes in them.
//
// A text is words with spaces between them: who tells it; then of each booking "b", its id in 22 characters and its version,
// of each pool with something due "d" and its name, and "p" where pauses have changed. Other words are of later versions.
func (n *news) take(from string) (texts []string, changes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.changes) == 0 && len(n.pools) == 0 && !n.pauses {
		return nil, 0
	}
	text := []byte(from)
	for p := range n.pools {
		text = append(append(text, " d"...), p...)
	}
	if n.pauses {
		text = append(text, " p"...)
	}
	var word []byte
	for id, version := range n.changes {
		raw, err := uuid.Parse(string(id))
		if err != nil { // none of ours
			continue
		}
		word = append(base64.RawURLEncoding.AppendEncode(append(word[:0], " b"...), raw[:]), strconv.Itoa(version)...)
		if len(text)+len(word) > longestText {
			texts, text = append(texts, string(text)), append(text[:0], from...)
		}
		text = append(text, word...)
		changes++
	}
	clear(n.changes)
	clear(n.pools)
	n.pauses = false
	return append(texts, string(text)), changes
}

// idLength is how long an id is in a text.
var idLength = base64.RawURLEncoding.EncodedLen(len(uuid.UUID{}))

// readText calls changed, due and paused with what a text says, unless it is one of our own, and counts the changes. Where
// changed is nil nobody waits for any.
func readText(text, own string, changed func(booking.ID, int), due func(booking.Pool), paused func()) (changes int) {
	from, words, _ := strings.Cut(text, " ")
	if from == own {
		return 0
	}
	for word := range strings.SplitSeq(words, " ") {
		switch {
		case strings.HasPrefix(word, "b") && changed == nil:
			changes++
		case strings.HasPrefix(word, "b") && len(word) > 1+idLength:
			var id uuid.UUID
			version, err := strconv.Atoi(word[1+idLength:])
			if n, wrong := base64.RawURLEncoding.Decode(id[:], []byte(word[1:1+idLength])); wrong == nil && err == nil && n == len(id) {
				changed(booking.ID(id.String()), version)
				changes++
			}
		case strings.HasPrefix(word, "d"):
			due(booking.Pool(word[1:]))
		case word == "p":
			paused()
		}
	}
	return changes
}

// heardDue is what others have left for whoever claims it.
type heardDue struct {
	wake   chan struct{}
	wanted map[booking.Pool]*atomic.Bool
}

func newHeardDue() *heardDue {
	d := &heardDue{wake: make(chan struct{}, 1), wanted: map[booking.Pool]*atomic.Bool{}}
	for _, p := range booking.Pools() {
		d.wanted[p] = new(atomic.Bool)
	}
	return d
}

// want notes a pool; one that this version does not know is nobody's business here.
func (d *heardDue) want(p booking.Pool) {
	if wanted, known := d.wanted[p]; known {
		wanted.Store(true)
		signal(d.wake)
	}
}
