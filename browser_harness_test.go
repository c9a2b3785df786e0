package main

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking/web/browsertest"
	"hotelbooking/store/storetest"
)

// The pages are tested by driving a real browser, one process for all tests; each visitor has cookies and storage of its own.
const (
	visitorsAtOnce = 3                // the machine may have two cores, and the service needs some of it
	visitMax       = 4 * time.Minute  // then whatever a visitor waits for will never come
	patience       = 40 * time.Second // for one thing to appear on a page, on a starved machine
)

var visiting = make(chan struct{}, visitorsAtOnce)

// theBrowser is found, or installed, and started at its first use; closeBrowser ends it.
var theBrowser = sync.OnceValues(startBrowser)

// closeBrowser is set once there is a browser to end.
var closeBrowser = func() {}

func startBrowser() (context.Context, error) {
	finding, done := context.WithTimeout(context.Background(), 5*time.Minute)
	defer done()
	path, err := browsertest.Find(finding, os.Stderr)
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Headless, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WSURLReadTimeout(time.Minute), chromedp.Flag("lang", "en-GB"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to be sandboxed as root
	}
	process, kill := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(process)
	closeBrowser = kill
	return ctx, chromedp.Do(ctx)
}

// visitor is somebody at a browser of their own: nothing is kept from other tests.
type visitor struct {
	*tab
	ctx context.Context
}

// visit opens a browser for somebody who comes to this service. What browsers complain of fails the test at its end.
func visit(t *testing.T, c *client) *visitor {
	t.Helper()
	if underRaceDetector {
		t.Skip("the race detector sees only this process, and what browsers test is another")
	}
	browser, err := theBrowser()
	if err != nil {
		storetest.Lacking(t, err.Error())
	}
	visiting <- struct{}{}
	t.Cleanup(func() { <-visiting })
	ctx, cancel := context.WithTimeout(browser, visitMax)
	t.Cleanup(cancel)
	own, leave := chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(leave)
	v := &visitor{ctx: own}
	v.tab = newTab(t, c, own)
	return v
}

// another opens one more tab, with the same cookies and storage.
func (v *visitor) another() *tab {
	v.Helper()
	ctx, leave := chromedp.NewContext(v.ctx)
	v.Cleanup(leave)
	return newTab(v.T, v.service, ctx)
}

// tab is one page in a browser.
type tab struct {
	*testing.T
	service *client
	ctx     context.Context
	*watch
}

func newTab(t *testing.T, c *client, ctx context.Context) *tab {
	t.Helper()
	b := &tab{T: t, service: c, ctx: ctx, watch: newWatch(c)}
	require.NoError(t, chromedp.Do(ctx))
	require.NoError(t, chromedp.Listen(ctx, b.watch.see))
	b.dismissDialogs()
	protocol(b, cdplog.Enable, cdp.Empty{})
	protocol(b, audits.Enable, cdp.Empty{})
	protocol(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	protocol(b, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: reportViolations})
	b.size(1440, 900)
	t.Cleanup(func() {
		if t.Failed() {
			b.keep(t.Name() + "-failed")
			t.Logf("the page at the end, %s:\n%.600s", evaluate[string](b, "location.href"), evaluate[string](b, "document.body ? document.body.innerText : ''"))
		}
		b.quiet(t)
	})
	return b
}

// reportViolations says in the console what the page's policy has kept from happening.
const reportViolations = `addEventListener("securitypolicyviolation", e => console.error("policy violated: " + e.violatedDirective + " by " + e.blockedURI + " " + e.sample + " at " + e.sourceFile + ":" + e.lineNumber))`

// protocol sends one command of the protocol and returns its answer.
func protocol[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.Helper()
	result, err := chromedp.Run(b.ctx, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, c, params) })
	require.NoError(b, err, c.Method)
	return result
}

// dismissDialogs closes what a script opens, so that the page goes on. That it was opened is a complaint.
func (b *tab) dismissDialogs() {
	b.watch.dialog = func() {
		go func() {
			_ = chromedp.Do(b.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
				_, err := cdp.Call(ctx, t, cdppage.HandleJavaScriptDialog, cdppage.HandleJavaScriptDialogParams{Accept: true})
				return err // the page may be gone
			}))
		}()
	}
}
