package natsd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// source is the server's main package. Its library is in go.mod for workers/jetstream's tests, and it needs nothing beside that.
const source = "github.com/nats-io/nats-server/v2"

// build returns the path of the server's program, made where this machine does not have it yet. It must be called somewhere in
// this module, as tests and go run are.
func build(ctx context.Context) (string, error) {
	version, err := goTool(ctx, "list", "-m", "-f", "{{.Version}}", source)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil { // an account without a home
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "hotelbooking", "nats-server-"+version+"-"+runtime.Version())
	program := filepath.Join(dir, "nats-server")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a directory for nats-server: %w", err)
	}
	// Tests of several packages may come here at once: each builds its own, and the last stays.
	fresh, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return "", fmt.Errorf("make a directory for nats-server: %w", err)
	}
	defer os.RemoveAll(fresh)
	built := filepath.Join(fresh, "nats-server")
	if _, err := goTool(ctx, "build", "-trimpath", "-o", built, source); err != nil {
		return "", err
	}
	return program, os.Rename(built, program)
}

// goTool runs the go command, and returns what it printed.
func goTool(ctx context.Context, arguments ...string) (string, error) {
	var said strings.Builder
	cmd := exec.CommandContext(ctx, "go", arguments...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(arguments, " "), err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}
