package bench

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEverySystemOfTheSandboxTakesAsLong(t *testing.T) {
	t.Parallel()
	var got map[string]struct {
		Latency struct {
			P50 int `json:"p50_ms"`
			P99 int `json:"p99_ms"`
		} `json:"latency"`
	}
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || r.URL.Path != "/_faults" || json.NewDecoder(r.Body).Decode(&got) != nil {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	at := &site{sandbox: &process{sandbox: server.URL}}
	require.NoError(t, at.everySystem(t.Context(), 200*time.Millisecond))
	require.Len(t, got, 4)
	for _, system := range got {
		require.Equal(t, 200, system.Latency.P50)
		require.Equal(t, 200, system.Latency.P99)
	}
	status = http.StatusUnprocessableEntity
	require.ErrorContains(t, at.everySystem(t.Context(), 0), "422")
}
