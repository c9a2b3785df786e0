package providers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers"
)

// setup is a caller of a vendor that answers with h.
func setup(t *testing.T, cfg providers.Config, h http.HandlerFunc) *providers.Caller {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	cfg.BaseURL = server.URL + "/base"
	caller, err := providers.NewCaller(cfg, providers.Vendor{
		Name: "test vendor", Down: booking.SupplierUnavailable, Code: providers.CodeAt("error", "code"), Nothing: []string{"busy"},
	})
	require.NoError(t, err)
	return caller
}

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

type answer struct {
	Word string `json:"word"`
}

var book = providers.Request{Operation: "book", Method: "POST", Path: "/book", Body: map[string]string{"guest": "Ana"}}

func faultOf(t *testing.T, err error) *booking.Fault {
	t.Helper()
	var fault *booking.Fault
	require.ErrorAs(t, err, &fault)
	return fault
}

func TestAnAnswerIsDecodedAndItsStatusTold(t *testing.T) {
	t.Parallel()
	caller := setup(t, providers.Config{APIKey: "sk_1"}, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		ok := r.URL.Path == "/base/book" && string(body) == `{"guest":"Ana"}` && r.Header.Get("Idempotency-Key") == "k1" &&
			r.Header.Get("Authorization") == "Bearer sk_1" && r.Header.Get("X-Correlation-Id") == "b-1" &&
			r.Header.Get("X-Request-Id") != "" && r.Header.Get("Content-Type") == "application/json"
		if !ok {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		saying(202, `{"word":"hello","and":"more"}`)(w, r)
	})
	keyed := book
	keyed.Key, keyed.Correlation = "k1", "b-1"
	var got answer
	status, err := caller.Do(t.Context(), keyed, &got)
	require.NoError(t, err)
	require.Equal(t, 202, status)
	require.Equal(t, answer{Word: "hello"}, got)
}

func TestACallIsMadeOnce(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	caller := setup(t, providers.Config{}, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			saying(200, `{}`)(w, r) // and the connection is kept
			return
		}
		panic(http.ErrAbortHandler)
	})
	keyed := book
	keyed.Key = "k1" // which net/http takes for a licence to send it again
	_, err := caller.Do(t.Context(), keyed, &answer{})
	require.NoError(t, err)
	_, err = caller.Do(t.Context(), keyed, &answer{})
	require.Equal(t, booking.Unclear, faultOf(t, err).Kind)
	require.EqualValues(t, 2, calls.Load())
}

