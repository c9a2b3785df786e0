package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// What the pages promise to browsers, exactly.
const (
	pagePolicyHeader = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; " +
		"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"
	sessionCookieName = "__Host-session"
	signInAddress     = "/support/sign-in"
)

// clerk is somebody at a browser, who sends what our own pages would, with the session's cookie where there is one. Redirects
// are not followed, so that tests see where they go.
type clerk struct {
	f      *fortress
	cookie string   // name=value; empty: nobody has signed in
	always []string // headers of every request, in pairs
}

// signIn is somebody who has signed in with this key.
func (f *fortress) signIn(key string) *clerk {
	f.Helper()
	c := &clerk{f: f}
	c.cookie = c.enter(key)
	return c
}

// enter posts the key, and returns the cookie that came back. It does not keep it.
func (c *clerk) enter(key string) string {
	c.f.Helper()
	a := c.post(signInAddress, url.Values{"key": {key}, "next": {""}}).is(http.StatusSeeOther)
	cookie := cookieOf(a)
	require.NotNil(c.f, cookie, "signing in gave no session")
	return cookie.Name + "=" + cookie.Value
}

// cookieOf is the session's cookie as an answer sets it, or nil.
func cookieOf(a answer) *http.Cookie {
	for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
		if cookie.Name == sessionCookieName {
			return cookie
		}
	}
	return nil
}

// get opens a page; headers come in pairs.
func (c *clerk) get(path string, headers ...string) answer {
	c.f.Helper()
	return c.ask("GET", path, nil, headers...)
}

// fragment asks for a page as htmx does.
func (c *clerk) fragment(path string, headers ...string) answer {
	c.f.Helper()
	return c.ask("GET", path, nil, append([]string{"HX-Request", "true"}, headers...)...)
}

// post sends a form.
func (c *clerk) post(path string, form url.Values, headers ...string) answer {
	c.f.Helper()
	return c.ask("POST", path, form, headers...)
}

// ask makes a request. An empty value takes a header away. Whatever comes back as HTML holds nothing that runs.
func (c *clerk) ask(method, path string, form url.Values, headers ...string) answer {
	c.f.Helper()
	header := http.Header{"Accept": {"text/html,application/xhtml+xml"}, "Sec-Fetch-Site": {"same-origin"}}
	if c.cookie != "" {
		header.Set("Cookie", c.cookie)
	}
	if method == "POST" {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	headers = slices.Concat(c.always, headers)
	for i := 0; i+1 < len(headers); i += 2 {
		header.Del(headers[i])
		if headers[i+1] != "" {
			header.Set(headers[i], headers[i+1])
		}
	}
	a := c.f.send(method, path, form.Encode(), header)
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		requireInert(c.f.g, method+" "+path, a)
	}
	return a
}

// act opens the dialogue of an action, fills it in, and sends it.
func (c *clerk) act(b bookingView, action string, filled url.Values) answer {
	c.f.Helper()
	dialogue := "/support/bookings/" + b.ID + "/actions/" + action
	at, _, _ := strings.Cut(dialogue, "?")
	form := formOf(c.f.g, c.get(dialogue).is(http.StatusOK), at)
	maps.Copy(form, filled)
	return c.post(at, form)
}

// formOf is what a browser sends of the form with this address, untouched.
func formOf(g *guard, page answer, address string) url.Values {
	g.Helper()
	form := url.Values{}
	for _, node := range nodes(g, page.body) {
		if node.Data != "form" || attribute(node, "action") != address && attribute(node, "hx-post") != address || attribute(node, "method") == "get" {
			continue
		}
		for field := range node.Descendants() {
			name := attribute(field, "name")
			if field.Type != html.ElementNode || name == "" || attribute(field, "type") == "radio" && form.Has(name) {
				continue
			}
			form.Set(name, attribute(field, "value"))
		}
		return form
	}
	require.Fail(g.T, "there is no such form", "%s: %s", address, page.body)
	return nil
}

// isHTML tells whether an answer is a page or a part of one.
func (a answer) isHTML() bool { return strings.HasPrefix(a.header.Get("Content-Type"), "text/html") }

// nodes are the elements of a page, in their order.
func nodes(g *guard, page []byte) []*html.Node {
	g.Helper()
	root, err := html.Parse(strings.NewReader(string(page)))
	require.NoError(g.T, err)
	var all []*html.Node
	for node := range root.Descendants() {
		if node.Type == html.ElementNode {
			all = append(all, node)
		}
	}
	return all
}

