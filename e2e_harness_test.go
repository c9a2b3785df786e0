package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hotelbooking/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Run(m)
	closeBrowser()
	os.Exit(code)
}

// client talks to a service over HTTP as a frontend, as staff, and to the sandbox behind it.
type client struct {
	*testing.T
	log                  *logged // of a service in this process, complete once it has stopped
	base, admin, sandbox string
	bookings, support    string // API keys
}

// onBoth runs a test on a service over SQLite and on one over PostgreSQL.
func onBoth(t *testing.T, test func(*client), change ...func(*Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(serviceForTest(t, "", change...))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(serviceForTest(t, storetest.PostgresSchema(t), change...))
	})
}

// engineOfTests is the engine that all tests of the whole service run: each passes on both.
func engineOfTests() string { return cmp.Or(os.Getenv("TEST_ENGINE"), inProcess) }

// quick is a configuration for tests: any port, a sandbox that answers at once, and little patience.
func quick(t *testing.T, databaseURL string) Config {
	cfg := DefaultConfig()
	cfg.Engine = engineOfTests()
	cfg.DataDir = t.TempDir()
	cfg.HTTP.Addr, cfg.Admin.Addr, cfg.Sandbox.Addr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.Database.URL = Secret(databaseURL)
	cfg.Database.MaxConns = 6
	cfg.Sandbox.Latency, cfg.Sandbox.Seed = 0, 1
	cfg.Providers.Hotel.Timeout = 500 * time.Millisecond
	cfg.Flow.BackoffBase, cfg.Flow.BackoffCap = 10*time.Millisecond, 100*time.Millisecond
	cfg.Flow.UnknownFor, cfg.Flow.AttentionAfter = 5*time.Second, time.Second
	// Every way to fail is tried at one supplier at once: on a starved machine its circuit would open for those who succeed.
	cfg.Workers.Breaker.Minimum = 1_000_000
	cfg.Workers.Poll = 100 * time.Millisecond
	return cfg
}

// serviceForTest starts the whole service in this process and stops it when the test ends. Then it reads the log: nothing in
// it may be personal or secret, whatever the test did.
func serviceForTest(t *testing.T, databaseURL string, change ...func(*Config)) *client {
	t.Helper()
	cfg := quick(t, databaseURL)
	for _, f := range change {
		f(&cfg)
	}
	require.NoError(t, cfg.Validate())
	log, lines := logBuffer()
	app := NewApp(cfg, log)
	require.NoError(t, app.Start(t.Context()))
	t.Cleanup(func() {
		require.NoError(t, app.Stop(context.Background()))
		requireNothingPersonal(t, lines.String())
	})
	return &client{
		log: lines,
		T:   t, base: "http://" + app.Addr(), admin: "http://" + app.AdminAddr(), sandbox: app.sandboxURL(),
		bookings: keyFile(t, cfg, "bookings"), support: keyFile(t, cfg, "support"),
	}
}

func keyFile(t *testing.T, cfg Config, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(cfg.DataDir, "keys", name+".key"))
	require.NoError(t, err)
	return strings.TrimSpace(string(content))
}

// answer is an HTTP answer, read.
type answer struct {
	*testing.T
	status int
	header http.Header
	body   []byte
}

// call makes one request; headers come in pairs.
func (c *client) call(method, url, key, body string, headers ...string) answer {
	c.Helper()
	a, err := c.try(method, url, key, body, headers...)
	require.NoError(c, err, "%s %s", method, url)
	return a
}

func (c *client) try(method, url, key, body string, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if strings.HasPrefix(url, "/") {
		url = c.base + url
	}
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return answer{T: c.T, status: response.StatusCode, header: response.Header, body: content}, err
}

// is checks the status, and shows the body where it is another.
func (a answer) is(status int) answer {
	a.Helper()
	require.Equal(a, status, a.status, "%s", a.body)
	return a
}

// booking decodes the answer.
func (a answer) booking() bookingView {
	a.Helper()
	var b bookingView
	require.NoError(a, json.Unmarshal(a.body, &b), "%s", a.body)
	return b
}

// bookingView is what the tests read of a booking.
type bookingView struct {
	ID            string    `json:"id"`
	Reference     string    `json:"reference"`
	Version       int       `json:"version"`
	Status        string    `json:"status"`
	Terminal      bool      `json:"terminal"`
	Stage         string    `json:"stage"`
	PaymentStatus string    `json:"payment_status"`
	Price         moneyView `json:"price"`
	ClientSecret  string    `json:"client_secret"`
	Failure       struct {
		Code        string `json:"code"`
		DeclineCode string `json:"decline_code"`
		UserAction  string `json:"user_action"`
	} `json:"failure"`
	Action struct {
		Type     string    `json:"type"`
		Code     string    `json:"code"`
		URL      string    `json:"url"`
		NewTotal moneyView `json:"new_total"`
	} `json:"action"`
	Confirmation struct {
		SupplierReference string `json:"supplier_reference"`
	} `json:"confirmation"`
}

