package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick is the unit of /proc's CPU times: USER_HZ, 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// ownCPU is what this process has used, in seconds.
func ownCPU() float64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // fails for nobody
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

// processCPU is what a process has used, in seconds.
func processCPU(pid int) (float64, error) {
	s, err := readStat(pid)
	return s.cpu, err
}

// clusterCPU is what a PostgreSQL server has used, in seconds: its first process, the children that have ended, and those
// that run. It is 0 where the server is on another machine.
func clusterCPU(backend int) (float64, error) {
	child, err := readStat(backend)
	if err != nil || child.name != "postgres" {
		return 0, nil //nolint:nilerr // another machine's process has no name here
	}
	parent, err := readStat(child.parent)
	if err != nil {
		return 0, err
	}
	total := parent.cpu + parent.childrenCPU
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path))) // digits, says the pattern
		if s, err := readStat(pid); err == nil && s.parent == child.parent {
			total += s.cpu
		}
	}
	return total, nil
}

// childrenCPU is what the children of this process that have a name have used, in seconds.
func childrenCPU(name string) (total float64, err error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path))) // digits, says the pattern
		if s, err := readStat(pid); err == nil && s.parent == os.Getpid() && s.name == name {
			total += s.cpu
		}
	}
	return total, err
}

// residentBytes is the memory that a process has in RAM.
func residentBytes(pid int) (float64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(content))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm says %q", pid, content)
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize()), err
}

// stat is what /proc says of a process.
type stat struct {
	name             string
	parent           int
	cpu, childrenCPU float64 // seconds
}

func readStat(pid int) (stat, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The name stands in parentheses and may hold anything; the fields after it are numbered from the state, proc(5)'s third.
	text := string(content)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	fields := []string(nil)
	if open >= 0 && end > open {
		fields = strings.Fields(text[end+1:])
	}
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("/proc/%d/stat says %q", pid, text)
	}
	ticks := func(from int) float64 {
		user, _ := strconv.ParseInt(fields[from], 10, 64) // the kernel's own numbers
		system, _ := strconv.ParseInt(fields[from+1], 10, 64)
		return (time.Duration(user+system) * clockTick).Seconds()
	}
	parent, err := strconv.Atoi(fields[1])
	return stat{name: text[open+1 : end], parent: parent, cpu: ticks(11), childrenCPU: ticks(13)}, err
}
