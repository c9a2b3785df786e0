package web

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"hotelbooking/booking"
)

// Where the list and what hangs on it are; each takes the same filter.
const (
	countPath = consolePath + "/count"
	csvPath   = consolePath + "/bookings.csv"
	bulkPath  = consolePath + "/bulk"
)

// filterParameters are what a view of the list is made of; all of it is in the address, so that a view can be shared.
var filterParameters = []string{
	"q", "status", "attention", "supplier", "failure", "older_than", "newer_than", "created_after", "created_before", "uncaptured",
}

// filterLists are those of them that may be there several times.
var filterLists = []string{"status"}

// selection is a view of the list as its address has it, and what of it makes no sense.
type selection struct {
	Query         string
	Statuses      []booking.Status
	Attention     string // attentionAny, or a reason
	Supplier      string
	Failure       string
	OlderThan     string // as it was written, such as 15m, 24h or 7d
	NewerThan     string
	CreatedAfter  string // RFC 3339, or a day
	CreatedBefore string
	Uncaptured    bool
	Wrong         map[string]string // by parameter: what to do about it

	ages     [2]time.Duration // OlderThan and NewerThan
	instants [2]time.Time     // CreatedAfter and CreatedBefore
}

const attentionAny = "any"

// wideSpan is how far a search may look that no index of the store bounds.
const wideSpan = 31 * 24 * time.Hour

func parseSelection(values url.Values) selection {
	v := selection{
		Query: strings.TrimSpace(values.Get("q")), Attention: values.Get("attention"), Supplier: values.Get("supplier"), Failure: values.Get("failure"),
		OlderThan: strings.TrimSpace(values.Get("older_than")), NewerThan: strings.TrimSpace(values.Get("newer_than")),
		CreatedAfter: strings.TrimSpace(values.Get("created_after")), CreatedBefore: strings.TrimSpace(values.Get("created_before")),
		Wrong: map[string]string{},
	}
	for _, status := range values["status"] {
		switch {
		case status == "":
		case !Status(status).Valid():
			v.Wrong["status"] = "There is no such status."
		default:
			v.Statuses = append(v.Statuses, booking.Status(status))
		}
	}
	slices.Sort(v.Statuses)
	v.Statuses = slices.Compact(v.Statuses)
	for name, text := range map[string]string{"attention": v.Attention, "failure": v.Failure} {
		if !isReason(text) {
			v.Wrong[name] = "It is none of our codes. Choose one of the list."
		}
	}
	if len(v.Query) > 255 || !utf8.ValidString(v.Query) {
		v.Wrong["q"] = "No identifier is that long. Use at most 255 characters."
	}
	if len(v.Supplier) > 64 || !utf8.ValidString(v.Supplier) {
		v.Wrong["supplier"] = "No supplier is called that."
	}
	switch uncaptured := values.Get("uncaptured"); uncaptured {
	case "", "false":
	case "true":
		v.Uncaptured = true
	default:
		v.Wrong["uncaptured"] = "It is true, or it is not there."
	}
	v.ages = [2]time.Duration{v.age("older_than", v.OlderThan), v.age("newer_than", v.NewerThan)}
	v.instants = [2]time.Time{v.instant("created_after", v.CreatedAfter), v.instant("created_before", v.CreatedBefore)}
	return v
}

// daysMost keeps an age within what a duration holds.
const daysMost = 36_500

func (v *selection) age(name, text string) time.Duration {
	if text == "" {
		return 0
	}
	age, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if n, err = strconv.Atoi(days); n > daysMost {
			n = 0
		}
		age = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || age <= 0 {
		v.Wrong[name] = "Write a length of time, such as 15m, 24h or 7d."
		return 0
	}
	return age
}

func (v *selection) instant(name, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		v.Wrong[name] = "Write a day, which begins at midnight UTC, such as 2026-11-23, or an instant with its zone, such as 2026-11-23T08:00:00Z."
	}
	return at
}

