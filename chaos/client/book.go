package client

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"hotelbooking/chaos/judge"
)

const (
	ackWithin    = 60 * time.Second  // a submission, or a cancellation, is repeated for so long
	followWithin = 150 * time.Second // and it is asked for so long what became of a booking
	callWithin   = 5 * time.Second
)

// Client goes to a service of one or more instances, some of which may be gone. What it is told it writes into the booking's
// story, which is its own until it is done.
type Client struct {
	Somewhere func() string // an instance's address; "" while there is none
	Key       func() string // an API key
	Breathe   func()        // between two tries; nil: 50 to 200 ms
}

// Submit repeats a submission with its key until it is answered, or until there is no sense in it any more.
func (c Client) Submit(until <-chan struct{}, s *judge.Story, body string) (accepted bool) {
	for deadline := time.Now().Add(ackWithin); time.Now().Before(deadline) && !closed(until); c.breathe() {
		base := c.Somewhere()
		if base == "" {
			continue
		}
		a, err := Call(http.MethodPost, base+"/v1/bookings", c.Key(), body, callWithin, "Idempotency-Key", s.Key)
		switch {
		case unanswered(s, a, err):
			s.Retries++
		case a.Status == http.StatusAccepted:
			v := judge.View{}
			if json.Unmarshal(a.Body, &v) != nil || v.ID == "" {
				s.Foreign++
				return false
			}
			if len(s.IDs) > 0 && a.Header.Get("Idempotent-Replayed") != "true" {
				s.Unreplayed = true
			}
			s.IDs, s.Reference, s.Secret = append(s.IDs, v.ID), v.Reference, v.ClientSecret
			s.See(v)
			return true
		default:
			s.Refused = a.Status
			return false
		}
	}
	return false
}

// Cancel repeats the wish until it is answered.
func (c Client) Cancel(until <-chan struct{}, s *judge.Story) {
	s.CancelSent = true
	for deadline := time.Now().Add(ackWithin); time.Now().Before(deadline) && !closed(until); c.breathe() {
		base := c.Somewhere()
		if base == "" {
			continue
		}
		a, err := Call(http.MethodPost, base+"/v1/bookings/"+s.IDs[0]+"/cancellation", c.Key(), "{}", callWithin)
		v := judge.View{}
		switch {
		case unanswered(s, a, err):
		case a.Status == http.StatusAccepted && json.Unmarshal(a.Body, &v) == nil:
			s.CancelTaken = true
			s.See(v)
			return
		case a.Status == http.StatusNotFound:
			s.Missing++
			return
		case a.Status == http.StatusConflict: // it is over
			return
		default:
			s.Foreign++
			return
		}
	}
}

// Follow polls with a key, or with the booking's own secret, until the booking is decided; a cancelled one until that is.
func (c Client) Follow(until <-chan struct{}, s *judge.Story, key string) (decided bool) {
	etag := ""
	for deadline := time.Now().Add(followWithin); time.Now().Before(deadline) && !closed(until); {
		base := c.Somewhere()
		if base == "" {
			c.breathe()
			continue
		}
		a, err := Call(http.MethodGet, base+"/v1/bookings/"+s.IDs[0], key, "", callWithin, "Prefer", "wait=2", "If-None-Match", etag)
		v := judge.View{}
		switch {
		case unanswered(s, a, err):
			c.breathe()
		case a.Status == http.StatusNotModified:
		case a.Status == http.StatusOK && json.Unmarshal(a.Body, &v) == nil:
			s.See(v)
			etag = a.Header.Get("ETag")
			if v.Terminal {
				s.Decided = time.Now()
				return true
			}
		case a.Status == http.StatusNotFound:
			s.Missing++
			return false
		default:
			s.Foreign++
			return false
		}
	}
	return false
}

func (c Client) breathe() {
	if c.Breathe != nil {
		c.Breathe()
		return
	}
	<-time.After(50*time.Millisecond + rand.N(150*time.Millisecond))
}

// unanswered notes a request that has to be made again.
func unanswered(s *judge.Story, a Answer, err error) bool {
	dial := &net.OpError{}
	switch {
	case err != nil && errors.As(err, &dial) && dial.Op == "dial": // nobody was there
	case err != nil:
		s.Cut++
	case a.Status >= http.StatusInternalServerError:
		s.Unavailable++
	case a.Status != http.StatusTooManyRequests:
		return false
	}
	return true
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
