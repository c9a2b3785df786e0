package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	longPolls = "long_poll"
	streams   = "stream"

	heldEach    = 10_000 // long-polls, and streams beside them, that wait at once
	heldChanged = 2_000  // of the bookings of each, to see how soon they are told
	heldSpare   = 1_000  // file descriptors for everything else
	heldWithin  = 50 * time.Second
	holdFor     = "55s"            // the longest that the service takes
	changers    = 8                // connections that cancel bookings
	openWithin  = 30 * time.Second // until all of them wait
	openRate    = 1000             // a second
	openLook    = 100 * time.Millisecond
	heldBuffer  = 1 << 10 // of a connection that waits
)

// holdable is how many of n connections, and as many of another kind, this process and those it starts may have. The error
// says why it is fewer than n.
func (b *bench) holdable(n int) (int, error) {
	need := uint64(2*n + heldSpare)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	// Set even where there are enough: Go gives a raised limit to its children only if the program itself raised it.
	raised := syscall.Rlimit{Cur: max(need, limit.Cur), Max: max(need, limit.Max)}
	err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised)
	if err == nil {
		return n, nil
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	if limit.Max < need {
		return max(1, (int(limit.Max)-heldSpare)/2), fmt.Errorf("%d file descriptors are needed, and %d may be had: %w", need, limit.Max, err)
	}
	return n, nil
}

// enoughFiles is an error if a process may not have n files open.
func enoughFiles(pid, n int) error {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(string(content), "\n") {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			fields := strings.Fields(rest)
			if limit, err := strconv.Atoi(fields[0]); err != nil || limit < n {
				return fmt.Errorf("the service may open %s files, and needs %d", fields[0], n)
			}
			return nil
		}
	}
	return fmt.Errorf("/proc/%d/limits has no limit of open files", pid)
}

// pollHeld opens n long-polls and n streams, each of a booking of its own, changes some of the bookings, and sees how soon
// those who wait are told. The service is started again once there are bookings: what it needed to accept them would
// otherwise be reused, and not be seen to grow.
func (b *bench) pollHeld(ctx context.Context, kind string, n int, into map[string][]sample) (err error) {
	at, err := b.newStalledSite(ctx, kind)
	if err != nil {
		return err
	}
	defer at.closing(&err)
	bookings, err := at.untouched(ctx, 2*n)
	if err != nil {
		return err
	}
	settings := append([]string{"BOOKING_HTTP__POLL__MAX_WAIT=" + holdFor, "BOOKING_HTTP__POLL__HELD_MAX=" + strconv.Itoa(2*n)}, stalled...)
	if err := b.restart(ctx, at, settings...); err != nil {
		return err
	}
	if err := enoughFiles(at.server.cmd.Process.Pid, 2*n+heldSpare/2); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, heldWithin, errors.New("the service would end the long-polls before all of this is done"))
	defer cancel()
	var audiences []*audience
	defer func() {
		for _, a := range audiences {
			err = errors.Join(err, a.leave())
		}
	}()
	for i, waiter := range []string{longPolls, streams} {
		a, err := at.gather(ctx, waiter, bookings[i*n:(i+1)*n])
		audiences = append(audiences, a)
		if err != nil {
			return fmt.Errorf("%s: %w", waiter, err)
		}
	}
	for _, a := range audiences {
		if err := a.change(ctx, at, min(n, b.scaled(heldChanged))); err != nil {
			return fmt.Errorf("%s: %w", a.waiter, err)
		}
		into[a.waiter] = append(into[a.waiter], a.sample)
	}
	return nil
}

// audience are connections that wait for changes in the same manner.
type audience struct {
	waiter  string
	members []*member
	reading sync.WaitGroup
	sample  sample
}

// member waits for one booking. What it was told is written by its goroutine before told is closed.
type member struct {
	booking accepted
	conn    net.Conn
	told    chan struct{}
	at      time.Time // when it was told
	updated time.Time // when the change was made, by the service's clock
	err     error
}

// footprint is what a process has and runs.
type footprint struct{ resident, inUse, goroutines, watched float64 }

// footprint is taken after a garbage collection.
func (s *site) footprint(ctx context.Context) (f footprint, err error) {
	if _, err := get(ctx, s.server.admin+"/debug/pprof/heap?gc=1"); err != nil {
		return f, err
	}
	body, err := get(ctx, s.server.admin+"/metrics")
	if err != nil {
		return f, err
	}
	f = footprint{
		inUse:      metric(body, "go_memstats_heap_inuse_bytes") + metric(body, "go_memstats_stack_inuse_bytes"),
		goroutines: metric(body, "go_goroutines"), watched: metric(body, "booking_watched"),
	}
	f.resident, err = residentBytes(s.server.cmd.Process.Pid)
	return f, err
}

