package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"hotelbooking/booking/web"
)

// problems gathers what is wrong, each with its key and what to do.
type problems []error

func (p *problems) unless(ok bool, key, format string, args ...any) {
	if !ok {
		*p = append(*p, fmt.Errorf(key+": "+format, args...))
	}
}

// Validate reports all impossible values together. What is only unwise is allowed.
func (c Config) Validate() error {
	var p problems
	p.oneOf("engine", c.Engine, inProcess, jetStream)
	c.validateRoles(&p)
	p.unless(c.DataDir != "", "data_dir", "name a directory: the keys are kept there")
	c.HTTP.validate(&p)
	p.address("admin.addr", c.Admin.Addr)
	p.unless(c.Admin.Addr != c.HTTP.Addr || strings.HasSuffix(c.HTTP.Addr, ":0"), "admin.addr", "is taken by http.addr: use another port")
	c.Database.validate(&p)
	c.NATS.validate(&p)
	p.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	p.oneOf("log.format", c.Log.Format, "json", "console")
	c.Tracing.validate(&p)
	c.Auth.validate(&p)
	p.key("secrets.client_secret_key", c.Secrets.ClientSecretKey)
	p.key("secrets.people_key", c.Secrets.PeopleKey)
	p.key("secrets.email_index_key", c.Secrets.EmailIndexKey)
	c.Checkout.validate(&p, c.Auth)
	p.positive("console.session", c.Console.Session)
	c.Console.OIDC.validate(&p)
	c.Flow.validate(&p)
	c.Workers.validate(&p)
	p.count("admission.max_backlog", c.Admission.MaxBacklog, 1, 100_000_000)
	p.positive("admission.max_age", c.Admission.MaxAge)
	p.unless(c.Shutdown.DrainDelay >= 0, "shutdown.drain_delay", "use 0s or more")
	p.unless(c.Shutdown.Grace >= 0, "shutdown.grace", "use 0s or more")
	c.Providers.validate(&p)
	c.Events.validate(&p, c)
	c.Webhooks.validate(&p)
	c.Sandbox.validate(&p)
	return errors.Join(p...)
}

func (c HTTPConfig) validate(p *problems) {
	p.address("http.addr", c.Addr)
	p.positive("http.read_header_timeout", c.ReadHeaderTimeout)
	p.positive("http.read_timeout", c.ReadTimeout)
	p.positive("http.write_timeout", c.WriteTimeout)
	p.positive("http.idle_timeout", c.IdleTimeout)
	for _, proxy := range c.TrustedProxies {
		_, addrErr := netip.ParseAddr(proxy)
		_, prefixErr := netip.ParsePrefix(proxy)
		p.unless(addrErr == nil || prefixErr == nil, "http.trusted_proxies", "%q is neither an address nor a network such as 10.0.0.0/8", proxy)
	}
	for _, origin := range c.AllowedOrigins {
		u, err := url.Parse(origin)
		p.unless(err == nil && u.Host != "" && u.Scheme+"://"+u.Host == origin, "http.allowed_origins", "%q is not an origin such as https://shop.example", origin)
	}
	const longest = 55 * time.Second // proxies commonly give up after 60
	p.unless(c.Poll.MaxWait >= 0 && c.Poll.MaxWait <= longest, "http.poll.max_wait", "use 0s to %s", longest)
	p.positive("http.poll.ping_every", c.Poll.PingEvery)
	p.positive("http.poll.stream_max", c.Poll.StreamMax)
	p.count("http.poll.held_max", c.Poll.HeldMax, 1, 1_000_000)
	p.rate("http.rate.per_key", c.Rate.PerKey, "http.rate.key_burst", c.Rate.KeyBurst)
	p.rate("http.rate.per_address", c.Rate.PerAddress, "http.rate.address_burst", c.Rate.AddressBurst)
}

func (c DatabaseConfig) validate(p *problems) {
	if c.URL != "" {
		u, err := url.Parse(c.URL.Reveal())
		p.unless(err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql"), "database.url",
			"want postgres://user:password@host:5432/name, or nothing for SQLite in data_dir") // and not err: it quotes the password
	}
	p.count("database.max_conns", c.MaxConns, 1, 10_000)
	p.count("database.flushers", c.Flushers, 1, 4)
	p.positive("database.timeout", c.Timeout)
	p.positive("database.commit_timeout", c.CommitTimeout)
}

