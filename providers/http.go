package providers

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
	"unicode/utf8"

	"hotelbooking/booking"
)

// Config is where a vendor is and how it is called.
type Config struct {
	BaseURL string        // absolute; the paths of calls are added to it
	APIKey  string        // sent as a bearer token; empty: none
	Timeout time.Duration // of one call, from dialling to the last byte; 0: 30 seconds
	// Observe is told of every call when it is over, for metrics; nil: nobody is. The turn that made it is told besides.
	Observe func(call booking.Call)

	// Transport carries the calls; nil: the network. One that redirects or repeats by itself breaks promises.
	Transport http.RoundTripper
}

// Vendor is what differs between vendors when something goes wrong.
type Vendor struct {
	Name    string                   // in errors and for observers: "sandbox hotel"
	Down    booking.Reason           // the reason of a fault that says nothing more exact
	Code    func(body []byte) string // the machine's word in the body of an error answer; "" where there is none
	Nothing []string                 // codes that say: nothing happened, come later
}

// Request is one call.
type Request struct {
	Operation   string // for errors and observers: "hold"
	Method      string
	Path        string // with the query
	Body        any    // encoded as JSON; nil: none
	Key         string // idempotency key; empty: none
	Correlation string // the booking's id, so that the vendor's support can find its calls

	// Harmless: it changes nothing over there, or nothing that matters, so that whatever became of it, it can be made again.
	Harmless bool
	// Refusals are the codes that say no for good. A code that is not listed is not understood, and so it is Unclear.
	Refusals map[string]booking.Reason
}

// Caller makes calls to one vendor.
type Caller struct {
	vendor  Vendor
	base    string
	headers http.Header // of every call; nobody alters them
	timeout time.Duration
	observe func(booking.Call)
	// An http.Client in front of it would follow redirects, which would send a guest's data, or a payment, to a place that nobody
	// configured; and its time-out costs a goroutine a call.
	transport http.RoundTripper
}

const (
	maxAnswer      = 1 << 20
	defaultTimeout = 30 * time.Second
	maxIdle        = 1 << 14 // connections kept for the next calls: all, for no pool has more slots
)

// NewCaller checks cfg. Nothing is dialled yet.
func NewCaller(cfg Config, vendor Vendor) (*Caller, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.User != nil {
		return nil, fmt.Errorf("%s: the base URL is not an absolute http or https address without user", vendor.Name)
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("%s: the timeout %s is negative", vendor.Name, cfg.Timeout)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Observe == nil {
		cfg.Observe = func(booking.Call) {}
	}
	if cfg.Transport == nil {
		cfg.Transport = network(cfg.Timeout)
	}
	headers := http.Header{"Accept": {"application/json"}, "User-Agent": {"hotelbooking"}}
	if cfg.APIKey != "" {
		headers.Set("Authorization", "Bearer "+cfg.APIKey)
	}
	return &Caller{
		vendor: vendor, base: base.String(), headers: headers, timeout: cfg.Timeout, observe: cfg.Observe,
		transport: cfg.Transport,
	}, nil
}

// network is the way over sockets.
func network(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: min(5*time.Second, timeout), KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialer.Timeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        0,
		MaxIdleConnsPerHost: maxIdle,
		IdleConnTimeout:     20 * time.Second, // below what servers keep, so that we seldom write into a closing one
	}
}

// Do makes the call once and decodes the answer. Its error is a *booking.Fault; where the vendor answered, it wraps an
// *Answered. status is of a success: 200 and 202 are different things to some vendors.
func (c *Caller) Do(ctx context.Context, r Request, into any) (status int, err error) {
	call := booking.Call{Vendor: c.vendor.Name, Operation: r.Operation, RequestID: rand.Text(), Key: r.Key}
	began := time.Now()
	ctx, span := c.startSpan(ctx, r)
	answered, fault := c.do(ctx, r, call.RequestID, into)
	call.Took = time.Since(began)
	if answered != nil {
		call.Status, call.Code = answered.Status, answered.Code
	}
	if fault != nil {
		call.Fault = fault.Kind
	}
	endSpan(span, call)
	c.observe(call)
	booking.Called(ctx, call)
	if fault != nil {
		return 0, fault
	}
	return answered.Status, nil
}

// Unclear is the fault of an answer that cannot be believed: it says something else than was asked.
func (c *Caller) Unclear(operation, what string) *booking.Fault {
	return &booking.Fault{
		Kind: booking.Unclear, Reason: booking.OutcomeUnknown,
		Err: fmt.Errorf("%s: %s: %s", c.vendor.Name, operation, what),
	}
}

// CodeAt is a Vendor.Code that finds the word under these names: CodeAt("error", "code") for {"error":{"code":"sold_out"}}.
func CodeAt(names ...string) func(body []byte) string {
	return func(body []byte) string {
		var value any
		if decodeOne(body, &value) != nil {
			return ""
		}
		for _, name := range names {
			fields, _ := value.(map[string]any)
			value = fields[name]
		}
		code, _ := value.(string)
		return code
	}
}

