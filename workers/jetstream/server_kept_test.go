package jetstream_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestTheBrokerOfTestsKeepsWhatItHasOverARestart(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	_, js := connected(t, b)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "s", []byte("kept"))
	require.NoError(t, err)

	b.restart(t)

	_, js = connected(t, b)
	stream, err := js.Stream(t.Context(), "S")
	require.NoError(t, err)
	message, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "kept", string(message.Data))
}
