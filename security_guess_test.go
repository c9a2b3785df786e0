package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/http"
	"sync"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// guesses is how many ids and references are tried, each once.
const guesses = 10_000

// attempt is one guess: where, what, and by whom.
type attempt struct {
	path, id string
	by       http.Header
}

// guessing tries ids around real ones, and references that are well formed, as everybody who might. All answers are the same
// bytes. It takes as long as 10,000 requests take, and no request of them has more than the client's own deadline.
func guessing(g *guard) {
	f := fortify(g, "")
	mine := f.atRest(order{})
	f.submit(order{})
	wrong := bearing(mine.ClientSecret)
	var attempts []attempt
	for i := range guesses {
		id := around(f, mine.ID, i)
		switch i % 4 {
		case 0:
			attempts = append(attempts, attempt{"/v1/bookings/%s", id, wrong})
		case 1:
			attempts = append(attempts, attempt{"/v1/bookings/%s/cancellation", id, bearing(f.keys["rival"])})
		case 2:
			attempts = append(attempts, attempt{"/v1/bookings/%s", id, bearing(f.keys["web"])})
		default:
			var random [6]byte
			_, _ = rand.Read(random[:]) // never fails
			attempts = append(attempts, attempt{"/v1/bookings/%s", booking.NewReference(random), bearing(f.keys["web"])})
		}
	}
	var lock sync.Mutex
	bodies, statuses := map[string]int{}, map[int]int{}
	var guessers sync.WaitGroup
	next := make(chan int)
	for range 16 {
		guessers.Go(func() {
			for i := range next {
				header := attempts[i].by.Clone()
				header.Set("X-Request-Id", "guess")
				a := f.send("GET", fmt.Sprintf(attempts[i].path, attempts[i].id), "", header)
				lock.Lock()
				bodies[string(a.body)]++
				statuses[a.status]++
				lock.Unlock()
			}
		})
	}
	for i := range attempts {
		next <- i
	}
	close(next)
	guessers.Wait()
	g.equal(map[int]int{http.StatusNotFound: guesses}, statuses)
	g.equal(1, len(bodies), "one body for all")
	g.refuses(f.call("GET", "/v1/support/bookings/"+around(f, mine.ID, 1), f.keys["vera"], ""), 404, "not_found", "to staff, too")
	g.equal(http.StatusOK, f.call("GET", "/v1/bookings/"+mine.ID, mine.ClientSecret, "").status, "the real one is there all the time")
}

// around is an id of the same moment, of which each bit but those of time and kind is another's; every third differs in one bit.
func around(f *fortress, real string, i int) string {
	id, err := uuid.Parse(real)
	require.NoError(f, err)
	if i%3 == 0 {
		id[9+i%7] ^= 1 << (i / 7 % 8)
	} else {
		_, _ = rand.Read(id[9:])                                                           // never fails
		binary.BigEndian.PutUint32(id[2:6], binary.BigEndian.Uint32(id[2:6])+uint32(i%50)) //nolint:gosec // at most 49
	}
	return id.String()
}
