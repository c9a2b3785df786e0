package chaos_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/natsd"
)

const (
	inProcess = "inprocess"
	jetStream = "jetstream"
)

// engineOfCases is the engine of all cases that are not about one of them: each passes on both.
func engineOfCases() string { return cmp.Or(os.Getenv("TEST_ENGINE"), inProcess) }

// engine is what lets the instances of a case run that engine, where environ does not say another.
func engine(t *testing.T, on storage, environ []string) []string {
	t.Helper()
	switch chosen := slices.ContainsFunc(environ, func(s string) bool { return strings.HasPrefix(s, "BOOKING_ENGINE=") }); {
	case chosen || engineOfCases() == inProcess:
		return nil
	case on.driver == "sqlite": // one instance, with a broker of its own inside
		return []string{"BOOKING_ENGINE=" + engineOfCases()}
	}
	return over(newBroker(t, 1))
}

// newBroker is NATS JetStream of the case's own: nodes that can be killed, paused and started again.
func newBroker(t *testing.T, nodes int) *natsd.Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // with a build of the server
	defer cancel()
	broker, err := natsd.Start(ctx, natsd.Options{Nodes: nodes})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Stop()) })
	return broker
}

// over lets instances tell one another what to look at over a broker.
func over(broker *natsd.Cluster) []string {
	return []string{
		"BOOKING_ENGINE=" + jetStream, "BOOKING_NATS__URL=" + strings.Join(broker.URLs(), ","),
		fmt.Sprintf("BOOKING_NATS__REPLICAS=%d", len(broker.Nodes())),
	}
}
