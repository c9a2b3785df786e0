package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// rawPatience is how long a connection of ours may stay without an answer before the test fails.
const rawPatience = time.Minute

// dial opens a connection on which anything can be said.
func (g *guard) dial(base string) net.Conn {
	g.Helper()
	connection, err := (&net.Dialer{Timeout: rawPatience}).DialContext(g.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	require.NoError(g.T, err)
	g.Cleanup(func() { _ = connection.Close() })
	require.NoError(g.T, connection.SetDeadline(time.Now().Add(rawPatience)))
	return connection
}

// raw says these bytes and reads the answer. What the service does not want to read it need not: it may hang up after answering.
func (g *guard) raw(base, text string) answer {
	g.Helper()
	connection := g.dial(base)
	go func() { _, _ = io.WriteString(connection, text) }() // ends with the connection
	return g.hear(connection)
}

func (g *guard) hear(connection net.Conn) answer {
	g.Helper()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(g.T, err)
	body, _ := io.ReadAll(response.Body) // to where the connection breaks
	_ = response.Body.Close()
	_ = connection.Close()
	return answer{T: g.T, status: response.StatusCode, header: response.Header, body: body}
}

// post is the head of a submission; lines are more headers.
func post(path, key string, lines ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: booking\r\nAuthorization: Bearer %s\r\nIdempotency-Key: raw-%d\r\n%s\r\n\r\n",
		path, key, time.Now().UnixNano(), strings.Join(lines, "\r\n"))
}
