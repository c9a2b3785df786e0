package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"hotelbooking/chaos/client"
	"hotelbooking/store/storetest/natsd"
	"hotelbooking/store/storetest/pgserver"
)

const (
	brokers = 3
	lease   = 3 * time.Second // how long a node's bookings wait for it before others take them
	stream  = "look"          // nats.stream, by default
)

// roles are those of the nodes: two that take requests, one for each pool, and one that sweeps.
func roles() []string {
	return []string{"api", "api", "provider", "fraud", "payment", "tracking", "sweeper"}
}

// fleet is everything that runs: a database, a broker of three nodes, the outside, and the nodes of the service.
type fleet struct {
	program  string
	dir      string // of logs and of the service's keys
	postgres *pgserver.Server
	broker   *natsd.Cluster
	sandbox  *process
	outside  *client.Outside
	db       *sql.DB
	nodes    []*node

	bookings, support string // keys
}

// node is one process of the service, and what takes its place.
type node struct {
	*process
	role, name string

	mu          sync.Mutex // guards the addresses, which are new after a restart, and which clients read
	base, admin string
}

// startFleet starts all of it, and says so. What was started must be stopped, with an error, too.
func startFleet(ctx context.Context, program, dir string, t *teller) (*fleet, error) {
	f := &fleet{program: program, dir: dir}
	return f, f.start(ctx, t)
}

func (f *fleet) start(ctx context.Context, t *teller) (err error) {
	if err := os.Mkdir(f.logs(), 0o700); err != nil {
		return err
	}
	if f.postgres, err = pgserver.Start(ctx, pgserver.Options{Durable: true, Log: os.Stderr}); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if f.db, err = sql.Open("pgx", f.postgres.URL()); err != nil {
		return err
	}
	t.say("PostgreSQL is there, with fsync")
	if f.broker, err = natsd.Start(ctx, natsd.Options{Nodes: brokers, Logs: f.logs()}); err != nil {
		return fmt.Errorf("start NATS: %w", err)
	}
	t.say("NATS JetStream is there, %d nodes", brokers)
	if err := f.startSandbox(ctx); err != nil {
		return err
	}
	t.say("the sandbox plays hotel supplier, fraud screening, payments and tracking at %s", f.outside.URL)
	for n, role := range roles() {
		one := &node{role: role, name: role}
		if role == "api" {
			one.name = fmt.Sprintf("api-%d", n+1)
		}
		f.nodes = append(f.nodes, one)
		if err := f.launch(ctx, one); err != nil { // one after the other: the first makes the keys and the tables
			return err
		}
		t.say("node %s is ready%s", one.name, one.where())
	}
	return f.readKeys()
}

func (f *fleet) logs() string { return filepath.Join(f.dir, "logs") }
func (f *fleet) data() string { return filepath.Join(f.dir, "data") }

func (f *fleet) startSandbox(ctx context.Context) (err error) {
	f.sandbox, err = launch("sandbox", f.logs(), f.program, []string{"sandbox", "--addr", "127.0.0.1:0"},
		[]string{"BOOKING_DATA_DIR=" + filepath.Join(f.dir, "sandbox"), "BOOKING_SANDBOX__LATENCY=0.05"})
	if err != nil {
		return err
	}
	var said struct{ Addr string }
	err = f.sandbox.until(ctx, "does not come up", func() bool { return f.sandbox.says("sandbox", &said) })
	f.outside = &client.Outside{URL: "http://" + said.Addr}
	return err
}

