package webhooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"hotelbooking/booking"
)

// answerMost is how much of an answer is read, so that the connection can be used again. None of it is kept or shown: who owns
// the endpoint must not read our network through us.
const answerMost = 64 << 10

// answer is what a try came to.
type answer struct {
	taken      bool
	gone       bool // the endpoint wants nothing any more
	status     int
	fault      string // a code; empty where it was taken
	retryAfter time.Duration
	took       time.Duration
}

// post sends a delivery once.
func (e *endpoint) post(ctx context.Context, d booking.Delivery, timeout time.Duration, now func() time.Time) answer {
	begun := now()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	a := e.exchange(ctx, d, begun)
	a.took = now().Sub(begun)
	return a
}

func (e *endpoint) exchange(ctx context.Context, d booking.Delivery, at time.Time) answer {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader([]byte(d.Body)))
	if err != nil {
		return answer{fault: "bad_address"}
	}
	signature, err := e.signer.sign(d.Event, at, d.Body)
	if err != nil {
		return answer{fault: "not_signed"}
	}
	request.Header = http.Header{
		"Content-Type": {booking.CloudEventType}, "User-Agent": {"hotelbooking"},
		"Webhook-Id": {d.Event}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {signature},
	}
	response, err := e.transport.RoundTrip(request)
	if err != nil {
		return answer{fault: plainly(ctx, err)}
	}
	defer func() { _ = response.Body.Close() }()           // what it says is not believed
	_, _ = io.CopyN(io.Discard, response.Body, answerMost) // nor kept: see answerMost
	return judge(response.StatusCode, response.Header, at)
}

// judge reads an answer's head. Only 2xx is a receipt; a redirect is none, and is not followed.
func judge(status int, header http.Header, now time.Time) answer {
	a := answer{status: status, taken: status >= 200 && status < 300, gone: status == http.StatusGone}
	switch {
	case a.taken:
	case status >= 300 && status < 400:
		a.fault = "redirect"
	default:
		a.fault = fmt.Sprintf("http_%d", status)
		a.retryAfter = retryAfter(header.Get("Retry-After"), now)
	}
	return a
}

// retryAfter is how long an endpoint asks to be left alone, in seconds or until a moment; 0: it does not say.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second //nolint:gosec // 31 bits
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// plainly says in a word why there was no answer. The errors themselves quote addresses, and headers.
func plainly(ctx context.Context, err error) string {
	var network *net.OpError
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var slow net.Error
	switch {
	case errors.Is(context.Cause(ctx), errStopped):
		return cutOff
	case errors.Is(err, errNotPublic):
		return "address_not_public"
	case errors.As(err, &name):
		return "name_not_found"
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert):
		return "tls"
	case ctx.Err() != nil, errors.As(err, &slow) && slow.Timeout():
		return "timeout"
	case errors.As(err, &network) && network.Op == "dial":
		return "not_reachable"
	default:
		return "connection_broke"
	}
}

// cutOff is the fault of what we ourselves did not wait for.
const cutOff = "cut_off"
