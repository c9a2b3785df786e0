package chaos_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"hotelbooking/chaos/judge"
)

// report is one case's line.
type report struct {
	judge.Tally

	Case     string             `json:"case"`
	Form     string             `json:"form"`
	Commit   string             `json:"commit,omitempty"`
	Done     map[string]int     `json:"done"` // kills, pauses and others
	Coverage map[string]int     `json:"coverage"`
	Figures  map[string]float64 `json:"figures,omitempty"`

	found    []judge.Violation
	evidence judge.Evidence
}

func (c *kase) report(e judge.Evidence) *report {
	found := e.Violations()
	return &report{
		Tally: e.Tally(found), Case: c.name, Form: *chosen, Commit: commit(), Done: maps.Clone(c.did), Figures: maps.Clone(c.figures),
		Coverage: coverage(c.total(), e.Journal, e.Stories), found: found, evidence: e,
	}
}

func (r *report) String() string {
	return fmt.Sprintf("%s: %d acked (%d not), %s; %d confirmed, %d failed (%d gave up), %d cancelled, %d parked; %s; %s%s",
		r.Case, r.Acked, r.Unacked, words(r.Done), r.Confirmed, r.Failed, r.GaveUp, r.Cancelled, r.Parked, words(r.Wrong), words(r.Coverage), figures(r.Figures))
}

func words(numbers map[string]int) string {
	var out []string
	for _, word := range slices.Sorted(maps.Keys(numbers)) {
		out = append(out, fmt.Sprintf("%d %s", numbers[word], strings.ReplaceAll(word, "_", " ")))
	}
	return strings.Join(out, ", ")
}

func figures(numbers map[string]float64) string {
	out := ""
	for _, word := range slices.Sorted(maps.Keys(numbers)) {
		out += fmt.Sprintf("; %s %.3g", strings.ReplaceAll(word, "_", " "), numbers[word])
	}
	return out
}

// reported are the lines of all cases of this run.
type reported struct {
	mu  sync.Mutex
	all []*report
}

var reports reported

// publish prints the line, and keeps it for the summary and the file.
func (r *report) publish() {
	reports.mu.Lock()
	defer reports.mu.Unlock()
	reports.all = append(reports.all, r)
	fmt.Println(r)
	if *reportFile == "" {
		return
	}
	text, err := json.Marshal(r)
	if err == nil {
		var file *os.File
		if file, err = os.OpenFile(*reportFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_, err = file.Write(append(text, '\n'))
			_ = file.Close() // what was not written is an error already
		}
	}
	if err != nil {
		fmt.Println("the report is not kept:", err)
	}
}

// summary says what all cases together have shown. Of no failure in n the 95 % upper bound of the rate is 3/n.
func (r *reported) summary() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	acked, kills, wrong := 0, 0, 0
	for _, one := range r.all {
		acked += one.Acked
		kills += one.Done["kills"] + one.Done["restarts"] + one.Done["pauses"]
		for _, n := range one.Wrong {
			wrong += n
		}
	}
	if acked == 0 {
		return ""
	}
	line := fmt.Sprintf("chaos, %s form: %d cases, %d kills, pauses and restarts, %d bookings acknowledged: %d violations", *chosen, len(r.all), kills, acked, wrong)
	if wrong == 0 {
		line += fmt.Sprintf("; 0 of %d, 95 %% upper bound %.2g", acked, 3/float64(acked))
	}
	return line + "\n"
}

func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
