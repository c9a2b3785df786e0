package sim_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"time"
)

// wire carries an instance's calls to the outside, in place of the network. The sandbox loses, delays and doubles calls by
// itself; here instances die before a call goes out and before its answer comes in.
type wire struct{ i *instance }

func (v wire) RoundTrip(r *http.Request) (*http.Response, error) {
	i, w := v.i, v.i.world
	if i.gone() {
		return nil, errDead
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	what := strings.TrimPrefix(r.URL.Path, "/")
	luck := w.luck.of(i.name, what, string(body))
	strike := w.hazard.outside(i, luck, what, body)
	switch strike {
	case strikeDieBefore:
		i.dieOf("before "+what, body)
		return nil, errDead
	case strikeRefuse:
		return nil, errRefused
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	linger(luck.between(50*time.Microsecond, 2*time.Millisecond))
	if i.awake(what, string(body)) { // the bytes were on their way when it was paused, and arrive now
		w.count("calls after a pause")
	}
	if i.gone() {
		return nil, errDead
	}
	calling, hangUp := context.WithCancel(background)
	defer hangUp()
	answered := make(chan *http.Response, 1)
	w.actors.Go(func() {
		inside := r.Clone(calling)
		inside.Body, inside.ContentLength, inside.RequestURI = io.NopCloser(bytes.NewReader(body)), int64(len(body)), r.URL.RequestURI()
		for name, values := range r.Header { // as a server reads them
			inside.Header[http.CanonicalHeaderKey(name)] = values
		}
		answered <- w.outside(inside) //nolint:bodyclose // it was recorded: there is nothing to close
	})
	var response *http.Response
	select {
	case response = <-answered:
	case <-r.Context().Done():
		linger(luck.about(0)) // those who began at one instant do not give up at one instant
		w.trace.add(w.since(), i.name, "%s: given up", what)
		return nil, context.Cause(r.Context())
	case <-i.dead:
		return nil, errDead
	}
	i.awake(what, string(body))
	switch {
	case strike == strikeDieAfter:
		i.dieOf("after "+what, body)
		return nil, errDead
	case i.gone():
		return nil, errDead
	case response == nil || strike == strikeLose:
		w.trace.add(w.since(), i.name, "%s: no answer", what)
		w.count("lost answers")
		return nil, io.ErrUnexpectedEOF
	}
	w.trace.add(w.since(), i.name, "%s: %d", what, response.StatusCode)
	return response, nil
}

// dieOf is to die at a call; a poisonous booking's deaths are counted.
func (i *instance) dieOf(why string, body []byte) {
	if bytes.Contains(body, []byte(poisonMark)) && !i.gone() {
		i.world.killed(body)
	}
	i.die(why)
}

// outside is the sandbox's answer; nil: it broke the connection.
func (w *world) outside(r *http.Request) (response *http.Response) {
	recorder := httptest.NewRecorder()
	defer func() {
		if r := recover(); r != nil && r != http.ErrAbortHandler { //nolint:errorlint // as net/http does
			panic(r)
		}
	}()
	w.sandbox.ServeHTTP(recorder, r)
	return recorder.Result()
}
