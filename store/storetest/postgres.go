// Package storetest gives each test a fresh database, on SQLite and on PostgreSQL. The PostgreSQL is a private one that
// `make test` starts for the whole run (see withpg); without it the tests that need it are skipped, and counted.
package storetest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
)

// urlVariable holds the address of a PostgreSQL that tests may do with as they like.
const urlVariable = "TEST_DATABASE_URL"

// skipped counts the tests of this process that were skipped, by what they lack. Run reads it once they are over.
var skipped = struct {
	sync.Mutex
	tests map[string]int
}{tests: map[string]int{}}

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
	if url == "" {
		Lacking(t, reason)
	}
	return url
}

// Lacking ends a test that cannot do without something that is not here: on a laptop it is skipped and counted, in CI it fails.
func Lacking(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	skipped.Lock()
	skipped.tests[reason]++
	first := len(skipped.tests) == 1 && skipped.tests[reason] == 1
	skipped.Unlock()
	if first {
		forbidCaching()
	}
	t.Skip(reason)
}

// Run is a TestMain that says at the end how many tests Lacking skipped, also where `go test ./...` hides what a passing
// package prints:
//
//	func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }
func Run(m *testing.M) int {
	code := m.Run()
	for _, reason := range slices.Sorted(maps.Keys(skipped.tests)) {
		say(fmt.Sprintf("skipped %d tests of %s: %s\n", skipped.tests[reason], testedPackage(), reason))
	}
	return code
}

func testedPackage() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		return strings.TrimSuffix(build.Path, ".test")
	}
	return filepath.Base(os.Args[0])
}
