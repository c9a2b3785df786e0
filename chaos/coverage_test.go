package chaos_test

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hotelbooking/chaos/client"
	"hotelbooking/chaos/judge"
)

// covered are the counters that show that a fault really struck, by the word that a case needs them by.
var covered = map[string][]string{
	"fenced":          {"booking_fenced_writes_total"},
	"crashed":         {"booking_crashed_total"},
	"leases_lost":     {"booking_leases_lost_total"},
	"unknown_commits": {"booking_store_unknown_commits_total"},
	"unknown":         {"booking_unknown_outcomes_total"},
	"queue_errors":    {"booking_queue_errors_total"},
	"shed":            {"booking_shed_total"},
	"attention":       {"booking_attention_total"},
	"panics":          {"booking_panics_total"},
	"hints_fetched":   {"booking_hints_fetched_total"},
	"hints_missed":    {"booking_hints_missed_total"},
	"hints_swept":     {"booking_hints_swept_total"},
	"hints_lost":      {"booking_hints_lost_total"},
}

// scrape reads an instance's counters, where it still answers.
func (i *instance) scrape() {
	if i.admin == "" {
		return
	}
	a, err := client.Call(http.MethodGet, i.admin+"/metrics", "", "", 2*time.Second)
	if err != nil || a.Status != http.StatusOK {
		return
	}
	scraped := parseMetrics(a.Body)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.scraped = scraped
}

func (i *instance) counted() map[string]float64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.scraped
}

// parseMetrics sums the series of each name: "booking_shed_total{why="backlog"} 3".
func parseMetrics(text []byte) map[string]float64 {
	sums := map[string]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		space := strings.LastIndexByte(line, ' ')
		if space < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ := strings.Cut(line[:space], "{")
		if value, err := strconv.ParseFloat(line[space+1:], 64); err == nil {
			sums[name] += value
		}
	}
	return sums
}

// coverage is how often each kind of fault struck: by the service's counters, the sandbox's journal and the clients' memory.
func coverage(total map[string]float64, journal []judge.Entry, stories []*judge.Story) map[string]int {
	seen := map[string]int{}
	for word, names := range covered {
		for _, name := range names {
			seen[word] += int(total[name])
		}
	}
	for _, e := range journal {
		if e.Fault == "late_effect" {
			seen["late"]++
		}
		switch {
		case e.Fault == "late_effect" && e.Effect != "none":
			seen["late_effects"]++
		case e.Fault == "late_effect":
			seen["late_refused"]++ // it came after the room or the money had been given back for good
		case e.Fault == "effect_answer_lost" && e.Effect != "none":
			seen["answers_lost"]++
		case e.Fault == "refused_before_effect":
			seen["refused"]++
		case e.Fault == "hang":
			seen["hung"]++
		}
	}
	for _, s := range stories {
		if s.Replayed {
			seen["replayed"]++
		}
		if s.CancelTaken {
			seen["cancels"]++
		}
		seen["retried"] += s.Retries
	}
	return seen
}
