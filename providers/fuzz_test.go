package providers

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// Whatever comes back over the wire, HTTP or not: a call succeeded only if the answer is a success that can be read; a final
// no is only what is listed; a call that acts, and was sent, has certainly not happened only where the vendor says so; and no
// error quotes the answer.
func FuzzWire(f *testing.F) {
	const head, kind = "HTTP/1.1 200 OK\r\n", "Content-Type: application/json\r\n"
	for _, raw := range []string{
		head + kind + "Content-Length: 2\r\n\r\n{}",
		head + kind + "Content-Length: 20\r\n\r\n{}",
		head + kind + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		head + kind + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		head + kind + "Content-Length: -1\r\n\r\n{}", head + kind + "Content-Length: 99999999999\r\n\r\n{}",
		"HTTP/1.1 100 Continue\r\n\r\n" + head + kind + "\r\n{}", "HTTP/1.1 103 Early Hints\r\n\r\n",
		"HTTP/1.1 409 no\r\n" + kind + "\r\n" + `{"error":{"code":"sold_out"}}`,
		"HTTP/1.1 503 no\r\nRetry-After: 99999999999\r\n" + kind + "\r\n" + `{"error":{"code":"busy"}}`,
		"HTTP/1.1 401 no\r\nWWW-Authenticate: " + quoted + "\r\n\r\n", "HTTP/1.1 302 go\r\nLocation: http://169.254.169.254/" + quoted + "\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "HTTP/1.0 200\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
		"SSH-2.0-OpenSSH_9\r\n", "", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + kind + "\r\n\x1f\x8b",
		head + "X: " + quoted + "\r\n" + quoted + "\r\n\r\n", head + kind + "\r\n" + `{"a":"` + quoted + `"} {}`,
	} {
		f.Add([]byte(raw), false)
		f.Add([]byte(raw), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, harmless bool) {
		vendor := Vendor{Name: "vendor", Down: booking.SupplierUnavailable, Code: CodeAt("error", "code"), Nothing: []string{"busy"}}
		caller, err := NewCaller(Config{BaseURL: "http://vendor.example", Timeout: 10 * time.Second}, vendor)
		require.NoError(t, err)
		transport, ok := caller.transport.(*http.Transport)
		require.True(t, ok)
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return answering(raw), nil }
		defer transport.CloseIdleConnections()

		var into map[string]any
		status, err := caller.Do(t.Context(), Request{
			Operation: "hold", Method: http.MethodPost, Path: "/holds", Body: map[string]string{"a": "b"}, Key: "k", Harmless: harmless,
			Refusals: map[string]booking.Reason{"sold_out": booking.OfferSoldOut},
		}, &into)
		final, body := answerIn(raw) //nolint:bodyclose // it is closed there
		if err == nil {
			require.NotNil(t, final)
			require.Equal(t, final.StatusCode, status)
			require.True(t, status >= 200 && status < 300)
			require.True(t, isJSON(final.Header, body))
			return
		}
		var fault *booking.Fault
		require.ErrorAs(t, err, &fault)
		require.NotEmpty(t, fault.Reason)
		require.NotContains(t, err.Error(), quoted)
		require.GreaterOrEqual(t, longestAfter, fault.After)
		require.GreaterOrEqual(t, fault.After, time.Duration(0))
		switch {
		case fault.Kind == booking.Refused:
			require.Contains(t, string(body), "sold_out")
			require.GreaterOrEqual(t, final.StatusCode, 300)
		case harmless:
			require.Equal(t, booking.NotDone, fault.Kind)
		case fault.Kind == booking.NotDone:
			require.NotNil(t, final, "it was sent, and nobody said that it did not happen")
			if final.StatusCode != http.StatusUnauthorized && final.StatusCode != http.StatusForbidden {
				require.Contains(t, string(body), "busy")
			}
		default:
			require.Equal(t, booking.Unclear, fault.Kind)
		}
	})
}

// quoted is in answers, and in no error. It has a form that no code has.
const quoted = "CANARY of the answer"

// answering is a connection whose other side takes the request, says raw, and hangs up.
func answering(raw []byte) net.Conn {
	ours, theirs := net.Pipe()
	go func() {
		defer func() { _ = theirs.Close() }()
		request, err := http.ReadRequest(bufio.NewReader(theirs))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		_, _ = theirs.Write(raw)
	}()
	return ours
}

// answerIn is the answer that is in raw, after those that announce it; nil where there is none.
func answerIn(raw []byte) (*http.Response, []byte) {
	reader := bufio.NewReader(bytes.NewReader(raw))
	for {
		answer, err := http.ReadResponse(reader, &http.Request{Method: http.MethodPost})
		if err != nil {
			return nil, nil
		}
		if answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols {
			body, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			return answer, body
		}
	}
}