func TestTheTransportHasAnEndOfItsOwn(t *testing.T) {
	t.Parallel()
	caller := setup(t, providers.Config{Timeout: 700 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	_, err := caller.Do(context.WithoutCancel(t.Context()), book, &answer{})
	require.Equal(t, booking.Unclear, faultOf(t, err).Kind)
	asking := book
	asking.Harmless = true
	_, err = caller.Do(context.WithoutCancel(t.Context()), asking, &answer{})
	require.Equal(t, booking.NotDone, faultOf(t, err).Kind)
}

func TestOnlyWhatIsListedIsANo(t *testing.T) {
	t.Parallel()
	asked := book
	asked.Refusals = map[string]booking.Reason{"sold_out": booking.OfferSoldOut, "busy_listed": booking.OfferExpired}
	for body, want := range map[string]booking.Fault{
		`{"error":{"code":"sold_out"}}`:     {Kind: booking.Refused, Reason: booking.OfferSoldOut},
		`{"error":{"code":"busy"}}`:         {Kind: booking.NotDone, Reason: booking.SupplierUnavailable},
		`{"error":{"code":"SOLD_OUT"}}`:     {Kind: booking.Unclear, Reason: booking.OutcomeUnknown},
		`{"error":{"code":""}}`:             {Kind: booking.Unclear, Reason: booking.OutcomeUnknown},
		`{"error":{"code":7}}`:              {Kind: booking.Unclear, Reason: booking.OutcomeUnknown},
		`{"error":"sold_out"}`:              {Kind: booking.Unclear, Reason: booking.OutcomeUnknown},
		`{"code":"sold_out"}`:               {Kind: booking.Unclear, Reason: booking.OutcomeUnknown},
		`{"error":{"code":"sold_out"}} {}`:  {Kind: booking.Unclear, Reason: booking.OutcomeUnknown},
		`["sold_out"]`:                      {Kind: booking.Unclear, Reason: booking.OutcomeUnknown},
		`{"error":{"code":"sold_out Ana"}}`: {Kind: booking.Unclear, Reason: booking.OutcomeUnknown},
	} {
		for _, status := range []int{400, 409, 410, 500, 503} {
			_, err := setup(t, providers.Config{}, saying(status, body)).Do(t.Context(), asked, &answer{})
			fault := faultOf(t, err)
			require.Equal(t, want.Kind, fault.Kind, "%d %s", status, body)
			require.Equal(t, want.Reason, fault.Reason, "%d %s", status, body)
			require.Equal(t, want.Kind == booking.Refused, providers.SaidNo(err))
			require.NotContains(t, err.Error(), "Ana")
		}
	}
	require.False(t, providers.SaidNo(nil))
	require.False(t, providers.SaidNo(errors.New("sold_out")))
}

func TestAnAnswerIsReadStrictly(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"too large": saying(200, `{"word":"x"}`+strings.Repeat(" ", 1<<20)),
		"a web page's type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, `{"word":"x"}`)
		},
		"no type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, `{"word":"x"}`)
		},
		"no valid UTF-8": saying(200, "{\"word\":\"\xff\"}"),
		"two values":     saying(200, `{"word":"x"}{"word":"y"}`),
		"another type":   saying(200, `{"word":["x"]}`),
	} {
		_, err := setup(t, providers.Config{}, h).Do(t.Context(), book, &answer{})
		require.Equal(t, booking.Unclear, faultOf(t, err).Kind, name)
	}
	_, err := setup(t, providers.Config{}, saying(200, `{"word":"`+strings.Repeat("x", 1<<20-11)+`"}`)).Do(t.Context(), book, &answer{})
	require.NoError(t, err, "just as large as allowed")
}

func TestAnErrorDoesNotShowTheAddress(t *testing.T) {
	t.Parallel()
	asking := book
	asking.Path = "/book?guest=Ana"
	for _, h := range []http.HandlerFunc{
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "://Ana"); w.WriteHeader(302) },
	} {
		_, err := setup(t, providers.Config{}, h).Do(t.Context(), asking, &answer{})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "Ana")
	}
}

func TestAnErrorSaysWhyThereWasNoAnswer(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	_, err := setup(t, providers.Config{Timeout: 300 * time.Millisecond}, hang).Do(t.Context(), book, &answer{})
	require.ErrorContains(t, err, "no answer in time")
	_, err = setup(t, providers.Config{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }).Do(t.Context(), book, &answer{})
	require.ErrorContains(t, err, "the connection broke")
	errDeadline := errors.New("the step's deadline")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errDeadline)
	defer cancel()
	_, err = setup(t, providers.Config{}, hang).Do(ctx, book, &answer{})
	require.ErrorIs(t, err, errDeadline)
	caller, err := providers.NewCaller(providers.Config{BaseURL: "http://127.0.0.1:1"}, providers.Vendor{Down: booking.SupplierUnavailable})
	require.NoError(t, err)
	_, err = caller.Do(t.Context(), book, &answer{})
	require.ErrorContains(t, err, "connection refused")
	secure := httptest.NewTLSServer(saying(200, `{}`)) // whose certificate nobody vouches for
	defer secure.Close()
	caller, err = providers.NewCaller(providers.Config{BaseURL: secure.URL}, providers.Vendor{Down: booking.SupplierUnavailable})
	require.NoError(t, err)
	_, err = caller.Do(t.Context(), book, &answer{})
	require.ErrorContains(t, err, "certificate")
	require.Equal(t, booking.NotDone, faultOf(t, err).Kind)
}

