package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// finders is how tests look for what is on a page: as people do, by what it is and what it says. shown leaves out what nobody
// can see; said is the name that an assistive technology would tell, or near enough.
const finders = `
const shown = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
const plain = text => (text || "").replace(/\s+/g, " ").trim();
const said = e => plain(e.getAttribute("aria-label") || [...(e.labels || [])].map(l => l.innerText).join(" ") || e.innerText || e.value || e.title);
const top = () => [...document.querySelectorAll("dialog[open]")].pop() || document;
const all = (what, says) => [...top().querySelectorAll(what)].filter(e => shown(e) && said(e).toLowerCase().includes(says.toLowerCase()));
const one = (what, says) => { const found = all(what, says); return found.find(e => said(e).toLowerCase() === says.toLowerCase()) || found[0]; };
`

// control is what can be filled in.
const control = "input, select, textarea"

// try evaluates an expression in the page, in which finders are known.
func try[T any](b *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T]("(() => {"+finders+"return ("+expression+")})()", chromedp.EvalAwaitPromise))
}

func evaluate[T any](b *tab, expression string) T {
	b.Helper()
	value, err := try[T](b, expression)
	require.NoError(b, err, "%s", expression)
	return value
}

// js is text as a literal of JavaScript.
func js(text string) string { return strconv.QuoteToASCII(text) }

// until waits until an expression is true. A page that is just being left or loaded is asked again.
func (b *tab) until(expression string, about ...any) {
	b.Helper()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		yes, err := try[bool](b, "Boolean("+expression+")")
		if err == nil && yes {
			return
		}
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			require.NoError(b, context.Cause(b.ctx), "while waiting until %s", expression)
		}
	}
	require.Fail(b, "never so on the page", "%s %v", expression, about)
}

// open goes to an address of the service and waits until the page has loaded.
func (b *tab) open(path string) {
	b.Helper()
	b.forget()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if strings.HasPrefix(path, "/") {
		path = b.service.base + path
	}
	require.NoError(b, chromedp.Do(ctx, chromedp.Navigate(path)), path)
}

func (b *tab) reload() {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b, chromedp.Do(ctx, chromedp.Reload()))
}

// back is the browser's back button.
func (b *tab) back() {
	b.Helper()
	evaluate[bool](b, "(history.back(), true)")
}

// sees waits until the page shows these words, in any letter case.
func (b *tab) sees(words ...string) {
	b.Helper()
	for _, word := range words {
		b.until("plain(document.body.innerText).toLowerCase().includes("+js(strings.ToLower(word))+")", "it should say", word)
	}
}

// lacks checks that the page does not show these words now.
func (b *tab) lacks(words ...string) {
	b.Helper()
	text := strings.ToLower(evaluate[string](b, "plain(document.body.innerText)"))
	for _, word := range words {
		require.NotContains(b, text, strings.ToLower(word))
	}
}

// point waits until there is such an element and it can be clicked, scrolls to it, and returns where it is.
func (b *tab) point(what, says string) (x, y float64) {
	b.Helper()
	found := fmt.Sprintf("one(%s, %s)", js(what), js(says))
	b.until(fmt.Sprintf(`(e => {
		if (!e || e.disabled) return false;
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getBoundingClientRect(), hit = document.elementFromPoint(r.x + r.width/2, r.y + r.height/2);
		return hit && (e.contains(hit) || hit.contains(e) || [...(e.labels || [])].some(l => l.contains(hit)));
	})(%s)`, found), "there should be", what, says)
	at := evaluate[[]float64](b, "(r => [r.x + r.width/2, r.y + r.height/2])("+found+".getBoundingClientRect())")
	return at[0], at[1]
}

// click presses the mouse on what says so; what is a CSS selector.
func (b *tab) click(what, says string) { b.Helper(); b.clicks(what, says, 1) }

// clicks presses several times, as fast as a hand can.
func (b *tab) clicks(what, says string, times int) {
	b.Helper()
	x, y := b.point(what, says)
	for i := range times {
		for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
			protocol(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: int64(i + 1)})
		}
	}
}

// button clicks a button, or a link that looks like one.
func (b *tab) button(says string) {
	b.Helper()
	b.click(`button, [role="button"], input[type="submit"], summary`, says)
}

func (b *tab) link(says string) { b.Helper(); b.click("a[href]", says) }

// fill types into the control with this label, in place of what it held.
func (b *tab) fill(label, text string) { b.Helper(); b.fillIn(control, label, text) }

func (b *tab) fillIn(what, label, text string) {
	b.Helper()
	b.click(what, label)
	evaluate[bool](b, fmt.Sprintf("(e => (e.focus(), e.select && e.type !== 'date' && e.select(), true))(one(%s, %s))", js(what), js(label)))
	if text == "" {
		b.keys("\b")
		return
	}
	protocol(b, input.InsertText, input.InsertTextParams{Text: text})
}

// set gives a control that cannot be typed into its value, such as a date or a choice, and tells the page so.
func (b *tab) set(label, value string) {
	b.Helper()
	b.point(control, label)
	evaluate[bool](b, fmt.Sprintf(`(e => {
		if (e.tagName === "SELECT") {
			const option = [...e.options].find(o => o.value === %[3]s) || [...e.options].find(o => plain(o.text).toLowerCase().includes(%[3]s.toLowerCase()));
			if (!option) throw new Error("no such choice, only " + [...e.options].map(o => o.value + "=" + o.text));
			e.value = option.value;
		} else e.value = %[3]s;
		e.dispatchEvent(new Event("input", {bubbles: true}));
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})(one(%[1]s, %[2]s))`, js(control), js(label), js(value)))
}

// keys presses keys, one after the other.
func (b *tab) keys(keys string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b, chromedp.Do(ctx, chromedp.KeyEvent(keys)))
}

// size makes the window as large; a narrow one is a phone's.
func (b *tab) size(width, height int64) {
	b.Helper()
	protocol(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600})
}

// prefers asks for light or dark pages.
func (b *tab) prefers(scheme string) {
	b.Helper()
	protocol(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}, // else axe measures half-way through a fade
	}})
}

// offline cuts the connection, or brings it back.
func (b *tab) offline(cut bool) {
	b.Helper()
	conditions := []*network.Conditions{}
	if cut {
		conditions = append(conditions, &network.Conditions{Offline: true, DownloadThroughput: -1, UploadThroughput: -1})
	}
	protocol(b, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: conditions})
	protocol(b, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: cut, DownloadThroughput: -1, UploadThroughput: -1})
}

// isolated evaluates in the page's document, but apart from its scripts and its policy.
func isolated[T any](b *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	frame := protocol(b, cdppage.GetFrameTree, struct{}{}).FrameTree.Frame.ID
	world := protocol(b, cdppage.CreateIsolatedWorld, cdppage.CreateIsolatedWorldParams{FrameID: frame, WorldName: "tests"})
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise, func(p *cdpruntime.EvaluateParams) { p.ContextID = world.ExecutionContextID }))
}
