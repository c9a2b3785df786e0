// Package browsertest finds the browser that the tests of the pages drive, and installs one where it may. `make test` and
// `make e2e` ask for that; a plain `go test ./...` only looks, and skips those tests where there is none.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Where the environment says what to do: binVariable names the browser to take, and nothing else is then looked for;
// installVariable, not empty, allows to install one.
const (
	binVariable     = "BROWSER_BIN"
	installVariable = "BROWSER_INSTALL"
)

// ErrNotFound says that there is no browser where we look.
var ErrNotFound = errors.New("no chromium on PATH and no " + binVariable)

// names are of the same browser, by who packs it.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Find returns the browser to drive: BROWSER_BIN where it is set, then PATH, then what Install installs where BROWSER_INSTALL
// or CI is set. ErrNotFound when there is none.
func Find(ctx context.Context, log io.Writer) (string, error) {
	if bin := os.Getenv(binVariable); bin != "" {
		path, err := exec.LookPath(bin)
		if err != nil {
			return "", fmt.Errorf("%s=%s: %w", binVariable, bin, err)
		}
		return path, nil
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	if os.Getenv(installVariable) == "" && os.Getenv("CI") == "" {
		return "", fmt.Errorf("%w; `make test` and `make e2e` install one where they can", ErrNotFound)
	}
	return install(ctx, log)
}