// gather opens a connection for each booking and returns when the service says that all of them wait.
func (s *site) gather(ctx context.Context, waiter string, bookings []accepted) (*audience, error) {
	a := &audience{waiter: waiter}
	addr, err := loopback(s.server.base)
	if err != nil {
		return a, err
	}
	before, err := s.footprint(ctx)
	if err != nil {
		return a, err
	}
	opening, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	a.members = make([]*member, len(bookings))
	for i := range bookings {
		a.members[i] = &member{booking: bookings[i], told: make(chan struct{})}
	}
	began := time.Now()
	err = dialEach(opening, addr, len(bookings), openWithin, func(i int, conn net.Conn) error {
		m := a.members[i]
		m.conn = conn
		// Each is read from the database before it waits: thousands at once would be refused after a time-out, as they should.
		if err := pause(opening, time.Until(began.Add(time.Duration(i)*time.Second/openRate))); err != nil {
			return err
		}
		a.reading.Go(func() { m.listen(waiter) })
		return m.ask(waiter, addr, s.server.bookings)
	})
	if err != nil {
		return a, err
	}
	for waiting := 0.0; waiting < before.watched+float64(len(bookings)); {
		if err := pause(opening, openLook); err != nil {
			return a, errors.Join(fmt.Errorf("%g of %d wait: %w", waiting-before.watched, len(bookings), err), a.problem())
		}
		body, err := get(opening, s.server.admin+"/metrics")
		if err != nil {
			return a, err
		}
		waiting = metric(body, "booking_watched")
	}
	after, err := s.footprint(ctx)
	each := func(after, before float64) float64 { return (after - before) / float64(len(bookings)) }
	a.sample.add("resident_bytes_each", each(after.resident, before.resident))
	a.sample.add("heap_and_stack_bytes_each", each(after.inUse, before.inUse))
	a.sample.add("goroutines_each", each(after.goroutines, before.goroutines))
	return a, err
}

// ask sends the member's only request.
func (m *member) ask(waiter, addr, key string) error {
	path, headers := bookingsPath+"/"+m.booking.id, "Prefer: wait=55\r\nIf-None-Match: "+m.booking.etag
	if waiter == streams {
		path, headers = path+"/stream", "Accept: text/event-stream"
	}
	_, err := fmt.Fprintf(m.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", path, addr, key, headers)
	return err
}

// listen reads until the member was told of a change, or the connection ends.
func (m *member) listen(waiter string) {
	defer close(m.told)
	in := bufio.NewReaderSize(m.conn, heldBuffer)
	body := []byte(nil)
	if waiter == streams {
		body, m.err = secondEvent(in)
		m.at = time.Now()
	} else {
		_, m.err = in.Peek(1)
		m.at = time.Now()
		if m.err == nil {
			body, m.err = wholeBooking(in)
		}
	}
	if m.err == nil {
		m.updated, m.err = updatedAt(body)
	}
}

// wholeBooking is the body of an answer that must be 200.
func wholeBooking(in *bufio.Reader) ([]byte, error) {
	var res fasthttp.Response
	if err := res.ReadLimitBody(in, tooLong); err != nil {
		return nil, err
	}
	if res.StatusCode() != http.StatusOK {
		return nil, fmt.Errorf("an answer with status %d", res.StatusCode())
	}
	return res.Body(), nil
}

// secondEvent is the data of a stream's second event: the first is the booking as it stands.
func secondEvent(in *bufio.Reader) ([]byte, error) {
	res, err := http.ReadResponse(in, nil) //nolint:bodyclose // closing would read to the end of a stream that has none; leave closes the connection
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("a stream with status %d", res.StatusCode)
	}
	lines := bufio.NewReaderSize(res.Body, heldBuffer)
	for events := 0; ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			if events++; events == 2 {
				return data, nil
			}
		}
	}
}

func updatedAt(body []byte) (time.Time, error) {
	var said struct {
		UpdatedAt time.Time `json:"updated_at"`
	}
	err := json.Unmarshal(body, &said)
	if err == nil && said.UpdatedAt.IsZero() {
		err = errors.New("a booking without updated_at")
	}
	return said.UpdatedAt, err
}

// change cancels the bookings of the first n members, and waits until all of these were told.
func (a *audience) change(ctx context.Context, s *site, n int) error {
	acknowledged := make([]time.Time, n) // each written by the connection that had the answer
	seen, err := closedLoop{
		base: s.server.base, connections: changers, requests: n, lasting: heldWithin,
		prepare: func(i int, req *fasthttp.Request) {
			req.Header.SetMethod(http.MethodPost)
			req.Header.SetRequestURI(bookingsPath + "/" + a.members[i].booking.id + "/cancellation")
			req.Header.Set("Authorization", "Bearer "+s.server.bookings)
			req.Header.SetContentType("application/json")
			req.SetBodyString("{}")
		},
		answered: func(i int, _ *fasthttp.Response) { acknowledged[i] = time.Now() },
	}.run(ctx)
	if err := errors.Join(err, seen.only(http.StatusAccepted)); err != nil {
		return fmt.Errorf("cancel %d bookings: %w", n, err)
	}
	updated, answered := make([]time.Duration, n), make([]time.Duration, n)
	for i, m := range a.members[:n] {
		select {
		case <-m.told:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d were told: %w", i, n, context.Cause(ctx))
		}
		if m.err != nil {
			return m.err
		}
		updated[i], answered[i] = m.at.Sub(m.updated), max(0, m.at.Sub(acknowledged[i])) // 0: told before whoever changed it
	}
	slices.Sort(updated)
	slices.Sort(answered)
	a.sample.add("changes_per_second", seen.perSecond())
	a.sample.add("after_update_p50_ms", milliseconds(percentile(updated, 50)))
	a.sample.add("after_update_p99_ms", milliseconds(percentile(updated, 99)))
	a.sample.add("after_answer_p99_ms", milliseconds(percentile(answered, 99)))
	for _, m := range a.members[n:] {
		select {
		case <-m.told:
			return fmt.Errorf("one whose booking did not change was told something, or cut off: %w", m.err)
		default:
		}
	}
	return nil
}

// problem is what the first member met that does not wait any more.
func (a *audience) problem() error {
	for _, m := range a.members {
		select {
		case <-m.told:
			return m.err
		default:
		}
	}
	return nil
}

// leave closes all connections and waits for their readers.
func (a *audience) leave() error {
	var problems []error
	for _, m := range a.members {
		if m.conn != nil {
			problems = append(problems, m.conn.Close())
		}
	}
	a.reading.Wait()
	return errors.Join(problems...)
}
