package chaos_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"hotelbooking/chaos/judge"
)

// book is one client's whole story.
func (l *load) book(random *rand.Rand) {
	s := &judge.Story{Key: fmt.Sprintf("%s-%d", l.name, l.next.Add(1)), Kind: judge.Pick(l.plan.kinds, random)}
	body := s.Kind.Body(s.Key)
	cancels, repeats, browser := random.Float64() < l.plan.cancel, random.Float64() < .1, random.Float64() < .3
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.stories = append(l.stories, s)
	}()
	if !l.submit(s, body, random, ackWithin) {
		return
	}
	s.Acked = time.Now()
	l.acked.Add(1)
	if l.plan.hammer {
		return
	}
	if repeats {
		s.Replayed = true
		l.submit(s, body, random, ackWithin)
	}
	if cancels {
		<-time.After(time.Duration(random.Float64() * float64(time.Second)))
		l.cancel(s, random)
	}
	key := l.c.key
	if browser {
		key = s.Secret // as a page does that knows nothing but this booking
	}
	l.followToTheEnd(s, key, random)
}

// submit repeats the submission with its key until it is answered.
func (l *load) submit(s *judge.Story, body string, random *rand.Rand, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline) && !l.givesUp(); l.breathe(random) {
		base := l.plan.only()
		if base == "" {
			continue
		}
		a, err := call(http.MethodPost, base+"/v1/bookings", l.c.key, body, callWithin, "Idempotency-Key", s.Key)
		switch {
		case unanswered(s, a, err):
			s.Retries++
		case a.status == http.StatusAccepted:
			v := judge.View{}
			if json.Unmarshal(a.body, &v) != nil || v.ID == "" {
				s.Foreign++
				return false
			}
			if len(s.IDs) > 0 && a.header.Get("Idempotent-Replayed") != "true" {
				s.Unreplayed = true
			}
			s.IDs, s.Reference, s.Secret = append(s.IDs, v.ID), v.Reference, v.ClientSecret
			s.See(v)
			return true
		default:
			s.Refused = a.status
			return false
		}
	}
	return false
}

// cancel repeats the wish until it is answered.
func (l *load) cancel(s *judge.Story, random *rand.Rand) {
	s.CancelSent = true
	for deadline := time.Now().Add(ackWithin); time.Now().Before(deadline) && !closed(l.over); l.breathe(random) {
		base := l.plan.only()
		if base == "" {
			continue
		}
		a, err := call(http.MethodPost, base+"/v1/bookings/"+s.IDs[0]+"/cancellation", l.c.key, "{}", callWithin)
		v := judge.View{}
		switch {
		case unanswered(s, a, err):
		case a.status == http.StatusAccepted && json.Unmarshal(a.body, &v) == nil:
			s.CancelTaken = true
			s.See(v)
			return
		case a.status == http.StatusNotFound:
			s.Missing++
			return
		case a.status == http.StatusConflict: // it is over
			return
		default:
			s.Foreign++
			return
		}
	}
}

// followToTheEnd polls until the booking is decided; a cancelled one until that is.
func (l *load) followToTheEnd(s *judge.Story, key string, random *rand.Rand) {
	etag := ""
	for deadline := time.Now().Add(followWithin); time.Now().Before(deadline) && !closed(l.over); {
		base := l.plan.only()
		if base == "" {
			l.breathe(random)
			continue
		}
		a, err := call(http.MethodGet, base+"/v1/bookings/"+s.IDs[0], key, "", callWithin, "Prefer", "wait=2", "If-None-Match", etag)
		v := judge.View{}
		switch {
		case unanswered(s, a, err):
			l.breathe(random)
		case a.status == http.StatusNotModified:
		case a.status == http.StatusOK && json.Unmarshal(a.body, &v) == nil:
			s.See(v)
			etag = a.header.Get("ETag")
			if v.Terminal {
				l.decided(s)
				return
			}
		case a.status == http.StatusNotFound:
			s.Missing++
			return
		default:
			s.Foreign++
			return
		}
	}
}

func (l *load) decided(s *judge.Story) {
	s.Decided = time.Now()
	l.ended.Add(1)
}

func (l *load) breathe(random *rand.Rand) {
	if l.plan.hammer {
		<-time.After(l.plan.pause)
		return
	}
	<-time.After(50*time.Millisecond + time.Duration(random.Int64N(int64(150*time.Millisecond))))
}

// unanswered notes a request that has to be made again.
func unanswered(s *judge.Story, a answer, err error) bool {
	dial := &net.OpError{}
	switch {
	case err != nil && errors.As(err, &dial) && dial.Op == "dial": // nobody was there
	case err != nil:
		s.Cut++
	case a.status >= http.StatusInternalServerError:
		s.Unavailable++
	case a.status != http.StatusTooManyRequests:
		return false
	}
	return true
}
