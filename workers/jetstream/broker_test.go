package jetstream_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/workers/jetstream"
)

func TestABrokerInThisProcessKeepsItsDirectoryToItself(t *testing.T) {
	t.Parallel()
	at := jetstream.Address{Dir: t.TempDir(), Sync: time.Minute}
	first, err := jetstream.Connect(at, "first", zap.NewNop())
	require.NoError(t, err)
	require.Eventually(t, first.Conn().IsConnected, readyWithin, time.Millisecond)
	_, err = jetstream.Connect(at, "second", zap.NewNop())
	require.ErrorContains(t, err, "set nats.url")
	first.Close()
	again, err := jetstream.Connect(at, "again", zap.NewNop())
	require.NoError(t, err)
	again.Close()
}

func TestABrokerThatIsAwayIsNoError(t *testing.T) {
	t.Parallel()
	b, err := jetstream.Connect(jetstream.Address{URL: "nats://127.0.0.1:1"}, "test", zap.NewNop())
	require.NoError(t, err)
	require.False(t, b.Conn().IsConnected())
	b.Close()
}

func TestWhatNobodyCouldEverConnectWithIsAnError(t *testing.T) {
	t.Parallel()
	for key, at := range map[string]jetstream.Address{
		"nats.credentials": {URL: "nats://127.0.0.1:1", Credentials: "/nowhere"},
		"nats.tls.ca":      {URL: "nats://127.0.0.1:1", CA: "/nowhere"},
		"nats.tls.cert":    {URL: "nats://127.0.0.1:1", Cert: "broker_test.go", Key: "broker_test.go"},
	} {
		_, err := jetstream.Connect(at, "test", zap.NewNop())
		require.ErrorContains(t, err, key+": ")
	}
}
