// Package bench is the load driver behind `booking bench`. Each scenario starts what it needs on this machine's loopback,
// measures several runs and reports medians with their spread, so that one run can be compared with another.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.uber.org/zap"

	"hotelbooking/store/storetest/natsd"
	"hotelbooking/store/storetest/pgserver"
)

// Options say what is measured, and on what.
type Options struct {
	Binary      string    // the service's executable, for scenarios that measure it as a process of its own
	DatabaseURL string    // a PostgreSQL to work in, in a schema that is dropped afterwards; empty: a private one is started
	Databases   []string  // postgres, sqlite; none: both
	Runs        int       // of each measurement
	Scale       float64   // of the number of bookings and of the time that runs take; 1: as documented
	JSON        bool      // one object for each measurement and line, instead of a table
	CPUProfile  string    // a file for the CPU profile of this process while the engine drains, or the beginning of those of a fleet's processes; empty: none
	Out         io.Writer // the report
	Log         io.Writer // what is being done
}

// Validate reports all problems together.
func (o Options) Validate() error {
	var problems []error
	if o.Runs < 1 || o.Runs > 100 {
		problems = append(problems, fmt.Errorf("--runs %d: 1 to 100", o.Runs))
	}
	if o.Scale <= 0 || o.Scale > 100 {
		problems = append(problems, fmt.Errorf("--scale %g: more than 0, at most 100", o.Scale))
	}
	for _, database := range o.Databases {
		if !slices.Contains(allDatabases, database) {
			problems = append(problems, fmt.Errorf("--database %q: one of %s", database, strings.Join(allDatabases, ", ")))
		}
	}
	return errors.Join(problems...)
}

// scenario is one kind of measurement.
type scenario struct {
	name  string
	about string
	run   func(ctx context.Context, b *bench) error
}

var scenarios = []scenario{
	{"engine", "bookings already accepted, an outside that answers at once: what the engine and the database carry", engine},
	{"fleet", "the same in several processes, without a broker and with one: what dividing the work costs", fleet},
	{"accept", "submissions over HTTP, the engine idle, busy and flat out, beside a bare server: how many a second, and how soon", accept},
	{"poll", "polls, long-polls and event streams: how many a second, beside writers too, what waiting costs, and how soon one is told", poll},
	{"whole", "the whole way over HTTP, to a sandbox with real latency: what is sustained, how long it takes, and that nothing is lost", whole},
	{"backlog", "a million waiting and ten million finished: what a claim and an accept still cost, and the service's memory", backlog},
	{"console", "the pages of the support console, with empty tables and with a million bookings in them: how long each takes", console},
	{"generations", "the flow inside the request, and the service: how long clients wait, what is carried, what a kill -9 leaves behind", generations},
}

// Scenarios lists what there is, one line each.
func Scenarios() string {
	var lines strings.Builder
	for _, s := range scenarios {
		fmt.Fprintf(&lines, "  %-12s %s\n", s.name, s.about)
	}
	return lines.String()
}

// Names lists the scenarios' names.
func Names() []string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.name
	}
	return names
}

// bench is one run of the driver.
type bench struct {
	Options
	report   *report
	postgres *pgserver.Server // started when it is first needed
	nats     *natsd.Cluster   // the same
	named    bool             // PostgreSQL's settings are in the report
	log      *zap.Logger
}

// Run measures the named scenarios, all of them where none is named, and prints the report.
func Run(ctx context.Context, names []string, o Options) (err error) {
	if len(o.Databases) == 0 {
		o.Databases = allDatabases
	}
	if err := o.Validate(); err != nil {
		return err
	}
	var chosen []scenario
	for _, name := range names {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return fmt.Errorf("there is no scenario %q; there are\n%s", name, Scenarios())
		}
		chosen = append(chosen, scenarios[i])
	}
	if len(chosen) == 0 {
		chosen = scenarios
	}
	b := &bench{Options: o, report: newReport(o.Out, o.JSON), log: zap.NewNop()}
	defer func() {
		if b.postgres != nil {
			err = errors.Join(err, b.postgres.Stop())
		}
		if b.nats != nil {
			err = errors.Join(err, b.nats.Stop())
		}
	}()
	b.report.machine()
	for _, s := range chosen {
		b.say("%s: %s", s.name, s.about)
		b.report.begin(s.name)
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		b.report.end()
	}
	return nil
}

// say tells whoever waits what is going on.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.Log, format+"\n", args...) }

// scaled is n at the scale of this run, at least 1.
func (b *bench) scaled(n int) int { return max(1, int(float64(n)*b.Scale)) }
