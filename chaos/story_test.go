package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"hotelbooking/chaos/client"
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
	c, over := l.booker(), l.over
	if l.plan.hammer {
		over = l.quit // or it would submit for ever
	}
	if !c.Submit(over, s, body) {
		return
	}
	s.Acked = time.Now()
	l.acked.Add(1)
	if l.plan.hammer {
		return
	}
	if repeats {
		s.Replayed = true
		c.Submit(l.over, s, body)
	}
	if cancels {
		<-time.After(time.Duration(random.Float64() * float64(time.Second)))
		c.Cancel(l.over, s)
	}
	key := l.c.key
	if browser {
		key = s.Secret // as a page does that knows nothing but this booking
	}
	if c.Follow(l.over, s, key) {
		l.ended.Add(1)
	}
}

// booker is how its clients book.
func (l *load) booker() client.Client {
	c := client.Client{Somewhere: l.plan.only, Key: func() string { return l.c.key }}
	if l.plan.hammer {
		c.Breathe = func() { <-time.After(l.plan.pause) }
	}
	return c
}