// SaidNo tells whether err is a vendor's own final no: to a question, that can be the answer.
func SaidNo(err error) bool {
	var fault *booking.Fault
	return errors.As(err, &fault) && fault.Kind == booking.Refused
}

func (c *Caller) do(ctx context.Context, r Request, id string, into any) (*Answered, *booking.Fault) {
	connected := false
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }}
	calling, cancel := context.WithTimeout(ctx, c.timeout) // ctx itself says whether the time that ran out was the caller's
	defer cancel()
	req, err := c.request(httptrace.WithClientTrace(calling, trace), r, id)
	if err != nil {
		return nil, c.fault(r, booking.NotDone, err)
	}
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, c.fault(r, unanswered(r, connected), plainly(ctx, err))
	}
	defer func() { _ = res.Body.Close() }() // what it says was read, or is not believed
	body, err := readAnswer(res)
	answered := &Answered{Operation: r.Operation, Status: res.StatusCode}
	switch {
	case err != nil:
		return answered, c.fault(r, unanswered(r, true), fmt.Errorf("the answer broke off: %w", plainly(ctx, err)))
	case len(body) > maxAnswer:
		return answered, c.fault(r, unanswered(r, true), errors.New("the answer is too large"))
	}
	understood := isJSON(res.Header, body)
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		if !understood || decodeOne(body, into) != nil { // not what was wrong with it: that would quote it
			return answered, c.fault(r, unanswered(r, true), fmt.Errorf("answered %d with something that we cannot read", res.StatusCode))
		}
		return answered, nil
	}
	if understood {
		answered.Code, answered.body = plainCode(c.vendor.Code(body)), body
	}
	kind, reason := answered.classify(r, c.vendor)
	fault := c.fault(r, kind, answered)
	if reason != "" {
		fault.Reason = reason
	}
	if kind != booking.Refused {
		fault.After = retryAfter(res.Header, time.Now())
	}
	return answered, fault
}

func (c *Caller) request(ctx context.Context, r Request, id string) (*http.Request, error) {
	var body io.Reader
	if r.Body != nil {
		text, err := json.Marshal(r.Body)
		if err != nil {
			return nil, errors.New("the request cannot be encoded") // and not err: it may quote the guest
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, c.base+r.Path, body)
	if err != nil {
		return nil, errors.New("the request cannot be built")
	}
	req.Header = make(http.Header, len(c.headers)+4)
	maps.Copy(req.Header, c.headers)
	req.Header["X-Request-Id"] = []string{id}
	carry(ctx, req.Header)
	if r.Correlation != "" {
		req.Header["X-Correlation-Id"] = []string{r.Correlation}
	}
	if r.Body != nil {
		req.Header["Content-Type"] = c.headers["Accept"]
	}
	if r.Key != "" {
		// Not in canonical form, on purpose: what carries that, net/http sends again by itself when a connection breaks.
		req.Header["idempotency-key"] = []string{r.Key}
	}
	return req, nil
}

// fault wraps err, which must hold nothing of what was sent or received.
func (c *Caller) fault(r Request, kind booking.FaultKind, err error) *booking.Fault {
	reason := c.vendor.Down
	if kind == booking.Unclear {
		reason = booking.OutcomeUnknown
	}
	return &booking.Fault{Kind: kind, Reason: reason, Err: fmt.Errorf("%s: %s: %w", c.vendor.Name, r.Operation, err)}
}

// plainly says why there was no answer, in words that hold nothing of the request or of the answer: net/http puts the
// address before its errors, and quotes headers in some.
func plainly(ctx context.Context, err error) error {
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	var slow net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &network):
		return network
	case errors.As(err, &certificate):
		return errors.New("its certificate is not valid")
	case errors.As(err, &slow) && slow.Timeout():
		return errors.New("no answer in time")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection broke")
	default:
		return errors.New("no answer that we can read")
	}
}

// readAnswer reads the whole answer, or of one that is too large one byte too many.
func readAnswer(res *http.Response) ([]byte, error) {
	if res.ContentLength < 0 || res.ContentLength > maxAnswer {
		return io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	}
	body := make([]byte, res.ContentLength)
	_, err := io.ReadFull(res.Body, body)
	return body, err
}

func isJSON(h http.Header, body []byte) bool {
	kind := h.Get("Content-Type")
	if kind != "application/json" { // what most of them say
		var err error
		if kind, _, err = mime.ParseMediaType(kind); err != nil {
			return false
		}
	}
	return (kind == "application/json" || kind == "application/problem+json") && utf8.Valid(body)
}

// decodeOne reads exactly one JSON value. Fields that we do not know are let pass: vendors add some.
func decodeOne(body []byte, into any) error {
	return json.Unmarshal(body, into)
}
