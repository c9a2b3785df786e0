package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config is everything that can be set, as config.yaml lists and explains it. Load fills it; app.go hands each package
// its part.
type Config struct {
	Engine    string          `koanf:"engine"`
	Roles     []string        `koanf:"roles"`
	DataDir   string          `koanf:"data_dir"`
	HTTP      HTTPConfig      `koanf:"http"`
	Admin     AdminConfig     `koanf:"admin"`
	Database  DatabaseConfig  `koanf:"database"`
	NATS      NATSConfig      `koanf:"nats"`
	Log       LogConfig       `koanf:"log"`
	Tracing   TracingConfig   `koanf:"tracing"`
	Auth      AuthConfig      `koanf:"auth"`
	Secrets   SecretsConfig   `koanf:"secrets"`
	Checkout  CheckoutConfig  `koanf:"checkout"`
	Console   ConsoleConfig   `koanf:"console"`
	Flow      FlowConfig      `koanf:"flow"`
	Workers   WorkersConfig   `koanf:"workers"`
	Admission AdmissionConfig `koanf:"admission"`
	Shutdown  ShutdownConfig  `koanf:"shutdown"`
	Providers ProvidersConfig `koanf:"providers"`
	Events    EventsConfig    `koanf:"events"`
	Webhooks  WebhooksConfig  `koanf:"webhooks"`
	Sandbox   SandboxConfig   `koanf:"sandbox"`
}

// HTTPConfig is the public listener.
type HTTPConfig struct {
	Addr              string        `koanf:"addr"`
	ReadHeaderTimeout time.Duration `koanf:"read_header_timeout"`
	ReadTimeout       time.Duration `koanf:"read_timeout"`
	WriteTimeout      time.Duration `koanf:"write_timeout"`
	IdleTimeout       time.Duration `koanf:"idle_timeout"`
	TrustedProxies    []string      `koanf:"trusted_proxies"` // addresses or networks
	AllowedOrigins    []string      `koanf:"allowed_origins"`
	Poll              PollConfig    `koanf:"poll"`
	Rate              RateConfig    `koanf:"rate"`
}

// PollConfig is how long answers and streams are held.
type PollConfig struct {
	MaxWait   time.Duration `koanf:"max_wait"`
	PingEvery time.Duration `koanf:"ping_every"`
	StreamMax time.Duration `koanf:"stream_max"`
	HeldMax   int           `koanf:"held_max"`
}

// RateConfig limits callers, in requests a second; 0 is no limit.
type RateConfig struct {
	PerKey       float64 `koanf:"per_key"`
	KeyBurst     int     `koanf:"key_burst"`
	PerAddress   float64 `koanf:"per_address"`
	AddressBurst int     `koanf:"address_burst"`
}

// AdminConfig is the listener of /livez, /readyz, /metrics and pprof.
type AdminConfig struct {
	Addr string `koanf:"addr"`
}

// DatabaseConfig is where bookings are kept: SQLite in DataDir when URL is empty.
type DatabaseConfig struct {
	URL           Secret        `koanf:"url"`
	MaxConns      int           `koanf:"max_conns"`
	Listen        bool          `koanf:"listen"`
	Flushers      int           `koanf:"flushers"`
	Timeout       time.Duration `koanf:"timeout"`
	CommitTimeout time.Duration `koanf:"commit_timeout"`
}

// LogConfig is what is logged, and how.
type LogConfig struct {
	Level  string `koanf:"level"`
	Format string `koanf:"format"`
}

// TracingConfig is where traces go; without an endpoint there are none.
type TracingConfig struct {
	Endpoint      string        `koanf:"endpoint"`
	Headers       Secret        `koanf:"headers"`
	Sample        float64       `koanf:"sample"` // share
	FollowCallers bool          `koanf:"follow_callers"`
	Timeout       time.Duration `koanf:"timeout"`
}

// AuthConfig is who may call.
type AuthConfig struct {
	Keys []APIKey `koanf:"keys"`
}

// APIKey is one caller. The key itself is not kept, only its hash.
type APIKey struct {
	Name  string `yaml:"name"`
	Scope string `yaml:"scope"`
	Role  string `yaml:"role"` // of scope support
	Hash  string `yaml:"hash"` // SHA-256, hexadecimal
}

// CheckoutConfig is the page at /, on which guests book.
type CheckoutConfig struct {
	Key string `koanf:"key"` // of scope publishable, so it is no secret
}

// ConsoleConfig is the page at /support.
type ConsoleConfig struct {
	Session time.Duration `koanf:"session"`
	OIDC    OIDCConfig    `koanf:"oidc"`
}