// validate keeps the headers, which are secret, from going where others can read them.
func (c TracingConfig) validate(p *problems) {
	u, err := url.Parse(c.Endpoint)
	p.unless(c.Endpoint == "" || err == nil && u.Host != "" && u.User == nil && (u.Scheme == "http" || u.Scheme == "https"), "tracing.endpoint",
		"want an address such as http://127.0.0.1:4318; what proves who we are belongs in tracing.headers") // and not what is there: it may have a password
	_, err = c.headers()
	p.unless(err == nil, "tracing.headers", "want name=value, several with commas between")
	if c.Endpoint != "" && c.Headers != "" {
		p.safeLink("tracing.endpoint", c.Endpoint)
	}
	p.unless(c.Sample >= 0 && c.Sample <= 1, "tracing.sample", "use 0, for none, to 1, for all")
	p.positive("tracing.timeout", c.Timeout)
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// headers are Headers by name, as OTEL_EXPORTER_OTLP_HEADERS has them.
func (c TracingConfig) headers() (map[string]string, error) {
	headers := map[string]string{}
	for pair := range strings.SplitSeq(c.Headers.Reveal(), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, escaped, found := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(escaped))
		if !found || err != nil || !headerName.MatchString(name) || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, errors.New("not name=value") // and not what is there: it is secret
		}
		headers[name] = value
	}
	return headers, nil
}

var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (c AuthConfig) validate(p *problems) {
	seen := map[string]bool{}
	for i, k := range c.Keys {
		key := fmt.Sprintf("auth.keys[%d]", i)
		p.unless(keyName.MatchString(k.Name), key, "name %q: use 1 to 64 of a-z, 0-9, dot, dash and underscore", k.Name)
		p.unless(!seen[k.Name], key, "name %q is taken", k.Name)
		seen[k.Name] = true
		switch k.Scope {
		case "bookings", "publishable":
			p.unless(k.Role == "", key, "only scope support has roles")
		case "support":
			p.oneOf(key+".role", k.Role, "viewer", "agent", "supervisor")
		default:
			p.oneOf(key+".scope", k.Scope, "bookings", "publishable", "support")
		}
		hash, err := hex.DecodeString(k.Hash)
		p.unless(err == nil && len(hash) == 32, key, "hash: want the key's SHA-256, as `printf %%s KEY | sha256sum` prints it")
	}
}

// validate sees to it that nobody publishes a key that can do more than submit.
func (c CheckoutConfig) validate(p *problems, auth AuthConfig) {
	if c.Key == "" {
		return
	}
	hash := sha256.Sum256([]byte(c.Key))
	published := slices.ContainsFunc(auth.Keys, func(k APIKey) bool {
		return k.Scope == "publishable" && strings.EqualFold(k.Hash, hex.EncodeToString(hash[:]))
	})
	p.unless(published, "checkout.key", "auth.keys has no key of scope publishable with its hash")
}

// validate sees to it that nobody believes to have an identity provider who has none, or none that lets anybody in.
func (c OIDCConfig) validate(p *problems) {
	if c.Issuer == "" {
		p.unless(c.ClientID == "" && c.ClientSecret == "" && c.RedirectURL == "" && len(c.Viewers)+len(c.Agents)+len(c.Supervisors) == 0,
			"console.oidc.issuer", "is empty, so nothing else of console.oidc counts: set it, or nothing there")
		return
	}
	p.safeLink("console.oidc.issuer", c.Issuer)
	p.unless(c.ClientID != "", "console.oidc.client_id", "is what the provider gave this service as its name")
	p.unless(c.Name != "", "console.oidc.name", "is what people read on the button")
	p.safeLink("console.oidc.redirect_url", c.RedirectURL)
	p.unless(strings.HasSuffix(c.RedirectURL, web.CallbackPath), "console.oidc.redirect_url", "has to end with %s", web.CallbackPath)
	p.unless(slices.Contains(c.Scopes, "openid"), "console.oidc.scopes", "openid is missing: without it there is no sign-in")
	p.unless(c.RoleClaim != "", "console.oidc.role_claim", "name the claim with people's roles")
	p.unless(len(c.Viewers)+len(c.Agents)+len(c.Supervisors) > 0, "console.oidc.viewers", "no value of %s makes anybody a viewer, agent or supervisor", c.RoleClaim)
	roles := slices.Concat(c.Viewers, c.Agents, c.Supervisors)
	p.unless(!slices.Contains(roles, ""), "console.oidc.viewers", "an empty value is nobody's role")
}

