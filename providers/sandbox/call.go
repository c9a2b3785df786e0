package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxBody = 256 << 10

// answer is what a system says to one call.
type answer struct {
	status int
	body   any    // JSON, unless html is set
	html   string // what some proxies answer instead
	silent bool   // it is never said
}

// problem is the body of every refusal.
type problem struct {
	Error problemError `json:"error"`
}

type problemError struct {
	Code        string `json:"code"`
	Message     string `json:"message"`
	DeclineCode string `json:"decline_code,omitempty"`
	AdviceCode  string `json:"advice_code,omitempty"`
	Total       *money `json:"total,omitempty"`
}

func refuse(status int, code, message string) answer {
	return answer{status: status, body: problem{problemError{Code: code, Message: message}}}
}

// request is one call, decoded and checked.
type request struct {
	reference string
	key       string                 // idempotency key
	slow      time.Duration          // asked for by a magic value
	apply     func(c *change) answer // the system's state machine
}

// reader decodes a call; its error is the caller's fault.
type reader func(r *http.Request, body []byte) (request, error)

// endpoint is the way of every call to one of the systems: read it, wait, let chance strike, change the books and the
// journal in one step, wait, answer.
func (s *Server) endpoint(system System, operation string, read reader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		entry := Entry{ReceivedAt: s.cfg.Now(), System: system, Operation: operation, Answer: given}
		body, err := readBody(w, r)
		if err != nil {
			s.say(w, s.record(entry, stating(refuse(http.StatusBadRequest, "invalid_request", "the body cannot be read"))))
			return
		}
		if len(body) > 0 {
			sum := sha256.Sum256(body)
			entry.BodyHash = hex.EncodeToString(sum[:])
		}
		if !s.trusts(r) {
			s.say(w, s.record(entry, stating(refuse(http.StatusUnauthorized, "unauthorized", "the API key is missing or wrong"))))
			return
		}
		req, err := read(r, body)
		entry.Reference, entry.IdempotencyKey = req.reference, req.key
		if err != nil {
			s.say(w, s.record(entry, stating(refuse(http.StatusBadRequest, "invalid_request", err.Error()))))
			return
		}
		s.answer(w, r, entry, req)
	}
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > maxBody {
		return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, entry Entry, req request) {
	if req.key != "" {
		if !s.takeOff(entry) {
			s.say(w, s.record(entry, stating(refuse(http.StatusConflict, "idempotency_key_in_use",
				"another call with this key is being answered"))))
			return
		}
		defer s.landed(entry)
	}
	fate := s.dice.draw(entry.System)
	half := (fate.latency + req.slow) / 2
	if !s.pause(context.Background(), half) { // a caller who walks away does not stop what it asked for
		panic(http.ErrAbortHandler)
	}
	entry.Fault = string(fate.strike)
	switch fate.strike {
	case strikeRefused:
		w.Header().Set("Retry-After", "1")
		s.say(w, s.record(entry, stating(refuse(http.StatusServiceUnavailable, "service_unavailable", "too busy; nothing was done"))))
		return
	case strikeHang:
		entry.Answer = withheld
		s.record(entry, stating(answer{}))
		s.neverAnswer(r)
	case strikeLate:
		entry.Answer = withheld
		s.late.add(s, fate.late, func() { s.record(entry, req.apply) })
		panic(http.ErrAbortHandler)
	case strikeLost:
		entry.Answer = withheld
		s.record(entry, req.apply)
		panic(http.ErrAbortHandler)
	case strikeNone:
	}
	said := s.record(entry, req.apply)
	if fate.twice {
		entry.Fault = "duplicate_delivery"
		s.record(entry, req.apply)
	}
	if said.silent {
		s.neverAnswer(r)
	}
	if !s.pause(r.Context(), half) {
		panic(http.ErrAbortHandler)
	}
	s.say(w, said)
}

// record changes the books and writes the journal line: for everybody else it is one step.
func (s *Server) record(entry Entry, act func(*change) answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &change{books: s.books, cfg: s.cfg, now: s.cfg.Now().UTC(), key: entry.IdempotencyKey, hash: entry.BodyHash, effect: nothing}
	said := act(c)
	for _, n := range c.notices {
		s.outbox.post(c, n, s.hook)
	}
	if entry.Answer == nothing && len(c.touched) == 0 {
		return said
	}
	entry.EffectAt, entry.Effect, entry.Status = c.now, c.effect, said.status
	if refused, ok := said.body.(problem); ok {
		entry.Code = refused.Error.Code
	}
	if said.silent {
		entry.Answer = withheld
	}
	if entry.Answer != nothing {
		s.calls++
	}
	var err error
	if s.journal.file != nil { // else nobody reads the rows
		err = c.close()
	}
	if err == nil {
		err = s.journal.append(line{Entry: entry, Puts: c.touched})
	}
	if err != nil { // the effect stands, and a restart would not know it: the caller must not rely on it
		return refuse(http.StatusInternalServerError, "internal_error", err.Error())
	}
	return said
}

// stating answers without touching anything.
func stating(said answer) func(*change) answer {
	return func(*change) answer { return said }
}

func (s *Server) say(w http.ResponseWriter, said answer) {
	if said.html != "" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(said.status)
		_, _ = io.WriteString(w, said.html) // nobody is left to tell
		return
	}
	text, encoded := said.body.(json.RawMessage)
	if !encoded {
		var err error
		if text, err = json.Marshal(said.body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(said.status)
	_, _ = w.Write(text)
}

// neverAnswer keeps the connection until the caller gives up, and then cuts it.
func (s *Server) neverAnswer(r *http.Request) {
	s.pause(r.Context(), s.cfg.HangFor)
	panic(http.ErrAbortHandler)
}

// pause waits; false: ctx or the server ended first.
func (s *Server) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return s.stop.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-s.stop.Done():
		return false
	}
}

func (s *Server) takeOff(e Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flying[e.Operation+" "+e.IdempotencyKey] {
		return false
	}
	s.flying[e.Operation+" "+e.IdempotencyKey] = true
	return true
}

func (s *Server) landed(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flying, e.Operation+" "+e.IdempotencyKey)
}

func (s *Server) trusts(r *http.Request) bool {
	return s.cfg.APIKey == "" ||
		subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+s.cfg.APIKey)) == 1
}

// decode reads one JSON value strictly: an unknown field is a caller that means something else.
func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("body: more than one JSON value")
	}
	return nil
}

func checkReference(reference string) error {
	if len(reference) < 3 || len(reference) > 20 || strings.Trim(reference, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return errors.New("reference: want 3 to 20 of A-Z and 0-9")
	}
	return nil
}
