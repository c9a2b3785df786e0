package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	followWithin = 90 * time.Second // one booking to its end
	followPolls  = 100              // of one booking, at most
)

// followers follow some bookings to their ends as frontends do: with a poll that is held until something changes.
type followers struct {
	base, key string
	client    *http.Client
	under     sync.WaitGroup

	mu        sync.Mutex // guards the rest, which each follower writes, and wait reads
	confirmed []time.Duration
	rested    []time.Duration
	err       error // the first that went wrong
}

func newFollowers(base, key string) *followers {
	return &followers{base: base, key: key, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}}
}

// follow returns at once; wait waits.
func (f *followers) follow(ctx context.Context, id string, since time.Time) {
	f.under.Go(func() {
		confirmed, rested, err := f.toTheEnd(ctx, id, since)
		f.mu.Lock()
		defer f.mu.Unlock()
		if err != nil {
			f.err = errors.Join(f.err, fmt.Errorf("follow booking %s: %w", id, err))
			return
		}
		f.confirmed, f.rested = append(f.confirmed, confirmed), append(f.rested, rested)
	})
}

// wait is the sorted times from the submission to confirmed, and to the end with capture and tracking.
func (f *followers) wait() (confirmed, rested []time.Duration, err error) {
	f.under.Wait()
	f.client.CloseIdleConnections()
	slices.Sort(f.confirmed)
	slices.Sort(f.rested)
	return f.confirmed, f.rested, f.err
}

func (f *followers) toTheEnd(ctx context.Context, id string, since time.Time) (confirmed, rested time.Duration, err error) {
	etag, err := f.until(ctx, id, "", func(b followed) bool { return b.Terminal })
	if err != nil {
		return 0, 0, err
	}
	confirmed = time.Since(since)
	_, err = f.until(ctx, id, etag, followed.ended)
	return confirmed, time.Since(since), err
}

// until polls until a booking has come far enough. Each answer is a change; it is never anything but confirmed in the end.
func (f *followers) until(ctx context.Context, id, etag string, enough func(followed) bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	for range followPolls {
		var b followed
		var err error
		if b, etag, err = f.poll(ctx, id, etag); err != nil {
			return "", err
		}
		if b.Terminal && b.Status != "confirmed" {
			return "", fmt.Errorf("it is %s", b.Status)
		}
		if enough(b) {
			return etag, nil
		}
	}
	return "", fmt.Errorf("it has not come far enough after %d polls", followPolls)
}

// followed is what a frontend reads of a booking.
type followed struct {
	Status   string `json:"status"`
	Terminal bool   `json:"terminal"`
	Steps    []struct {
		State string `json:"state"`
	} `json:"steps"`
}

// ended tells whether nothing is left to do: the last step has come to a result.
func (b followed) ended() bool {
	if !b.Terminal || len(b.Steps) == 0 {
		return false
	}
	last := b.Steps[len(b.Steps)-1].State
	return last == "succeeded" || last == "skipped"
}

// poll waits for news of a booking beyond etag; without one for any.
func (f *followers) poll(ctx context.Context, id, etag string) (b followed, now string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+bookingsPath+"/"+id, nil)
	if err != nil {
		return b, "", err
	}
	req.Header.Set("Authorization", "Bearer "+f.key)
	req.Header.Set("Prefer", "wait=20")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := f.client.Do(req)
	if err != nil {
		return b, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, tooLong))
	switch {
	case err != nil:
		return b, "", err
	case res.StatusCode == http.StatusNotModified:
		return b, etag, nil
	case res.StatusCode != http.StatusOK:
		return b, "", fmt.Errorf("a poll is answered with %d", res.StatusCode)
	}
	return b, res.Header.Get("ETag"), json.Unmarshal(body, &b)
}