func TestAVendorMayAskToBeLeftAlone(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "30": 30 * time.Second, "-5": 0, "86400": time.Hour, "soon": 0, "Mon, 02 Jan 2006 15:04:05 GMT": 0,
	} {
		caller := setup(t, providers.Config{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", value)
			saying(503, `{"error":{"code":"busy"}}`)(w, r)
		})
		_, err := caller.Do(t.Context(), book, &answer{})
		require.Equal(t, want, faultOf(t, err).After, value)
	}
	caller := setup(t, providers.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))
		saying(429, `{"error":{"code":"busy"}}`)(w, r)
	})
	_, err := caller.Do(t.Context(), book, &answer{})
	require.Equal(t, time.Hour, faultOf(t, err).After, "a date far ahead")
}

func TestEveryCallIsObservedOnce(t *testing.T) {
	t.Parallel()
	var seen []booking.Call
	cfg := providers.Config{Observe: func(c booking.Call) { seen = append(seen, c) }}
	var collected booking.Calls
	ctx := booking.WithCalls(t.Context(), &collected)
	keyed := book
	keyed.Key = "key-1"
	_, err := setup(t, cfg, saying(201, `{"word":"x"}`)).Do(ctx, keyed, &answer{})
	require.NoError(t, err)
	_, err = setup(t, cfg, saying(410, `{"error":{"code":"gone_for_good"}}`)).Do(ctx, book, &answer{})
	require.Error(t, err)
	_, err = setup(t, cfg, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }).Do(ctx, book, &answer{})
	require.Error(t, err)
	require.Len(t, seen, 3)
	require.Equal(t, seen, collected.Made(), "the turn keeps the same")
	for i, want := range []booking.Call{
		{Status: 201, Key: "key-1"}, {Status: 410, Code: "gone_for_good", Fault: booking.Unclear}, {Fault: booking.Unclear},
	} {
		require.NotEmpty(t, seen[i].RequestID)
		require.Positive(t, seen[i].Took)
		want.Vendor, want.Operation, want.RequestID, want.Took = "test vendor", "book", seen[i].RequestID, seen[i].Took
		require.Equal(t, want, seen[i])
	}
}

func TestWhatIsToldOfACallHoldsNothingOfItsBodies(t *testing.T) {
	t.Parallel()
	var told booking.Calls
	ctx := booking.WithCalls(t.Context(), &told)
	_, err := setup(t, providers.Config{}, saying(422, `{"error":{"code":"Ana Núñez, 4242 4242 4242 4242"},"guest":"Ana"}`)).Do(ctx, book, &answer{})
	require.Error(t, err)
	_, err = setup(t, providers.Config{}, saying(200, `{"word":"Ana"}`)).Do(ctx, book, &answer{})
	require.NoError(t, err)
	require.Len(t, told.Made(), 2)
	require.NotContains(t, fmt.Sprint(told.Made()), "Ana")
	require.NotContains(t, fmt.Sprint(told.Made()), "4242")
}

func TestARefusalCanSayMoreThanItsCode(t *testing.T) {
	t.Parallel()
	asked := book
	asked.Refusals = map[string]booking.Reason{"declined": booking.PaymentDeclined}
	_, err := setup(t, providers.Config{}, saying(402, `{"error":{"code":"declined"},"word":"because"}`)).Do(t.Context(), asked, &answer{})
	var said *providers.Answered
	require.ErrorAs(t, err, &said)
	var more answer
	require.NoError(t, said.Decode(&more))
	require.Equal(t, "because", more.Word)
	require.NotContains(t, err.Error(), "because")
}

func TestAWrongConfigStopsTheStart(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "localhost:8080", "ftp://vendor", "http://user:secret@vendor", "http://", "://"} {
		_, err := providers.NewCaller(providers.Config{BaseURL: base}, providers.Vendor{Name: "v"})
		require.Error(t, err, base)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := providers.NewCaller(providers.Config{BaseURL: "http://vendor", Timeout: -1}, providers.Vendor{})
	require.Error(t, err)
}

func TestABodyThatCannotBeEncodedIsNeverSent(t *testing.T) {
	t.Parallel()
	caller := setup(t, providers.Config{}, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	broken := book
	broken.Body = map[string]any{"Ana": make(chan int)}
	_, err := caller.Do(t.Context(), broken, &answer{})
	require.Equal(t, booking.NotDone, faultOf(t, err).Kind)
	require.NotContains(t, err.Error(), "Ana")
}
