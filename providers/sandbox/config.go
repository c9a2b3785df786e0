package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// System names one of the four outside systems that are played here.
type System string

// The four systems; the words are those of PUT /_faults and of the journal.
const (
	Hotel    System = "hotel"
	Fraud    System = "fraud"
	Payment  System = "payment"
	Tracking System = "tracking"
)

func systems() []System { return []System{Hotel, Fraud, Payment, Tracking} }

// Latency is how long a system takes to answer: a log-normal distribution through these two points, so that it has the
// long tail of a real one. A median of zero: it answers at once.
type Latency struct {
	P50 int `json:"p50_ms"` // median, milliseconds
	P99 int `json:"p99_ms"` // 99th percentile, milliseconds; not below P50
}

func (l Latency) problem() error {
	const most = 60_000
	if l.P50 < 0 || l.P99 < l.P50 || l.P99 > most {
		return fmt.Errorf("latency: want 0 <= p50_ms <= p99_ms <= %d", most)
	}
	return nil
}

// Config is how a sandbox behaves. The zero Config answers at once, forgets everything when it stops, and sends no
// webhooks: what a test wants. DefaultConfig has the manners of real systems.
type Config struct {
	Latency map[System]Latency // how long each system takes; absent: no time
	Journal string             // file of the journal; empty: memory only, nothing survives a restart
	Seed    uint64             // of latencies and faults; 0: a random one

	APIKey        string // when set, every call must carry it as "Authorization: Bearer"
	WebhookURL    string // where notifications go; empty: nowhere (see SetWebhook)
	WebhookSecret string // signs notifications
	WebhookAll    bool   // also what was told in an answer already; else only what nobody asked for: the bank's word, a later decision
	PublicURL     string // base of the links given to customers; empty: the host that was called

	HoldFor       time.Duration // how long a held room waits to be booked; 0: 15 minutes
	CaptureWithin time.Duration // how long an authorisation can be captured; 0: 7 days
	SettleAfter   time.Duration // when what was answered with "pending" is decided; 0: by the next question
	HangFor       time.Duration // how long a call that is never answered keeps its connection; 0: 60 seconds
	RetryAfter    time.Duration // first wait before a notification is sent again, doubled each time up to a minute; 0: 200 ms
	JournalKept   int           // journal entries kept in memory for GET /_journal; 0: 100,000 (the file has all)

	Now       func() time.Time  // nil: time.Now
	Transport http.RoundTripper // carries notifications; nil: the network
}

// DefaultConfig answers like real systems: a few hundred milliseconds, with a long tail.
func DefaultConfig() Config {
	return Config{
		Latency: map[System]Latency{
			Hotel:    {P50: 350, P99: 2500},
			Fraud:    {P50: 120, P99: 900},
			Payment:  {P50: 250, P99: 1500},
			Tracking: {P50: 60, P99: 400},
		},
		SettleAfter: 2 * time.Second,
	}
}

// Validate reports all problems together.
func (c Config) Validate() error {
	var problems []error
	for system, latency := range c.Latency {
		if err := latency.problem(); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", system, err))
		}
	}
	for name, link := range map[string]string{"webhook url": c.WebhookURL, "public url": c.PublicURL} {
		if err := linkProblem(link); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(problems...)
}

func linkProblem(link string) error {
	if link == "" {
		return nil
	}
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("want an absolute http or https address")
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.HoldFor = orElse(c.HoldFor, 15*time.Minute)
	c.CaptureWithin = orElse(c.CaptureWithin, 7*24*time.Hour)
	c.HangFor = orElse(c.HangFor, time.Minute)
	c.RetryAfter = orElse(c.RetryAfter, 200*time.Millisecond)
	c.JournalKept = orElse(c.JournalKept, 100_000)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Transport == nil {
		c.Transport = &http.Transport{MaxIdleConnsPerHost: sendAtOnce, IdleConnTimeout: time.Minute}
	}
	return c
}

func orElse[T int | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}
