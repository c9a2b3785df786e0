package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWhatANewUserIsToldToTryWorks runs the commands that `serve` prints, as they are printed.
func TestWhatANewUserIsToldToTryWorks(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl to try it with")
	}
	p := run(t, []string{"serve"}, "BOOKING_HTTP__ADDR=127.0.0.1:0", "BOOKING_ADMIN__ADDR=127.0.0.1:0", "BOOKING_SANDBOX__ADDR=127.0.0.1:0")
	var commands []string
	for len(commands) < 2 {
		line, err := p.stdout.ReadString('\n')
		require.NoError(t, err)
		if strings.HasPrefix(line, "curl ") {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	shell := func(command string) bookingView {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir = p.cmd.Dir // data_dir is ./data there
		output, err := cmd.Output()
		require.NoError(t, err, command)
		var b bookingView
		require.NoError(t, json.Unmarshal(output, &b), "%s", output)
		return b
	}
	b := shell(commands[0])
	require.NotEmpty(t, b.ClientSecret)
	for deadline := time.Now().Add(time.Minute); !b.Terminal && time.Now().Before(deadline); {
		b = shell(strings.Replace(commands[1], "ID", b.ID, 1))
	}
	require.Equal(t, "confirmed", b.Status)
	require.NotEmpty(t, b.Confirmation.SupplierReference)
}

func TestKeysAreMadeOnceHoweverManyProcessesMakeThem(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.DataDir = t.TempDir()
	all := make([]keys, 8)
	var together sync.WaitGroup
	for i := range all {
		together.Go(func() {
			k, err := loadKeys(cfg)
			require.NoError(t, err)
			all[i] = k
		})
	}
	together.Wait()
	shown := 0
	for _, k := range all {
		require.Equal(t, all[0].client, k.client)
		require.Equal(t, all[0].api, k.api)
		require.Equal(t, all[0].people, k.people)
		shown += len(k.made)
	}
	require.Equal(t, 2, shown, "each key is shown by the process that made it")
	for _, name := range []string{"bookings.key", "support.key", "people.key"} {
		info, err := os.Stat(filepath.Join(cfg.DataDir, "keys", name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}
