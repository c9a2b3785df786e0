// Command fleet runs the service as a fleet on this machine, and shows what it survives: PostgreSQL, a three-node NATS JetStream,
// two nodes that take requests, one for each pool and one that sweeps, as processes of their own. Clients book; meanwhile the
// leader of the stream, a worker node and an API node are killed (kill -9) and started again. What was promised is compared
// with what really happened, and a promise that was not kept is exit code 1.
//
//	make fleet
//	go run ./chaos/fleet -bookings 2000 -rate 100
//	go run ./chaos/fleet -bookings 0 -keep    # only a fleet, to look at
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"hotelbooking/chaos/client"
	"hotelbooking/chaos/judge"
)

const (
	startWithin = 10 * time.Minute // with an installation over a slow line
	restWithin  = 2 * time.Minute
)

// options are what the command line says.
type options struct {
	program  string
	bookings int
	rate     float64
	keep     bool
}

var errBroken = errors.New("promises were broken")

func main() {
	var o options
	flag.StringVar(&o.program, "binary", "bin/booking", "the service, as make build makes it")
	flag.IntVar(&o.bookings, "bookings", 500, "how many `bookings` clients submit; 0: none, and nothing is killed")
	flag.Float64Var(&o.rate, "rate", 50, "how many clients come in a `second`")
	flag.BoolVar(&o.keep, "keep", false, "leave everything running until ^C, and say where it is")
	flag.Parse()
	if flag.NArg() > 0 || o.bookings < 0 || o.rate <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	program, err := filepath.Abs(o.program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "booking-fleet-")
	if err != nil {
		return err
	}
	fmt.Println("what everything logs is in", filepath.Join(dir, "logs"))
	t := &teller{out: os.Stdout, began: time.Now()}
	starting, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	f, err := startFleet(starting, program, dir, t)
	defer func() { err = errors.Join(err, f.stop()) }()
	if err != nil {
		return err
	}
	if o.bookings > 0 {
		err = f.show(ctx, o, t)
	}
	if o.keep && ctx.Err() == nil {
		f.describe()
		<-ctx.Done()
	}
	return err
}

// show lets clients book while parts are killed, and judges.
func (f *fleet) show(ctx context.Context, o options, t *teller) error {
	t.say("clients come, %.0f a second, %d in all: two in five meet trouble of their own, one in twelve cancels", o.rate, o.bookings)
	began := time.Now()
	l := offer(f.client(), o.bookings, o.rate, t)
	blows, err := f.strike(ctx, l, t)
	if err := errors.Join(err, l.leave(ctx)); err != nil {
		return err
	}
	stuck, err := f.rest(ctx)
	if err != nil {
		return err
	}
	t.say("all clients have left, and %d bookings still move; now what clients were told is compared with what really happened", stuck)
	v, err := f.judge(ctx, l.stories, stuck)
	if err != nil {
		return err
	}
	fmt.Println()
	printFelt(os.Stdout, feel(began, blows, l.stories))
	fmt.Println()
	v.print(os.Stdout)
	if !v.sound() {
		return errBroken
	}
	fmt.Println("every promise was kept")
	return nil
}

// rest waits until no booking goes on by itself, and no call has an effect still to come; or tells how many still do when its
// patience ends.
func (f *fleet) rest(ctx context.Context) (stuck int, err error) {
	patient, cancel := context.WithTimeout(ctx, restWithin)
	defer cancel()
	var failed error
	late := eventually(patient, func() bool {
		var pending int
		if _, pending, failed = f.outside.Ledger(); failed != nil || pending > 0 {
			return failed != nil
		}
		failed = f.db.QueryRowContext(ctx, judge.Moving).Scan(&stuck)
		return failed != nil || stuck == 0
	})
	if late != nil {
		stuck = max(stuck, 1)
	}
	return stuck, errors.Join(failed, context.Cause(ctx))
}

func (f *fleet) judge(ctx context.Context, stories []*judge.Story, stuck int) (verdict, error) {
	e, err := client.Witnesses{Client: f.client(), Support: func() string { return f.support }, DB: f.db, Outside: f.outside}.Gather(ctx, stories, stuck)
	if err != nil {
		return verdict{}, fmt.Errorf("gather evidence: %w", err)
	}
	return weigh(e), nil
}

// describe says where everything is, for who wants to look.
func (f *fleet) describe() {
	fmt.Println("\neverything goes on until ^C:")
	for _, n := range f.nodes {
		fmt.Printf("  node %s%s\n", n.name, n.where())
	}
	for _, n := range f.broker.Nodes() {
		fmt.Printf("  broker %s at %s, monitor at %s\n", n.Name(), n.URL(), n.Monitor())
	}
	api := f.of("api")[0].base
	fmt.Printf("  book a room: %s/\n  support console: %[1]s/support\n  documentation: %[1]s/docs\n  what really happened outside: %s/_ledger\n", api, f.outside.URL)
	fmt.Printf("  PostgreSQL: psql '%s'\n", f.postgres.URL())
	fmt.Printf("  keys: bookings %s, support %s\n  logs: %s\n", f.bookings, f.support, f.logs())
	fmt.Printf("  try: curl -s -H 'Authorization: Bearer %s' %s/v1/support/bookings\n", f.support, api)
}