func (c FlowConfig) validate(p *problems) {
	p.positive("flow.booking_deadline", c.BookingDeadline)
	p.positive("flow.customer_window", c.CustomerWindow)
	p.positive("flow.review_window", c.ReviewWindow)
	p.positive("flow.unknown_for", c.UnknownFor)
	p.positive("flow.attention_after", c.AttentionAfter)
	p.positive("flow.backoff_base", c.BackoffBase)
	p.unless(c.BackoffCap >= c.BackoffBase, "flow.backoff_cap", "use flow.backoff_base (%s) or more", c.BackoffBase)
	p.unless(c.UndoCap >= c.BackoffBase, "flow.undo_cap", "use flow.backoff_base (%s) or more", c.BackoffBase)
}

func (c WorkersConfig) validate(p *problems) {
	p.positive("workers.poll", c.Poll)
	p.unless(c.Lease > c.Poll, "workers.lease", "use more than workers.poll (%s): what is due again before the next poll stays leased", c.Poll)
	p.count("workers.memory", c.Memory, 1, 1_000_000)
	p.positive("workers.save_timeout", c.SaveTimeout)
	p.positive("workers.notice_for", c.NoticeFor)
	p.count("workers.pools.provider", c.Pools.Provider, 1, 100_000)
	p.count("workers.pools.fraud", c.Pools.Fraud, 1, 100_000)
	p.count("workers.pools.payment", c.Pools.Payment, 1, 100_000)
	p.count("workers.pools.tracking", c.Pools.Tracking, 1, 100_000)
	p.count("workers.per_supplier", c.PerSupplier, 1, 100_000)
	p.positive("workers.deadlines.provider", c.Deadlines.Provider)
	p.positive("workers.deadlines.fraud", c.Deadlines.Fraud)
	p.positive("workers.deadlines.payment", c.Deadlines.Payment)
	p.positive("workers.deadlines.tracking", c.Deadlines.Tracking)
	p.count("workers.breaker.failures", c.Breaker.Failures, 1, 100)
	p.count("workers.breaker.minimum", c.Breaker.Minimum, 1, 1_000_000)
	p.positive("workers.breaker.window", c.Breaker.Window)
	p.positive("workers.breaker.delay", c.Breaker.Delay)
	p.count("workers.breaker.probes", c.Breaker.Probes, 1, 1000)
}

func (c ProvidersConfig) validate(p *problems) {
	p.vendor("providers.hotel", c.Hotel)
	p.vendor("providers.fraud", c.Fraud)
	p.vendor("providers.payment", VendorConfig{Vendor: c.Payment.Vendor, Timeout: c.Payment.Timeout})
	p.vendor("providers.tracking", c.Tracking)
}

func (c SandboxConfig) validate(p *problems) {
	p.address("sandbox.addr", c.Addr)
	p.link("sandbox.url", c.URL)
	p.link("sandbox.webhook_url", c.WebhookURL)
	p.unless(c.Latency >= 0 && c.Latency <= 100, "sandbox.latency", "use 0, for none, to 100")
	p.unless(c.Seed >= 0, "sandbox.seed", "use 0, for a random one, or more")
}

func (p *problems) vendor(key string, c VendorConfig) {
	p.oneOf(key+".vendor", c.Vendor, "sandbox")
	p.positive(key+".timeout", c.Timeout)
}

func (p *problems) oneOf(key, value string, known ...string) {
	p.unless(slices.Contains(known, value), key, "%q is not known: use %s", value, strings.Join(known, ", "))
}

func (p *problems) positive(key string, d time.Duration) {
	p.unless(d > 0, key, "use more than 0s")
}

func (p *problems) count(key string, n, least, most int) {
	p.unless(n >= least && n <= most, key, "use %d to %d", least, most)
}

func (p *problems) rate(key string, rate float64, burstKey string, burst int) {
	p.unless(rate >= 0, key, "use 0, for no limit, or more")
	p.unless(rate == 0 || burst >= 1, burstKey, "use 1 or more: with %s above 0 nothing would pass", key)
}

func (p *problems) address(key, addr string) {
	_, port, err := net.SplitHostPort(addr)
	n, portErr := strconv.ParseUint(port, 10, 16)
	p.unless(err == nil && portErr == nil && n <= 65535, key, "%q is not an address such as 127.0.0.1:8080", addr)
}

func (p *problems) link(key, link string) {
	u, err := url.Parse(link)
	p.unless(link == "" || err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https"), key,
		"%q is not an address such as http://127.0.0.1:8082", link)
}

// safeLink takes an address that nobody on the way can read or change; of this machine also one without encryption.
func (p *problems) safeLink(key, link string) {
	u, err := url.Parse(link)
	local := err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
	p.unless(err == nil && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && local), key,
		"want an address such as https://login.example.com") // and not what is there: it may have a password
}

func (p *problems) key(key string, s Secret) {
	if s != "" {
		_, err := s.Key()
		p.unless(err == nil, key, "%v", err)
	}
}
