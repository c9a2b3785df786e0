package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/stretchr/testify/require"
)

// watch notes what a browser complains of while a page is used: errors of scripts, violations of the policy, requests that fail,
// and requests to anybody but the service. A test that makes one happen says so with allow.
type watch struct {
	hosts []string // that may be asked

	mu         sync.Mutex // the browser's goroutine writes what follows, the test reads it
	dialog     func()     // to close one
	complaints []string
	allowed    []*regexp.Regexp
	asked      map[network.RequestID]string
	loaded     map[string]int64 // bytes, by address, since the page was opened
}

func newWatch(c *client) *watch {
	host := func(address string) string {
		u, err := url.Parse(address)
		require.NoError(c, err)
		return u.Host
	}
	return &watch{hosts: []string{host(c.base), host(c.sandbox)}, asked: map[network.RequestID]string{}, loaded: map[string]int64{}}
}

// allow says that complaints of this form are what the test is about.
func (w *watch) allow(form string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowed = append(w.allowed, regexp.MustCompile(form))
}

// see gets all events of a page, in their order.
func (w *watch) see(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	complain := func(form string, args ...any) { w.complaints = append(w.complaints, fmt.Sprintf(form, args...)) }
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.asked[e.RequestID] = e.Request.Method + " " + e.Request.URL
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && !slices.Contains(w.hosts, u.Host) {
			complain("asked somebody else: %s", e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			complain("answered %d: %s", e.Response.Status, w.asked[e.RequestID])
		}
	case *network.EventDataReceived:
		w.loaded[w.asked[e.RequestID]] += e.DataLength
	case *network.EventLoadingFailed:
		if !e.Canceled && e.ErrorText != "net::ERR_ABORTED" { // the page was left, or gave up on purpose
			complain("failed: %s: %s %s", w.asked[e.RequestID], e.ErrorText, e.BlockedReason)
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError && e.Entry.Source != cdplog.EntrySourceNetwork { // that is seen above, with more
			complain("browser: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *cdpruntime.EventConsoleAPICalled:
		if e.Type == cdpruntime.ConsoleAPICalledTypeError || e.Type == cdpruntime.ConsoleAPICalledTypeAssert {
			words := []string{"console:"}
			for _, arg := range e.Args {
				words = append(words, strings.Trim(string(arg.Value), `"`)+arg.Description)
			}
			complain("%s", strings.Join(words, " "))
		}
	case *cdpruntime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		complain("uncaught: %s at %s:%d", text, e.ExceptionDetails.URL, e.ExceptionDetails.LineNumber)
	case *audits.EventIssueAdded:
		if e.Issue.Code != audits.InspectorIssueCodePerformanceIssue && e.Issue.Code != audits.InspectorIssueCodeGenericIssue { // advice
			detail, _ := json.Marshal(e.Issue.Details)
			complain("issue: %s %s", e.Issue.Code, detail)
		}
	case *cdppage.EventJavascriptDialogOpening:
		if e.Type != cdppage.DialogTypeBeforeunload {
			complain("a dialog opened: %s %q", e.Type, e.Message)
		}
		w.dialog()
	}
}

// quiet fails the test when there was a complaint that it did not expect.
func (w *watch) quiet(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	unexpected := slices.DeleteFunc(slices.Clone(w.complaints), func(complaint string) bool {
		return slices.ContainsFunc(w.allowed, func(r *regexp.Regexp) bool { return r.MatchString(complaint) })
	})
	for _, complaint := range unexpected[:min(8, len(unexpected))] { // the rest follows from these
		t.Errorf("the browser complains: %.400s", complaint)
	}
}

// complained tells whether the browser said something of this form.
func (w *watch) complained(form string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.complaints, regexp.MustCompile(form).MatchString)
}

// forgetComplaints begins anew to look for one.
func (w *watch) forgetComplaints() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.complaints = nil
}

// forget begins to count anew what is loaded.
func (w *watch) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.loaded)
}

// weight is the size of all that was loaded, not compressed.
func (w *watch) weight() (total int64, parts []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for address, n := range w.loaded {
		total += n
		parts = append(parts, fmt.Sprintf("%7d %s", n, address))
	}
	slices.Sort(parts)
	return total, parts
}