type moneyView struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// order is a submission; the fields that tests vary.
type order struct {
	offer, card, email, name string
	tolerance                int
}

func (o order) json() string {
	text := sample(time.Now().AddDate(0, 3, 0))
	swap := func(old, new string) {
		if new != "" {
			text = strings.ReplaceAll(text, old, new)
		}
	}
	swap("sim_ok", o.offer)
	swap("pm_card_visa", o.card)
	swap("ana@example.com", o.email)
	swap("Núñez", o.name)
	swap(`"price_tolerance_percent":0`, fmt.Sprintf(`"price_tolerance_percent":%d`, o.tolerance))
	return text
}

// submit sends a booking with a key of its own.
func (c *client) submit(o order) bookingView {
	c.Helper()
	a := c.call("POST", "/v1/bookings", c.bookings, o.json(), "Idempotency-Key", fmt.Sprintf("%s-%d", c.Name(), time.Now().UnixNano())).is(http.StatusAccepted)
	b := a.booking()
	require.Equal(c, "/v1/bookings/"+b.ID, strings.TrimPrefix(a.header.Get("Location"), c.base))
	return b
}

// until long-polls until the booking is as wanted, for a minute at most.
func (c *client) until(id string, wanted func(bookingView) bool) bookingView {
	c.Helper()
	etag, b := "", bookingView{}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		a := c.call("GET", "/v1/bookings/"+id, c.bookings, "", "Prefer", "wait=5", "If-None-Match", etag)
		if a.status == http.StatusNotModified {
			continue
		}
		seen := a.is(http.StatusOK).booking()
		require.GreaterOrEqual(c, seen.Version, b.Version, "a reader's version never falls")
		if b = seen; wanted(b) {
			return b
		}
		etag = a.header.Get("ETag")
	}
	require.Fail(c, "never as wanted", "%+v", b)
	return b
}

func (c *client) untilDecided(id string) bookingView {
	c.Helper()
	return c.until(id, func(b bookingView) bool { return b.Terminal })
}

func (c *client) untilStatus(id, status string) bookingView {
	c.Helper()
	return c.until(id, func(b bookingView) bool { return b.Status == status })
}

// ledgerView is what really happened to one reference.
type ledgerView struct {
	Holds              int    `json:"holds"`
	Active             int    `json:"active_reservations"`
	MaxActive          int    `json:"max_active_reservations"`
	EverConfirmed      int    `json:"ever_confirmed"`
	OpenAuthorizations int    `json:"open_authorizations"`
	Captures           int    `json:"captures"`
	Captured           string `json:"captured"`
	Refunded           string `json:"refunded"`
	Voids              int    `json:"voids"`
	Tracked            int    `json:"tracked"`
}

func (c *client) ledger() map[string]ledgerView {
	c.Helper()
	var l struct {
		References map[string]ledgerView `json:"references"`
	}
	require.NoError(c, json.Unmarshal(c.call("GET", c.sandbox+"/_ledger", "", "").is(http.StatusOK).body, &l))
	return l.References
}

// untilLedger waits until what happened outside is as wanted: capture and tracking go on behind a confirmed booking.
func (c *client) untilLedger(reference string, wanted func(ledgerView) bool) {
	c.Helper()
	require.Eventually(c, func() bool { return wanted(c.ledger()[reference]) }, 20*time.Second, 20*time.Millisecond, "ledger: %+v", c.ledger()[reference])
}

// logBuffer keeps what a service logs.
func logBuffer() (*zap.Logger, *logged) {
	buffer := &logged{}
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.Lock(zapcore.AddSync(buffer)), zap.DebugLevel)
	return zap.New(core), buffer
}

// requireNothingPersonal looks for what every submission of these tests carries, and for what every answer does.
func requireNothingPersonal(t *testing.T, text string) {
	t.Helper()
	for _, canary := range []string{"Núñez", "N\\u00fa", "example.com", "600000000", "pm_card_", "4242 4242", "4242424242", "bks_", "bk_bookings_", "bk_support_", "canary"} {
		if at := strings.Index(text, canary); at >= 0 {
			require.Fail(t, "the log holds what it must not", "%q in ...%s...", canary, text[max(0, at-200):min(len(text), at+100)])
		}
	}
}

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
