package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"github.com/valyala/fasthttp"
)

const (
	answerWithin  = 30 * time.Second // of any request, unless its load says more
	dialWithin    = 10 * time.Second
	diallers      = 8    // connections that are opened at the same time
	openWorkers   = 4096 // requests of an open loop under way at once, at most
	requestBuffer = 4 << 10
	tooLong       = 1 << 20 // bytes of an answer
)

// loopback is the host:port of a base address. Anything but this machine's loopback is refused: a load is for nobody else.
func loopback(base string) (string, error) {
	host, ok := strings.CutPrefix(base, "http://")
	addr, err := netip.ParseAddrPort(host)
	if !ok || err != nil || !addr.Addr().IsLoopback() {
		return "", fmt.Errorf("%q is not an address on this machine's loopback, such as http://127.0.0.1:8080", base)
	}
	return host, nil
}

// closedLoop is a load whose connections each send their next request as soon as they have the last answer. It speaks
// HTTP over bare connections, because what the driver uses of the machine the service has not.
type closedLoop struct {
	base        string // http://127.0.0.1:port
	connections int
	requests    int           // of all connections together, at most
	lasting     time.Duration // after which no request is sent any more
	patience    time.Duration // with the last answers; 0: as usual

	prepare  func(i int, req *fasthttp.Request)  // makes the i-th request of what the connection sent before; called by all connections
	answered func(i int, res *fasthttp.Response) // if not nil, looks at its answer, which is gone afterwards; called by all connections
}

// loaded is what came of a load.
type loaded struct {
	took      time.Duration   // from the first request to the last answer
	latencies []time.Duration // sorted, one for each answer
	statuses  map[int]int     // answers, by status
	failed    int             // requests without an answer
	failure   error           // the first of them
}

// run returns once all answers are there. Connections that cannot be made are an error; those that are lost are counted.
func (l closedLoop) run(ctx context.Context) (loaded, error) {
	addr, err := loopback(l.base)
	if err != nil {
		return loaded{}, err
	}
	patience := l.patience
	if patience == 0 {
		patience = answerWithin
	}
	conns, err := dial(ctx, addr, l.connections)
	if err != nil {
		return loaded{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.lasting+patience)
	defer cancel()
	var next atomic.Int64
	each := make([]loaded, l.connections)
	began := time.Now()
	var connections sync.WaitGroup
	for c, conn := range conns {
		connections.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })() // a connection that is lost needs none
			each[c] = l.converse(ctx, addr, conn, &next, began.Add(l.lasting))
		})
	}
	connections.Wait()
	return gather(each, time.Since(began)), context.Cause(ctx)
}

// converse sends requests over one connection, one after the other.
func (l closedLoop) converse(ctx context.Context, addr string, conn net.Conn, next *atomic.Int64, until time.Time) loaded {
	seen := loaded{statuses: map[int]int{}}
	in, out := bufio.NewReaderSize(conn, requestBuffer), bufio.NewWriterSize(conn, requestBuffer)
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.Header.SetHost(addr)
	for began := time.Now(); ctx.Err() == nil && began.Before(until); {
		i := int(next.Add(1)) - 1
		if i >= l.requests {
			break
		}
		l.prepare(i, req)
		began = time.Now()
		if err := exchange(req, res, in, out); err != nil {
			seen.failed, seen.failure = 1, fmt.Errorf("%s %s: %w", req.Header.Method(), req.Header.RequestURI(), err)
			break
		}
		now := time.Now()
		seen.latencies = append(seen.latencies, now.Sub(began))
		seen.statuses[res.StatusCode()]++
		if l.answered != nil {
			l.answered(i, res)
		}
		if res.ConnectionClose() {
			seen.failure = fmt.Errorf("the server closed a connection after status %d", res.StatusCode())
			break
		}
		began = now
	}
	return seen
}

func exchange(req *fasthttp.Request, res *fasthttp.Response, in *bufio.Reader, out *bufio.Writer) error {
	if err := req.Write(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return res.ReadLimitBody(in, tooLong)
}

// dial opens n connections, so that no request pays for its own.
func dial(ctx context.Context, addr string, n int) ([]net.Conn, error) {
	conns := make([]net.Conn, n)
	err := dialEach(ctx, addr, n, dialWithin, func(i int, conn net.Conn) error {
		conns[i] = conn
		return nil
	})
	if err == nil {
		return conns, nil
	}
	for _, conn := range conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
	return nil, err
}

// dialEach opens n connections, some of them at a time, and hands each over at once: a server does not wait for long until
// something is said.
func dialEach(ctx context.Context, addr string, n int, within time.Duration, opened func(i int, conn net.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	errs := make([]error, min(n, diallers))
	var next atomic.Int64
	var dialling sync.WaitGroup
	for d := range errs {
		dialling.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[d] == nil; i = int(next.Add(1)) - 1 {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
				if err == nil {
					err = opened(i, conn)
				}
				if err != nil {
					errs[d] = fmt.Errorf("open connection %d of %d: %w", i+1, n, err)
				}
			}
		})
	}
	dialling.Wait()
	return errors.Join(errs...)
}

