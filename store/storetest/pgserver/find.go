package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// oldest is the first major version that the store supports.
const oldest = 15

// ErrNotFound says that no PostgreSQL is installed where we look.
var ErrNotFound = errors.New("no PostgreSQL with initdb and postgres, version 15 or newer")

// Find returns the directory of initdb and postgres: PGTEST_BIN, where it is set, and nothing else; then PATH, then the
// newest /usr/lib/postgresql/*/bin, then an earlier Install. ErrNotFound when there is none.
func Find(ctx context.Context) (string, error) {
	if bin := os.Getenv("PGTEST_BIN"); bin != "" {
		if _, err := version(ctx, bin); err != nil {
			return "", fmt.Errorf("PGTEST_BIN=%s: %w", bin, err)
		}
		return bin, nil
	}
	var candidates []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			candidates = append(candidates, filepath.Dir(real)) // the server finds its files relative to the real binary
		}
	}
	packaged, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well-formed
	slices.SortFunc(packaged, func(a, b string) int { return cmp.Compare(majorOf(b), majorOf(a)) })
	candidates = append(candidates, packaged...)
	candidates = append(candidates, npmBin())
	for _, bin := range candidates {
		if _, err := version(ctx, bin); err == nil {
			return bin, nil
		}
	}
	return "", ErrNotFound
}

func findOrInstall(ctx context.Context, log io.Writer) (string, error) {
	bin, err := Find(ctx)
	if errors.Is(err, ErrNotFound) {
		return Install(ctx, log)
	}
	return bin, err
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// version is the major version of the PostgreSQL in bin; an error when it is incomplete, does not run or is too old.
func version(ctx context.Context, bin string) (int, error) {
	major := 0
	for _, name := range []string{"initdb", "postgres"} {
		out, err := exec.CommandContext(ctx, filepath.Join(bin, name), "--version").Output()
		if err != nil {
			return 0, fmt.Errorf("ask for its version: %w", err)
		}
		match := versionLine.FindSubmatch(out)
		if match == nil {
			return 0, fmt.Errorf("%s --version printed %q", name, out)
		}
		major, _ = strconv.Atoi(string(match[1])) // digits by the pattern
	}
	if major < oldest {
		return 0, fmt.Errorf("version %d is older than %d", major, oldest)
	}
	return major, nil
}

// majorOf reads the version from /usr/lib/postgresql/15/bin; 0 when there is none.
func majorOf(bin string) int {
	major, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // 0 sorts last
	return major
}
