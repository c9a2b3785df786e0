package main

import (
	"net/url"
	"time"
)

// eventsName is what the outbox calls the stream of events.
const eventsName = "stream"

// EventsConfig is what other systems are told of what has happened: see docs/events.md.
type EventsConfig struct {
	Source     string        `koanf:"source"`
	Stream     string        `koanf:"stream"`
	MaxAge     time.Duration `koanf:"max_age"`
	MaxBytes   int           `koanf:"max_bytes"`
	Duplicates time.Duration `koanf:"duplicates"`
	Batch      int           `koanf:"batch"`
	Poll       time.Duration `koanf:"poll"`
	Timeout    time.Duration `koanf:"timeout"`
	BackoffCap time.Duration `koanf:"backoff_cap"`
}

func defaultEvents() EventsConfig {
	return EventsConfig{
		Source: "/hotelbooking", MaxAge: 30 * 24 * time.Hour, MaxBytes: 1 << 30, Duplicates: 2 * time.Minute,
		Batch: 256, Poll: 500 * time.Millisecond, Timeout: 10 * time.Second, BackoffCap: 30 * time.Second,
	}
}

func (c EventsConfig) validate(p *problems, whole Config) {
	_, err := url.Parse(c.Source)
	p.unless(c.Source != "" && err == nil, "events.source", "name this installation, such as /hotelbooking or https://bookings.example.com")
	if c.Stream != "" {
		p.unless(streamName.MatchString(c.Stream), "events.stream", "use letters, digits, - and _")
		p.unless(whole.Engine == jetStream, "events.stream", "needs engine: jetstream")
		p.unless(c.Stream != whole.NATS.Stream, "events.stream", "is taken by nats.stream: use another name")
	}
	p.unless(c.Duplicates > 0 && c.Duplicates <= c.MaxAge, "events.duplicates", "use more than 0s, at most events.max_age (%s)", c.MaxAge)
	p.positive("events.max_age", c.MaxAge)
	p.unless(c.MaxBytes >= 0, "events.max_bytes", "use 0, for no bound, or more")
	p.count("events.batch", c.Batch, 1, 10_000)
	p.positive("events.poll", c.Poll)
	p.positive("events.timeout", c.Timeout)
	p.positive("events.backoff_cap", c.BackoffCap)
}

// subscribers are those who are told of events, as the outbox calls them.
func (c Config) subscribers() []string {
	var names []string
	if c.Events.Stream != "" {
		names = append(names, eventsName)
	}
	if len(c.Webhooks.Endpoints) > 0 {
		names = append(names, webhooksName)
	}
	return names
}
