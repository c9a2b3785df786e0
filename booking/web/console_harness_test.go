package web

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// clerk is somebody at a browser, signed in to the console. Redirects are not followed, so that tests see them.
type clerk struct {
	*site
	cookie string // as the browser sends it; empty: nobody has signed in
}

// staff signs in with a key, as the page's form does.
func staff(t *testing.T, s *site, key string) *clerk {
	t.Helper()
	c := &clerk{site: s.with(t)}
	answer := c.post(signInPath, url.Values{"key": {key}, "next": {""}}).is(http.StatusSeeOther)
	for _, cookie := range (&http.Response{Header: answer.header}).Cookies() {
		if cookie.Name == sessionCookie {
			c.cookie = cookie.Name + "=" + cookie.Value
		}
	}
	require.NotEmpty(t, c.cookie, "signing in gave no session")
	return c
}

// nobody is a browser without a session.
func nobody(t *testing.T, s *site) *clerk {
	t.Helper()
	return &clerk{site: s.with(t)}
}

// get opens a page. head is pairs of a header's name and value, as in call.
func (c *clerk) get(path string, head ...string) reply {
	c.Helper()
	return c.browse(http.MethodGet, path, "", head...)
}

// fragment gets what htmx asks for.
func (c *clerk) fragment(path string, head ...string) reply {
	c.Helper()
	return c.get(path, append([]string{"HX-Request", "true"}, head...)...)
}

// post sends a form from one of our own pages.
func (c *clerk) post(path string, form url.Values, head ...string) reply {
	c.Helper()
	return c.browse(http.MethodPost, path, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, head...)...)
}

func (c *clerk) browse(method, path, body string, head ...string) reply {
	c.Helper()
	request, err := http.NewRequestWithContext(c.Context(), method, c.server.URL+path, strings.NewReader(body))
	require.NoError(c, err)
	request.Header.Set("Accept", "text/html")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	if c.cookie != "" {
		request.Header.Set("Cookie", c.cookie)
	}
	for i := 0; i < len(head); i += 2 {
		request.Header.Set(head[i], head[i+1])
	}
	client := *c.server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	require.NoError(c, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(c, err)
	return reply{c.T, response.StatusCode, response.Header, raw}
}

// page is the answer as a page or a part of one; nothing that runs may be in it.
func (r reply) page(status int) string {
	r.Helper()
	r.is(status)
	require.Equal(r, "text/html; charset=UTF-8", r.header.Get("Content-Type"))
	require.Equal(r, pagePolicy, r.header.Get("Content-Security-Policy"))
	return string(r.body)
}
