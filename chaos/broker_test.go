package chaos_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/natsd"
)

const (
	stream      = "look" // nats.stream, by default
	brokerAsked = 2 * time.Second
	brokerHeeds = 30 * time.Second
)

// purge throws away all hints, and erase the stream with its consumers: whoever runs a broker may do either. They return once
// it is done, which takes a while where the broker has just lost its leader.
func purge(t *testing.T, broker *natsd.Cluster) { instruct(t, broker, "$JS.API.STREAM.PURGE."+stream) }
func erase(t *testing.T, broker *natsd.Cluster) { instruct(t, broker, "$JS.API.STREAM.DELETE."+stream) }

// instruct sends one instruction to any node until it was followed.
func instruct(t *testing.T, broker *natsd.Cluster, subject string) {
	t.Helper()
	var said string
	var err error
	require.Eventually(t, func() bool {
		for _, node := range broker.Nodes() {
			if said, err = ask(t.Context(), node.URL(), subject); err == nil && strings.Contains(said, `"success":true`) {
				return true
			}
		}
		return false
	}, brokerHeeds, 100*time.Millisecond, "%s: %s %v", subject, said, err)
}

// ask makes one request in the broker's own protocol, whose client library is the product's.
func ask(ctx context.Context, url, subject string) (answer string, err error) {
	conn, err := (&net.Dialer{Timeout: brokerAsked}).DialContext(ctx, "tcp", strings.TrimPrefix(url, "nats://"))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(brokerAsked)); err != nil {
		return "", err
	}
	const inbox = "_INBOX.chaos"
	_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false}\r\nSUB %s 1\r\nPUB %s %s 0\r\n\r\n", inbox, subject, inbox)
	for lines := bufio.NewReader(conn); err == nil; {
		var line string
		if line, err = lines.ReadString('\n'); strings.HasPrefix(line, "MSG ") {
			size := 0
			if _, err = fmt.Sscan(line[strings.LastIndexByte(strings.TrimSpace(line), ' '):], &size); err != nil {
				break
			}
			body := make([]byte, size)
			_, err = io.ReadFull(lines, body)
			return string(body), err
		}
	}
	return "", err
}