// OIDCConfig is the identity provider that staff sign in with; without an issuer there is none.
type OIDCConfig struct {
	Issuer       string   `koanf:"issuer"`
	ClientID     string   `koanf:"client_id"`
	ClientSecret Secret   `koanf:"client_secret"`
	Name         string   `koanf:"name"`
	RedirectURL  string   `koanf:"redirect_url"`
	Scopes       []string `koanf:"scopes"`
	RoleClaim    string   `koanf:"role_claim"`
	Viewers      []string `koanf:"viewers"` // values of the claim
	Agents       []string `koanf:"agents"`
	Supervisors  []string `koanf:"supervisors"`
}

// SecretsConfig are 32 random bytes each, in base64; one that is empty is generated below DataDir.
type SecretsConfig struct {
	ClientSecretKey Secret `koanf:"client_secret_key"`
	PeopleKey       Secret `koanf:"people_key"`
	EmailIndexKey   Secret `koanf:"email_index_key"`
}

// FlowConfig is how long a booking waits, and for whom.
type FlowConfig struct {
	BookingDeadline time.Duration `koanf:"booking_deadline"`
	CustomerWindow  time.Duration `koanf:"customer_window"`
	ReviewWindow    time.Duration `koanf:"review_window"`
	UnknownFor      time.Duration `koanf:"unknown_for"`
	AttentionAfter  time.Duration `koanf:"attention_after"`
	BackoffBase     time.Duration `koanf:"backoff_base"`
	BackoffCap      time.Duration `koanf:"backoff_cap"`
	UndoCap         time.Duration `koanf:"undo_cap"`
}

// WorkersConfig is how much the engine does at once.
type WorkersConfig struct {
	Lease       time.Duration   `koanf:"lease"`
	Poll        time.Duration   `koanf:"poll"`
	Memory      int             `koanf:"memory"`
	SaveTimeout time.Duration   `koanf:"save_timeout"`
	NoticeFor   time.Duration   `koanf:"notice_for"`
	Pools       PoolsConfig     `koanf:"pools"`
	PerSupplier int             `koanf:"per_supplier"`
	Deadlines   PoolTimesConfig `koanf:"deadlines"`
	Breaker     BreakerConfig   `koanf:"breaker"`
}

// PoolsConfig is how many turns run at once, for each kind of outside system.
type PoolsConfig struct {
	Provider int `koanf:"provider"`
	Fraud    int `koanf:"fraud"`
	Payment  int `koanf:"payment"`
	Tracking int `koanf:"tracking"`
}

// PoolTimesConfig is a time for each kind of outside system.
type PoolTimesConfig struct {
	Provider time.Duration `koanf:"provider"`
	Fraud    time.Duration `koanf:"fraud"`
	Payment  time.Duration `koanf:"payment"`
	Tracking time.Duration `koanf:"tracking"`
}

// BreakerConfig is when an outside system is left alone.
type BreakerConfig struct {
	Failures int           `koanf:"failures"` // percent
	Minimum  int           `koanf:"minimum"`  // calls
	Window   time.Duration `koanf:"window"`
	Delay    time.Duration `koanf:"delay"`
	Probes   int           `koanf:"probes"` // calls
}

// AdmissionConfig is when new bookings are refused.
type AdmissionConfig struct {
	MaxBacklog int           `koanf:"max_backlog"`
	MaxAge     time.Duration `koanf:"max_age"`
}

// ShutdownConfig is how the service ends.
type ShutdownConfig struct {
	DrainDelay time.Duration `koanf:"drain_delay"`
	Grace      time.Duration `koanf:"grace"`
}

// ProvidersConfig is who the outside systems are.
type ProvidersConfig struct {
	Hotel    VendorConfig        `koanf:"hotel"`
	Fraud    VendorConfig        `koanf:"fraud"`
	Payment  PaymentVendorConfig `koanf:"payment"`
	Tracking VendorConfig        `koanf:"tracking"`
}

// VendorConfig is one outside system.
type VendorConfig struct {
	Vendor  string        `koanf:"vendor"`
	Timeout time.Duration `koanf:"timeout"` // of one call
}

// PaymentVendorConfig is the one that also calls us.
type PaymentVendorConfig struct {
	Vendor        string        `koanf:"vendor"`
	Timeout       time.Duration `koanf:"timeout"` // of one call
	WebhookSecret Secret        `koanf:"webhook_secret"`
}

// SandboxConfig is the server that plays the outside systems: in this process, or elsewhere when URL is set.
type SandboxConfig struct {
	Addr       string  `koanf:"addr"`
	URL        string  `koanf:"url"`
	Journal    string  `koanf:"journal"`
	Latency    float64 `koanf:"latency"` // factor
	Seed       int     `koanf:"seed"`
	WebhookURL string  `koanf:"webhook_url"`
}

