package bench

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"github.com/valyala/fasthttp"
)

const bookingsPath = "/v1/bookings"

// submissions makes bookings to submit, as frontends send them: each with an Idempotency-Key and a reference of its own.
type submissions struct {
	key         string // of the API
	prefix      string // of references and Idempotency-Keys: no two loads share one
	head, tail  []byte // of the body, around the reference
	contentType string
}

// newSubmissions makes submissions whose offer token says how the sandbox answers: sim_ok and others.
func newSubmissions(apiKey, offer string) *submissions {
	arrival := time.Now().UTC().AddDate(0, 3, 0)
	head := `{"client_reference":"`
	tail := fmt.Sprintf(`","offer":{"supplier":"sandbox","token":%q,"total":{"amount":"346.00","currency":"EUR"},"price_tolerance_percent":0},`+
		`"stay":{"hotel_id":"h-1","hotel_name":"Hotel Sol","hotel_timezone":"Europe/Madrid","check_in":%q,"check_out":%q,"rooms":[{"adults":2,`+
		`"child_ages":[],"guests":[{"given_name":"Ana","family_name":"Núñez","lead":true}],"special_requests":""}]},"contact":{"given_name":"Ana",`+
		`"family_name":"Núñez","email":"ana@example.com","phone":"+34600000000","country":"ES","language":"es"},"payment":{"token":"pm_card_visa"},`+
		`"attribution":{"click_id":"abc"}}`, offer, arrival.Format(time.DateOnly), arrival.AddDate(0, 0, 3).Format(time.DateOnly))
	return &submissions{
		key: apiKey, prefix: "web-" + strings.ToLower(rand.Text()[:10]) + "-", head: []byte(head), tail: []byte(tail), contentType: "application/json",
	}
}

// prepare makes the i-th submission, for a closed loop.
func (s *submissions) prepare(i int, req *fasthttp.Request) {
	req.Header.SetMethod(http.MethodPost)
	req.Header.SetRequestURI(bookingsPath)
	req.Header.SetContentType(s.contentType)
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("Idempotency-Key", s.reference(i))
	req.SetBodyRaw(s.body(i))
}

// target makes the i-th submission, for an open loop at base.
func (s *submissions) target(base string, i int, t *vegeta.Target) {
	t.Method, t.URL, t.Body = http.MethodPost, base+bookingsPath, s.body(i)
	t.Header = http.Header{"Content-Type": {s.contentType}, "Authorization": {"Bearer " + s.key}, "Idempotency-Key": {s.reference(i)}}
}

func (s *submissions) body(i int) []byte {
	reference := s.reference(i)
	body := make([]byte, 0, len(s.head)+len(reference)+len(s.tail))
	return append(append(append(body, s.head...), reference...), s.tail...)
}

// reference is the client_reference of the i-th submission, and its Idempotency-Key.
func (s *submissions) reference(i int) string { return s.prefix + strconv.Itoa(i) }

// accepted is what a 202 says of the booking that it promises.
type accepted struct {
	id     string
	etag   string
	secret string // lets whoever has it follow this booking
}

var errNoBooking = errors.New("the 202 names no booking")

// parseAccepted reads a 202 from its headers and body. It looks for what it needs and leaves the rest of the JSON alone.
func parseAccepted(location, etag string, body []byte) (accepted, error) {
	id, ok := strings.CutPrefix(location, bookingsPath+"/")
	_, after, found := bytes.Cut(body, []byte(`"client_secret":"`))
	secret, _, ended := bytes.Cut(after, []byte(`"`))
	if !ok || id == "" || etag == "" || !found || !ended || len(secret) == 0 {
		return accepted{}, errNoBooking
	}
	return accepted{id: id, etag: etag, secret: string(secret)}, nil
}

func acceptedFrom(res *fasthttp.Response) (accepted, error) {
	return parseAccepted(string(res.Header.Peek("Location")), string(res.Header.Peek("Etag")), res.Body())
}

func acceptedOf(r *vegeta.Result) (accepted, error) {
	return parseAccepted(r.Headers.Get("Location"), r.Headers.Get("Etag"), r.Body)
}

// collected keeps the bookings that a load submitted.
type collected struct {
	mu  sync.Mutex
	all []accepted
	err error // the first 202 that could not be read
}

// answered fits closedLoop.answered.
func (c *collected) answered(_ int, res *fasthttp.Response) {
	if res.StatusCode() != http.StatusAccepted {
		return // the load counts it
	}
	a, err := acceptedFrom(res)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, a)
	c.err = cmp.Or(c.err, err)
}

// follow makes a poll of a booking, for a closed loop; with etag "" it wants the whole booking.
func follow(req *fasthttp.Request, key, id, etag string) {
	req.Header.SetMethod(http.MethodGet)
	req.Header.SetRequestURI(bookingsPath + "/" + id)
	req.Header.Set("Authorization", "Bearer "+key)
	if etag == "" {
		req.Header.Del("If-None-Match")
	} else {
		req.Header.Set("If-None-Match", etag)
	}
}