// openLoop is a load at a constant rate, whatever the answers do. Latencies count from when a request was due: one that
// the driver or a slow answer delayed is late to its customer, too.
type openLoop struct {
	base    string
	rate    int           // requests a second
	lasting time.Duration // of the sending

	prepare  func(i int, t *vegeta.Target) error // makes the i-th request; the URL begins with base; called by many goroutines
	answered func(r *vegeta.Result)              // if not nil, looks at each answer, one after the other
}

func (l openLoop) run(ctx context.Context) (loaded, error) {
	if _, err := loopback(l.base); err != nil {
		return loaded{}, err
	}
	var next atomic.Int64
	targeter := func(t *vegeta.Target) error {
		if err := l.prepare(int(next.Add(1))-1, t); err != nil {
			return err
		}
		if !strings.HasPrefix(t.URL, l.base+"/") {
			return fmt.Errorf("%s is not at %s", t.URL, l.base)
		}
		return nil
	}
	attacker := vegeta.NewAttacker(vegeta.Timeout(answerWithin), vegeta.Redirects(vegeta.NoFollow), vegeta.MaxBody(tooLong),
		vegeta.Workers(64), vegeta.MaxWorkers(openWorkers), vegeta.Connections(openWorkers), vegeta.HTTP2(false))
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	seen := loaded{statuses: map[int]int{}}
	began := time.Now()
	for r := range attacker.Attack(targeter, vegeta.ConstantPacer{Freq: l.rate, Per: time.Second}, l.lasting, "") {
		if r.Code == 0 {
			seen.failed++
			seen.failure = errors.Join(seen.failure, firstOnly(seen.failed, r))
			continue
		}
		due := began.Add(time.Duration(r.Seq+1) * time.Second / time.Duration(l.rate))
		seen.latencies = append(seen.latencies, max(r.Latency, r.Timestamp.Add(r.Latency).Sub(due)))
		seen.statuses[int(r.Code)]++
		if l.answered != nil {
			l.answered(r)
		}
	}
	return gather([]loaded{seen}, time.Since(began)), context.Cause(ctx)
}

func firstOnly(nth int, r *vegeta.Result) error {
	if nth > 1 {
		return nil
	}
	return fmt.Errorf("%s %s: %s", r.Method, r.URL, r.Error)
}

// gather makes one of what several connections saw.
func gather(each []loaded, took time.Duration) loaded {
	all := loaded{took: took, statuses: map[int]int{}}
	for _, l := range each {
		all.latencies = append(all.latencies, l.latencies...)
		for status, n := range l.statuses {
			all.statuses[status] += n
		}
		all.failed += l.failed
		if all.failure == nil {
			all.failure = l.failure
		}
	}
	slices.Sort(all.latencies)
	return all
}

// perSecond counts answers, whatever they say.
func (l loaded) perSecond() float64 { return float64(len(l.latencies)) / l.took.Seconds() }

// only is an error that says what else there was, unless every request was answered with status.
func (l loaded) only(status int) error {
	if l.failed > 0 || l.failure != nil {
		return fmt.Errorf("%d requests had no answer, %d had: %w", l.failed, len(l.latencies), l.failure)
	}
	if len(l.statuses) != 1 || l.statuses[status] == 0 {
		var counts []string
		for _, s := range slices.Sorted(maps.Keys(l.statuses)) {
			counts = append(counts, fmt.Sprintf("%d times %d", l.statuses[s], s))
		}
		return fmt.Errorf("answers other than %d: %s", status, strings.Join(counts, ", "))
	}
	return nil
}

// add reports the load in the figures that all loads have; what names its rate.
func (l loaded) add(s *sample, what string) {
	s.add(what, l.perSecond())
	s.add("p50_ms", milliseconds(percentile(l.latencies, 50)))
	s.add("p99_ms", milliseconds(percentile(l.latencies, 99)))
}
