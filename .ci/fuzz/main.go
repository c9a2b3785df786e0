// Command fuzz runs every fuzz target of the module for a while, a few side by side, and prints one line for each. It finds the
// targets by itself; where there are fewer than -least, somebody has broken the finding, and that fails, too.
//
//	go run ./.ci/fuzz -time 10s
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// target is one fuzz test, and the instrumented binary of its package.
type target struct{ pkg, dir, binary, name string }

func main() {
	each := flag.Duration("time", 10*time.Second, "how long each target runs")
	least := flag.Int("least", 10, "fail with fewer targets")
	jobs := flag.Int("jobs", runtime.GOMAXPROCS(0), "targets at once")
	only := flag.String("only", ".", "targets whose name matches")
	flag.Parse()
	if err := run(*each, *least, *jobs, *only); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(each time.Duration, least, jobs int, only string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "fuzz-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	cache, err := output("go", "env", "GOCACHE")
	if err != nil {
		return err
	}
	found, err := find()
	if err != nil {
		return err
	}
	if len(found) < least {
		return fmt.Errorf("found %d targets, and there should be %d or more", len(found), least)
	}
	targets, err := build(found, wanted, work)
	if err != nil {
		return err
	}
	failed := 0
	var mu sync.Mutex // guards failed, and keeps lines whole
	var running sync.WaitGroup
	slots := make(chan struct{}, max(jobs, 1))
	for _, t := range targets {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			said, err := t.fuzz(each, filepath.Join(cache, "fuzz", t.pkg))
			mu.Lock()
			defer mu.Unlock()
			fmt.Printf("%-4s %-40s %-28s %s\n", word(err), t.pkg, t.name, progress(said))
			if err != nil {
				failed++
				fmt.Printf("%s\n%v\n", said, err)
			}
		})
	}
	running.Wait()
	fmt.Printf("%d fuzz targets, %s each, %d failed\n", len(targets), each, failed)
	if failed > 0 {
		return fmt.Errorf("%d targets failed: what they failed on is below their package's testdata/fuzz; commit it with the mend", failed)
	}
	return nil
}

// find asks every package's tests for their fuzz targets.
func find() ([]target, error) {
	listed, err := output("go", "test", "-list", "^Fuzz", "-json", "./...")
	if err != nil {
		return nil, err
	}
	var found []target
	for lines := bufio.NewScanner(strings.NewReader(listed)); lines.Scan(); {
		var event struct{ Package, Output string }
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			continue // what the build says
		}
		if name := strings.TrimSpace(event.Output); strings.HasPrefix(name, "Fuzz") {
			found = append(found, target{pkg: event.Package, name: name})
		}
	}
	return found, nil
}

// build compiles each package's tests once, instrumented, and not once for each target.
func build(found []target, wanted *regexp.Regexp, work string) ([]target, error) {
	dirs, binaries := map[string]string{}, map[string]string{}
	var targets []target
	for _, t := range found {
		if !wanted.MatchString(t.name) {
			continue
		}
		if binaries[t.pkg] == "" {
			binary := filepath.Join(work, fmt.Sprint(len(binaries), ".test"))
			if _, err := output("go", "test", "-c", "-fuzz", ".", "-o", binary, t.pkg); err != nil {
				return nil, err
			}
			dir, err := output("go", "list", "-f", "{{.Dir}}", t.pkg)
			if err != nil {
				return nil, err
			}
			dirs[t.pkg], binaries[t.pkg] = dir, binary
		}
		t.dir, t.binary = dirs[t.pkg], binaries[t.pkg]
		targets = append(targets, t)
	}
	return targets, nil
}

// fuzz runs one target in its package's directory, where it leaves what it fails on. New inputs are made shorter by a few tries
// only: by default a minute is spent on each, in which nothing new is tried.
func (t target) fuzz(each time.Duration, cache string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), each+3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.binary, "-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzztime="+each.String(),
		"-test.fuzzminimizetime=100x", "-test.fuzzcachedir="+cache, "-test.parallel=1")
	cmd.Dir = t.dir
	said, err := cmd.CombinedOutput()
	switch {
	case err != nil && expired(said):
		return string(said), nil
	case err == nil && !executed.Match(said) && !repeated.Match(said):
		return string(said), fmt.Errorf("%s tried nothing", t.name)
	case err == nil && bytes.Contains(said, []byte("not built with coverage instrumentation")):
		return string(said), fmt.Errorf("%s is not instrumented", t.name)
	}
	return string(said), err
}

// expired: the time was up while a worker was at it, which Go 1.26 now and then reports as a failure (golang.org/issue/75804).
// What was really found is written down.
func expired(said []byte) bool {
	for _, finding := range []string{"Failing input written", "failure while testing seed corpus", "panic", "hung or terminated"} {
		if bytes.Contains(said, []byte(finding)) {
			return false
		}
	}
	return bytes.Contains(said, []byte("\n    context deadline exceeded\n"))
}

// What a run says: what it tried; before that, which of the inputs of earlier runs it has tried again, for which the time may not
// suffice where they are many, and the machine is slow.
var (
	executed = regexp.MustCompile(`execs: ([1-9]\d*) .*new interesting: (\d+) \(total: (\d+)\)`)
	repeated = regexp.MustCompile(`gathering baseline coverage: ([1-9]\d*/\d+)`)
)

// progress is the last that a run said of how far it came.
func progress(said string) string {
	all := executed.FindAllStringSubmatch(said, -1)
	if len(all) == 0 {
		if known := repeated.FindAllStringSubmatch(said, -1); len(known) > 0 {
			return "known inputs only: " + known[len(known)-1][1]
		}
		return "nothing was tried"
	}
	last := all[len(all)-1]
	return fmt.Sprintf("%9s execs, %4s new inputs, %4s known", last[1], last[2], last[3])
}

func word(err error) string {
	if err != nil {
		return "FAIL"
	}
	return "ok"
}

func output(name string, args ...string) (string, error) {
	var out, said bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, said.Bytes(), out.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}
