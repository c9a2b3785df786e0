package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"hotelbooking/booking"
)

// The engines: who tells a pool that a booking is due.
const (
	inProcess = "inprocess" // the process itself, and the database
	jetStream = "jetstream" // hints in a stream of NATS
)

// The roles of a process beside the pools, which have their own names.
const (
	apiRole     = "api"     // takes requests
	sweeperRole = "sweeper" // says again what was lost on the way, and tells other systems what has happened
)

// roles are those that there are, in the order of the flow.
func roles() []string {
	all := []string{apiRole}
	for _, p := range booking.Pools() {
		all = append(all, string(p))
	}
	return append(all, sweeperRole)
}

// NATSConfig is the broker of the engine jetstream: in this process when URL is empty.
type NATSConfig struct {
	URL         Secret        `koanf:"url"` // it may have a password
	Credentials string        `koanf:"credentials"`
	TLS         NATSTLSConfig `koanf:"tls"`
	Stream      string        `koanf:"stream"`
	Replicas    int           `koanf:"replicas"`
	Storage     string        `koanf:"storage"`
	Sync        time.Duration `koanf:"sync"`
	Backstop    time.Duration `koanf:"backstop"`
	Sweep       time.Duration `koanf:"sweep"`
	Limits      PoolsConfig   `koanf:"limits"`
}

// NATSTLSConfig names files in PEM.
type NATSTLSConfig struct {
	CA   string `koanf:"ca"`
	Cert string `koanf:"cert"`
	Key  string `koanf:"key"`
}

func defaultNATS() NATSConfig {
	return NATSConfig{Stream: "look", Replicas: 1, Storage: "file", Sync: 2 * time.Minute, Backstop: 2 * time.Second, Sweep: 500 * time.Millisecond}
}

var streamName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (c NATSConfig) validate(p *problems) {
	p.unless(c.URL == "" || validServers(c.URL.Reveal()), "nats.url", "want nats://host:4222 or tls://host:4222, several with commas between") // and not what is there: it may have a password
	p.unless((c.TLS.Cert == "") == (c.TLS.Key == ""), "nats.tls.cert", "needs nats.tls.key, and the other way round")
	p.unless(streamName.MatchString(c.Stream), "nats.stream", "use letters, digits, - and _")
	p.unless(slices.Contains([]int{1, 3, 5}, c.Replicas), "nats.replicas", "use 1, 3 or 5")
	p.oneOf("nats.storage", c.Storage, "file", "memory")
	p.unless(c.Sync >= 0, "nats.sync", "use 0s, for after every hint, or more")
	p.positive("nats.backstop", c.Backstop)
	p.positive("nats.sweep", c.Sweep)
	p.count("nats.limits.provider", c.Limits.Provider, 0, 100_000)
	p.count("nats.limits.fraud", c.Limits.Fraud, 0, 100_000)
	p.count("nats.limits.payment", c.Limits.Payment, 0, 100_000)
	p.count("nats.limits.tracking", c.Limits.Tracking, 0, 100_000)
	if c.URL == "" {
		p.unless(c.Replicas == 1, "nats.replicas", "the broker in this process is one: use 1, or set nats.url")
		p.unless(c.Credentials == "" && c.TLS == NATSTLSConfig{}, "nats.url", "is empty, so nats.credentials and nats.tls count for nothing: set it, or clear them")
	}
}

// limit is what the fleet may have under way in a pool; 0: what its processes have slots for.
func (c NATSConfig) limit(p booking.Pool) int {
	return map[booking.Pool]int{
		booking.ProviderPool: c.Limits.Provider, booking.FraudPool: c.Limits.Fraud,
		booking.PaymentPool: c.Limits.Payment, booking.TrackingPool: c.Limits.Tracking,
	}[p]
}

// validateRoles sees to it that a process that does a part of the work finds the processes that do the rest.
func (c Config) validateRoles(p *problems) {
	p.unless(len(c.Roles) > 0, "roles", "name what this process does: some of %q", roles())
	for i, role := range c.Roles {
		p.oneOf("roles", role, roles()...)
		p.unless(!slices.Contains(c.Roles[:i], role), "roles", "%q is there twice", role)
	}
	if len(c.Roles) >= len(roles()) {
		return
	}
	const others = "is empty, and this process has not all roles: the others need the same one"
	p.unless(c.Database.URL != "", "database.url", others)
	p.unless(c.Sandbox.URL != "", "sandbox.url", others)
	p.unless(c.Engine != jetStream || c.NATS.URL != "", "nats.url", others)
}

// has tells whether this process has a role.
func (c Config) has(role string) bool { return slices.Contains(c.Roles, role) }

// works are the pools that this process works in.
func (c Config) works() []booking.Pool {
	return slices.DeleteFunc(booking.Pools(), func(p booking.Pool) bool { return !c.has(string(p)) })
}

// governed are the pools that are bounded for the whole fleet.
func (c Config) governed() []booking.Pool {
	return slices.DeleteFunc(booking.Pools(), func(p booking.Pool) bool { return c.Engine != jetStream || c.NATS.limit(p) == 0 })
}

// validServers tells whether text is addresses of servers, with commas between.
func validServers(text string) bool {
	for server := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" {
			return false
		}
	}
	return true
}
