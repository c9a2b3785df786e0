package browsertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// install fetches Debian's chromium, with a font, without which text would be boxes. Whoever else installs something at the same
// time is waited for.
func install(ctx context.Context, log io.Writer) (string, error) {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return "", fmt.Errorf("%w, and to install one needs root and apt-get; set %s", ErrNotFound, binVariable)
	}
	const script = `set -e
apt-get -q -o DPkg::Lock::Timeout=300 update
apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends chromium fonts-dejavu-core`
	fmt.Fprintln(log, "installing chromium with apt-get")
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if err := cmd.Run(); err != nil {
		return "", errors.Join(ErrNotFound, fmt.Errorf("install by apt-get: %w", err))
	}
	return exec.LookPath(names[0])
}