// isReason: a word that the service may use, whether this version of it does or not. Nothing is one, too: no filter.
func isReason(text string) bool {
	return len(text) <= 40 && !strings.ContainsFunc(text, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
}

// filter is what the selection means at a moment. A selection that is too wide to be bounded is not made a filter of: the
// store reads as many bookings as have a failure code to find those of them that are of one supplier, and a code that every
// tenth booking ends with is had by millions.
func (v *selection) filter(now time.Time) booking.Filter {
	f := booking.Filter{
		Statuses: v.Statuses, Supplier: v.Supplier, Failure: booking.Reason(v.Failure), Uncaptured: v.Uncaptured,
		CreatedAfter: v.instants[0], CreatedBefore: v.instants[1],
	}
	if v.Attention == attentionAny {
		f.NeedsLook = true
	} else {
		f.Attention = booking.Reason(v.Attention)
	}
	if v.ages[0] > 0 {
		if at := now.Add(-v.ages[0]); f.CreatedBefore.IsZero() || at.Before(f.CreatedBefore) {
			f.CreatedBefore = at
		}
	}
	if v.ages[1] > 0 {
		if at := now.Add(-v.ages[1]); at.After(f.CreatedAfter) {
			f.CreatedAfter = at
		}
	}
	if v.Query == "" && f.Failure != "" && (f.Supplier != "" || len(f.Statuses) > 0) && !within(f, now, wideSpan) {
		v.Wrong["newer_than"] = "A failure code together with a supplier or a status is looked for among all that failed so. Say how far back, at most 31d."
	}
	return f
}

// within tells whether a filter looks at no more than a span of time.
func within(f booking.Filter, now time.Time, span time.Duration) bool {
	until := f.CreatedBefore
	if until.IsZero() || until.After(now) {
		until = now
	}
	return !f.CreatedAfter.IsZero() && until.Sub(f.CreatedAfter) <= span
}

// Values is the selection as an address has it; equal ones are equal.
func (v selection) Values() url.Values {
	out := url.Values{}
	for _, pair := range [][2]string{
		{"q", v.Query}, {"attention", v.Attention}, {"supplier", v.Supplier}, {"failure", v.Failure}, {"older_than", v.OlderThan},
		{"newer_than", v.NewerThan}, {"created_after", v.CreatedAfter}, {"created_before", v.CreatedBefore},
	} {
		if pair[1] != "" {
			out.Set(pair[0], pair[1])
		}
	}
	for _, status := range v.Statuses {
		out.Add("status", string(status))
	}
	if v.Uncaptured {
		out.Set("uncaptured", "true")
	}
	return out
}

// problem is what is wrong with the selection, for an address that is no page to show it on.
func (v selection) problem() error {
	var fields []FieldError
	for _, name := range slices.Sorted(maps.Keys(v.Wrong)) {
		fields = append(fields, FieldError{"query:" + name, "invalid_format", v.Wrong[name]})
	}
	if len(fields) == 0 {
		return nil
	}
	return &problem{code: ProblemCodeInvalidParameter, fields: fields}
}

// Has tells whether a status is among those chosen.
func (v selection) Has(status booking.Status) bool { return slices.Contains(v.Statuses, status) }

// Narrows tells whether anything but the box is filled in.
func (v selection) Narrows() bool {
	v.Query = ""
	return len(v.Values()) > 0 || len(v.Wrong) > 0
}

// at is an address with the selection behind it.
func (v selection) at(path string, more ...string) string {
	values := v.Values()
	for i := 0; i < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// preset is a view with a name: nothing but the parameters that its link has.
type preset struct {
	Name   string
	Href   string
	Active bool
}

var presets = []struct{ name, query string }{
	{"All", ""},
	{"Needs attention", "attention=any"},
	{"Stuck for 15 minutes", "older_than=15m&status=cancelling&status=pending&status=processing"},
	{"Waiting for customer", "status=requires_action"},
	{"In review", "status=in_review"},
	{"Confirmed, not captured", "uncaptured=true"},
	{"Failed in the last hour", "newer_than=1h&status=failed"},
}

func (v selection) presets() []preset {
	here := v.Values().Encode()
	out := make([]preset, len(presets))
	for i, p := range presets {
		out[i] = preset{Name: p.name, Href: consolePath, Active: p.query == here && len(v.Wrong) == 0}
		if p.query != "" {
			out[i].Href += "?" + p.query
		}
	}
	return out
}
