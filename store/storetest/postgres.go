// Package storetest gives each test a fresh database, on SQLite and on PostgreSQL. The PostgreSQL is a private one that
// `make test` starts for the whole run (see withpg); without it the tests that need it are skipped, and counted.
package storetest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
)

// urlVariable holds the address of a PostgreSQL that tests may do with as they like.
const urlVariable = "TEST_DATABASE_URL"

// skipped counts the tests of this process that Postgres skipped; Run reads it once they are over.
var skipped atomic.Int64

// PostgresURL is the address, as superuser, of the PostgreSQL to test on; or "" and the reason why there is none.
func PostgresURL() (url, reason string) {
	if url := os.Getenv(urlVariable); url != "" {
		return url, ""
	}
	return "", "no PostgreSQL: " + urlVariable + " is not set; `make test` finds or installs one"
}

// Postgres is PostgresURL for a test that cannot do without: on a laptop it is skipped, in CI it fails.
func Postgres(t testing.TB) string {
	t.Helper()
	url, reason := PostgresURL()
	switch {
	case url != "":
		return url
	case os.Getenv("CI") != "":
		t.Fatal(reason)
	default:
		if skipped.Add(1) == 1 {
			forbidCaching()
		}
		t.Skip(reason)
	}
	return ""
}

// Run is a TestMain that says at the end how many tests Postgres skipped, also where `go test ./...` hides what a passing
// package prints:
//
//	func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }
func Run(m *testing.M) int {
	code := m.Run()
	if n := skipped.Load(); n > 0 {
		_, reason := PostgresURL()
		say(fmt.Sprintf("skipped %d tests of %s: %s\n", n, testedPackage(), reason))
	}
	return code
}

func testedPackage() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		return strings.TrimSuffix(build.Path, ".test")
	}
	return filepath.Base(os.Args[0])
}