// environ is every node's: an engine over the broker, and an impatience that suits a short run.
func (f *fleet) environ() []string {
	return []string{
		"BOOKING_ENGINE=jetstream", "BOOKING_NATS__URL=" + strings.Join(f.broker.URLs(), ","), fmt.Sprintf("BOOKING_NATS__REPLICAS=%d", brokers),
		"BOOKING_DATABASE__URL=" + f.postgres.URL(), "BOOKING_DATABASE__MAX_CONNS=8", "BOOKING_DATA_DIR=" + f.data(),
		"BOOKING_HTTP__ADDR=127.0.0.1:0", "BOOKING_ADMIN__ADDR=127.0.0.1:0", "BOOKING_SANDBOX__ADDR=127.0.0.1:0", "BOOKING_SANDBOX__URL=" + f.outside.URL,
		"BOOKING_HTTP__RATE__PER_KEY=0", "BOOKING_HTTP__RATE__PER_ADDRESS=0",
		"BOOKING_WORKERS__LEASE=" + lease.String(), "BOOKING_FLOW__BACKOFF_BASE=50ms", "BOOKING_FLOW__BACKOFF_CAP=2s", "BOOKING_FLOW__UNDO_CAP=2s",
		"BOOKING_FLOW__CUSTOMER_WINDOW=2s", "BOOKING_FLOW__REVIEW_WINDOW=2s",
		"BOOKING_PROVIDERS__HOTEL__TIMEOUT=1500ms", "BOOKING_PROVIDERS__FRAUD__TIMEOUT=1500ms",
		"BOOKING_PROVIDERS__PAYMENT__TIMEOUT=1500ms", "BOOKING_PROVIDERS__TRACKING__TIMEOUT=1500ms",
		// Many ways to fail are tried at one supplier at once: its circuit would open for those who succeed.
		"BOOKING_WORKERS__BREAKER__MINIMUM=1000000",
	}
}

// launch starts a node, for the first time or again, and returns when it is ready.
func (f *fleet) launch(ctx context.Context, n *node) (err error) {
	n.process, err = launch(n.name, f.logs(), f.program, []string{"serve", "--roles", n.role}, f.environ())
	if err != nil {
		return err
	}
	var serving struct{ HTTP, Admin string }
	if err := n.until(ctx, "does not serve", func() bool { return n.says("serving", &serving) }); err != nil {
		return err
	}
	n.mu.Lock()
	n.base, n.admin = "", "http://"+serving.Admin
	if serving.HTTP != "" {
		n.base = "http://" + serving.HTTP
	}
	n.mu.Unlock()
	return n.until(ctx, "does not become ready", func() bool {
		a, err := client.Call(http.MethodGet, n.admin+"/readyz", "", "", 5*time.Second)
		return err == nil && a.Status == http.StatusOK
	})
}

// where are a node's addresses, in words.
func (n *node) where() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.base == "" {
		return ", admin at " + n.admin
	}
	return " at " + n.base + ", admin at " + n.admin
}

// somewhere is the address of any node that takes requests. It may be gone: who goes there tries again.
func (f *fleet) somewhere() string {
	api := f.of("api")
	one := api[rand.IntN(len(api))]
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.base
}

// of are the nodes with a role.
func (f *fleet) of(role string) []*node {
	return slices.DeleteFunc(slices.Clone(f.nodes), func(n *node) bool { return n.role != role })
}

// client goes to any node that takes requests.
func (f *fleet) client() client.Client {
	return client.Client{Somewhere: f.somewhere, Key: func() string { return f.bookings }}
}

func (f *fleet) readKeys() error {
	for name, key := range map[string]*string{"bookings": &f.bookings, "support": &f.support} {
		content, err := os.ReadFile(filepath.Join(f.data(), "keys", name+".key"))
		if err != nil {
			return err
		}
		*key = strings.TrimSpace(string(content))
	}
	return nil
}

// stop ends everything that was started, in the order that lets all of it end well.
func (f *fleet) stop() error {
	var all sync.WaitGroup
	for _, n := range f.nodes {
		if n.process != nil {
			all.Go(n.stop)
		}
	}
	all.Wait()
	if f.sandbox != nil {
		f.sandbox.stop()
	}
	var problems []error
	if f.broker != nil {
		problems = append(problems, f.broker.Stop())
	}
	if f.db != nil {
		problems = append(problems, f.db.Close())
	}
	if f.postgres != nil {
		problems = append(problems, f.postgres.Stop())
	}
	return errors.Join(problems...)
}
