package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
)

// landscape is a service and a sandbox as processes of their own, on an empty database.
type landscape struct {
	db         *database
	generation generation
	settings   []string
	sandbox    *process
	service    *process
}

func (b *bench) newLandscape(ctx context.Context, kind string, g generation, settings []string) (l *landscape, err error) {
	l = &landscape{generation: g, settings: settings}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.db, err = b.open(ctx, kind); err != nil {
		return l, err
	}
	if l.sandbox, err = b.sandboxProcess(ctx, l.db.dir, 1, lazyGC); err != nil {
		return l, err
	}
	l.service, err = g.start(ctx, b, l)
	return l, err
}

func (l *landscape) close() error {
	var problems []error
	for _, p := range []*process{l.service, l.sandbox} {
		if p != nil {
			problems = append(problems, p.stop())
		}
	}
	if l.db != nil {
		problems = append(problems, l.db.close())
	}
	return errors.Join(problems...)
}

// compare is an error if what the clients of the references were promised is not what happened outside.
func (l *landscape) compare(ctx context.Context, promised map[string]bool) error {
	ledger, _, err := readLedger(ctx, l.sandbox.sandbox)
	if err != nil {
		return err
	}
	if wrong := describe(outcomes(promised, ledger)); wrong != "" {
		return fmt.Errorf("of %d bookings: %s", len(promised), wrong)
	}
	return nil
}

// usage is CPU time in seconds.
type usage struct{ service, sandbox, database, broker, driver float64 }

func (u usage) minus(before usage) usage {
	return usage{u.service - before.service, u.sandbox - before.sandbox, u.database - before.database, u.broker - before.broker, u.driver - before.driver}
}

func (u usage) add(s *sample, bookings float64) {
	each := func(cpu float64) float64 { return 1000 * cpu / bookings }
	s.add("service_cpu_seconds_per_1000", each(u.service))
	s.add("sandbox_cpu_seconds_per_1000", each(u.sandbox))
	s.add("database_cpu_seconds_per_1000", each(u.database))
	s.add("broker_cpu_seconds_per_1000", each(u.broker))
	s.add("driver_cpu_seconds_per_1000", each(u.driver))
}

func (l *landscape) used(ctx context.Context) (u usage, err error) {
	counted, err := l.db.counters(ctx)
	if err != nil {
		return u, err
	}
	service, serviceErr := l.service.cpu()
	sandbox, sandboxErr := processCPU(l.sandbox.cmd.Process.Pid)
	broker, brokerErr := childrenCPU(brokerName)
	return usage{service, sandbox, counted.cpu, broker, ownCPU()}, errors.Join(serviceErr, sandboxErr, brokerErr)
}

// promises are the references of bookings that clients were promised.
type promises struct {
	mu         sync.Mutex // guards the rest, which connections write; whoever reads it waits for them first
	references map[string]bool
	err        error
}

func newPromises() *promises { return &promises{references: map[string]bool{}} }

// add reads the body of an answer that promises a booking.
func (p *promises) add(body []byte) {
	reference := referenceIn(body)
	p.mu.Lock()
	defer p.mu.Unlock()
	if reference == "" {
		p.err = errNoBooking
		return
	}
	p.references[reference] = true
}

func (p *promises) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.references)
}

// referenceIn is the reference of the booking in an answer; "" where there is none.
func referenceIn(body []byte) string {
	_, after, _ := bytes.Cut(body, []byte(`"reference":"`))
	reference, _, found := bytes.Cut(after, []byte(`"`))
	if !found {
		return ""
	}
	return string(reference)
}