// DefaultConfig serves on loopback with the embedded database and the sandbox.
func DefaultConfig() Config {
	return Config{
		Engine:  inProcess,
		Roles:   roles(),
		DataDir: "./data",
		HTTP: HTTPConfig{
			Addr:              "127.0.0.1:8080",
			ReadHeaderTimeout: 2 * time.Second,
			ReadTimeout:       5 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       time.Minute,
			TrustedProxies:    []string{},
			AllowedOrigins:    []string{},
			Poll:              PollConfig{MaxWait: 25 * time.Second, PingEvery: 15 * time.Second, StreamMax: 10 * time.Minute, HeldMax: 20_000},
			Rate:              RateConfig{PerKey: 5000, KeyBurst: 10_000, PerAddress: 1000, AddressBurst: 2000},
		},
		Admin:    AdminConfig{Addr: "127.0.0.1:8081"},
		Database: DatabaseConfig{MaxConns: 16, Listen: true, Flushers: 3, Timeout: 3 * time.Second, CommitTimeout: 10 * time.Second},
		NATS:     defaultNATS(),
		Log:      LogConfig{Level: "info", Format: "json"},
		Tracing:  TracingConfig{Sample: 1, FollowCallers: true, Timeout: 10 * time.Second},
		Auth:     AuthConfig{Keys: []APIKey{}},
		Console: ConsoleConfig{
			Session: 8 * time.Hour,
			OIDC: OIDCConfig{
				Name: "single sign-on", Scopes: []string{"openid", "profile", "email"}, RoleClaim: "roles",
				Viewers: []string{}, Agents: []string{}, Supervisors: []string{},
			},
		},
		Flow: FlowConfig{
			BookingDeadline: 10 * time.Minute,
			CustomerWindow:  15 * time.Minute,
			ReviewWindow:    4 * time.Hour,
			UnknownFor:      30 * time.Minute,
			AttentionAfter:  30 * time.Second,
			BackoffBase:     500 * time.Millisecond,
			BackoffCap:      20 * time.Second,
			UndoCap:         5 * time.Minute,
		},
		Workers: WorkersConfig{
			Lease:       15 * time.Second,
			Poll:        time.Second,
			Memory:      2000,
			SaveTimeout: 5 * time.Second,
			NoticeFor:   15 * time.Minute,
			Pools:       PoolsConfig{Provider: 64, Fraud: 32, Payment: 32, Tracking: 16},
			PerSupplier: 48,
			Deadlines:   PoolTimesConfig{Provider: 20 * time.Second, Fraud: 5 * time.Second, Payment: 15 * time.Second, Tracking: 5 * time.Second},
			Breaker:     BreakerConfig{Failures: 50, Minimum: 20, Window: 10 * time.Second, Delay: 5 * time.Second, Probes: 3},
		},
		Admission: AdmissionConfig{MaxBacklog: 100_000, MaxAge: 2 * time.Minute},
		Shutdown:  ShutdownConfig{Grace: 25 * time.Second},
		Providers: ProvidersConfig{
			Hotel:    VendorConfig{Vendor: "sandbox", Timeout: 5 * time.Second},
			Fraud:    VendorConfig{Vendor: "sandbox", Timeout: 3 * time.Second},
			Payment:  PaymentVendorConfig{Vendor: "sandbox", Timeout: 10 * time.Second},
			Tracking: VendorConfig{Vendor: "sandbox", Timeout: 3 * time.Second},
		},
		Events:   defaultEvents(),
		Webhooks: defaultWebhooks(),
		Sandbox:  SandboxConfig{Addr: "127.0.0.1:8082", Latency: 1},
	}
}

// Secret is a value that is never printed, logged or encoded; Reveal is the only way to it.
type Secret string

const redacted = "[redacted]"

// Reveal is the value itself. It goes to who needs it and nowhere else.
func (s Secret) Reveal() string { return string(s) }

// Key decodes 32 bytes of base64, as `openssl rand -base64 32` prints them.
func (s Secret) Key() ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(string(s))
	if err != nil || len(key) != 32 {
		return nil, errors.New("want 32 bytes in base64, as `openssl rand -base64 32` prints them") // and not err: it quotes
	}
	return key, nil
}

func (s Secret) masked() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format hides the value from every verb, %x and %#v included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.masked())) }

// String hides the value from loggers.
func (s Secret) String() string { return s.masked() }

// MarshalText hides the value from JSON, YAML and every encoder that asks for text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.masked()), nil }

// LogValue hides the value from log/slog, which would look at its kind.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.masked()) }
