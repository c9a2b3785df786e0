package main

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/stretchr/testify/require"
)

// axe is axe-core 4.14.1, which is under the Mozilla Public License 2.0: it is only in the tests.
//
//go:embed testdata/axe/axe-4.14.1.min.js
var axe string

// screens is where pictures of the pages are put, for people to look at.
var screens = sync.OnceValues(func() (string, error) {
	dir, err := filepath.Abs(filepath.Join("bin", "screens"))
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
})

// violation is what axe-core finds wrong with a page.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// accessible fails the test when axe-core finds something wrong with the page as it is now.
func (b *tab) accessible(about string) {
	b.Helper()
	found, err := isolated[[]violation](b, "("+axeRun+")()")
	if err != nil && strings.Contains(err.Error(), "axe is not defined") { // the first time in this document
		found, err = isolated[[]violation](b, axe+";("+axeRun+")()")
	}
	require.NoError(b, err)
	for _, v := range found {
		for _, node := range v.Nodes {
			b.Errorf("%s: axe: %s (%s)\n%.300s\n%s", about, v.Help, v.ID, node.HTML, node.Summary)
		}
	}
}

const axeRun = `async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => ({html: n.html, failureSummary: n.failureSummary}))}))`

// look takes pictures of the page on a phone and at a desk, in the light and in the dark. In each it has to be accessible, and
// nothing may stick out at its side. The pages are the same on every database, so one is enough.
func (b *tab) look(name string) {
	b.Helper()
	if !strings.Contains(b.Name(), "/sqlite") {
		return
	}
	for _, width := range []int64{390, 1440} {
		b.size(width, 900)
		for _, scheme := range []string{"light", "dark"} {
			b.prefers(scheme)
			evaluate[bool](b, settled)
			about := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			if (width < 600) == (scheme == "light") { // each width and each scheme once: the two do not depend on each other
				b.accessible(about)
			}
			over := evaluate[[]string](b, `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")].filter(e => shown(e) && e.getBoundingClientRect().right > innerWidth + 1).slice(-3).map(e => e.outerHTML.slice(0, 200))`)
			if len(over) > 0 {
				b.Errorf("%s: the page is wider than the window: %s", about, strings.Join(over, "\n"))
			}
			b.keep(about)
		}
	}
	b.prefers("light")
}

// settled ends what fades from one colour to another, but for what turns round for ever.
const settled = `(document.getAnimations().forEach(a => { try { a.finish() } catch {} }), true)`

// keep writes a picture of the whole page as a file, and says where it is.
func (b *tab) keep(name string) {
	b.Helper()
	dir, err := screens()
	require.NoError(b, err)
	whole := true
	picture := protocol(b, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &whole, Clip: b.whole()})
	path := filepath.Join(dir, strings.NewReplacer("/", "_", " ", "-").Replace(name)+".png")
	content := []byte(picture.Data)
	if decoded, err := base64.StdEncoding.DecodeString(string(content)); err == nil {
		content = decoded
	}
	require.NoError(b, os.WriteFile(path, content, 0o644)) //nolint:gosec // to be looked at
	b.Logf("screen: %s", path)
}

// whole is the page with what has to be scrolled to, up to a length that can be looked at.
func (b *tab) whole() *cdppage.Viewport {
	b.Helper()
	size := evaluate[[]float64](b, "[document.documentElement.clientWidth, Math.min(4000, document.documentElement.scrollHeight)]")
	return &cdppage.Viewport{Width: size[0], Height: size[1], Scale: 1}
}

// TestAxeFindsWhatIsWrong shows that the checks above can fail.
func TestAxeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	v := visit(t, &client{T: t, base: "http://127.0.0.1", sandbox: "http://127.0.0.1"})
	v.open("data:text/html,<!doctype html><html lang=en><title>T</title><main><h1>H</h1><input><p style='color:%23ccc;background:%23fff'>pale</p></main>")
	found, err := isolated[[]violation](v.tab, axe+";("+axeRun+")()")
	require.NoError(t, err)
	var ids []string
	for _, one := range found {
		ids = append(ids, one.ID)
	}
	require.ElementsMatch(t, []string{"color-contrast", "label"}, ids)
}