// attribute is the value of an attribute, and "" where there is none.
func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// plainText is what a reader sees of a page: its text, and what is in its fields.
func plainText(g *guard, page []byte) string {
	g.Helper()
	root, err := html.Parse(strings.NewReader(string(page)))
	require.NoError(g.T, err)
	var text strings.Builder
	for node := range root.Descendants() {
		switch node.Type {
		case html.TextNode:
			text.WriteString(node.Data)
		case html.ElementNode:
			text.WriteString("\n" + attribute(node, "value") + "\n" + attribute(node, "title") + "\n")
		case html.ErrorNode, html.DocumentNode, html.CommentNode, html.DoctypeNode, html.RawNode:
		}
	}
	return text.String()
}

// elements are all that our pages are made of. What is not among them came from somebody else's text.
var elements = strings.Fields(`html head meta title link script body a abbr address article aside b blockquote br button canvas caption code col colgroup datalist dd del
	details dialog div dl dt em fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr i input ins kbd label legend li main mark menu meter nav
	noscript ol optgroup option output p pre progress q s samp search section select small span strong sub summary sup table tbody td template textarea tfoot th
	thead time tr u ul var wbr`)

// addresses are the attributes that make a browser or htmx load something, or go somewhere.
var addresses = []string{
	"href", "src", "action", "formaction", "hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "hx-push-url", "hx-replace-url", "sse-connect", "data", "poster",
	"srcset", "ping", "cite", "background", "manifest", "data-src", "data-href",
}

// requireInert checks that nothing in a page runs but our own files, that it goes nowhere but to this service, and that it came
// with the headers that have the browser see to it.
func requireInert(g *guard, where string, a answer) {
	g.Helper()
	g.counted()
	require.Equal(g.T, pagePolicyHeader, a.header.Get("Content-Security-Policy"), where)
	require.Equal(g.T, "same-origin", a.header.Get("Cross-Origin-Opener-Policy"), where)
	require.Equal(g.T, "nosniff", a.header.Get("X-Content-Type-Options"), where)
	require.Equal(g.T, "no-store", a.header.Get("Cache-Control"), where)
	require.Equal(g.T, "no-referrer", a.header.Get("Referrer-Policy"), where)
	for _, node := range nodes(g, a.body) {
		require.True(g.T, slices.Contains(elements, node.Data), "%s: no page of ours has an element %s", where, node.Data)
		if node.Data == "script" && attribute(node, "type") == "application/json" { // data, which no browser runs
			require.True(g.T, node.FirstChild != nil && json.Valid([]byte(node.FirstChild.Data)), "%s: data that is none", where)
			require.Empty(g.T, attribute(node, "src"), where)
		} else if node.Data == "script" {
			require.Nil(g.T, node.FirstChild, "%s: a script between its tags", where)
			require.True(g.T, strings.HasPrefix(attribute(node, "src"), "/assets/"), "%s: a script of nowhere", where)
		}
		for _, attr := range node.Attr {
			name, value := strings.TrimPrefix(attr.Key, "data-hx-"), strings.TrimSpace(attr.Val)
			about := fmt.Sprintf("%s: <%s %s=%q>", where, node.Data, attr.Key, attr.Val)
			require.False(g.T, strings.HasPrefix(name, "on") || strings.HasPrefix(name, "hx-on") || name == "style" || name == "srcdoc", about)
			require.False(g.T, strings.HasPrefix(name, "hx-") && (strings.HasPrefix(value, "js:") || strings.HasPrefix(value, "javascript:")), about)
			if slices.Contains(addresses, name) && value != "true" && value != "false" {
				require.True(g.T, ownAddress(value), about)
			}
			if attr.Key == "http-equiv" {
				require.Equal(g.T, "refresh", value, about)
				_, to, _ := strings.Cut(attribute(node, "content"), "url=")
				require.True(g.T, ownAddress(to), about)
			}
		}
	}
}

// planted is in the path of each address that the texts of attackers have.
const planted = "zq9planted"

// ownAddress tells whether a browser that follows an address stays here, and where we meant it to.
func ownAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "" && u.Host == "" && u.Opaque == "" && !strings.HasPrefix(text, "//") && !strings.ContainsAny(text, "\\\r\n\t") &&
		!strings.Contains(u.Path, planted)
}
