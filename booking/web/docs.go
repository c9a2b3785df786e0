package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

const docsAssets = "/docs/*"

// GetSpec serves the specification that everything here is built from.
func (s *Server) GetSpec(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=300")
	return c.Blob(http.StatusOK, "application/yaml", specYAML)
}

// GetDocs serves the specification as a page. Everything it needs is embedded.
func (s *Server) GetDocs(c echo.Context) error { return s.docs(c) }

// docsPage is the page and the policy under which it may run.
type docsPage struct {
	handler http.Handler
	policy  string
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// newDocsPage renders the page once, to name its inline script in the policy by its digest instead of allowing all of them.
// Its style sheets are written by script, and harmless.
func newDocsPage() docsPage {
	handler := v5emb.NewHandlerWithConfig(swgui.Config{Title: "Hotel booking", SwaggerJSON: "/openapi.yaml", BasePath: "/docs/", HideCurl: false})
	page := pageBuffer{header: http.Header{}}
	handler.ServeHTTP(&page, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/docs"}})
	var scripts strings.Builder
	for _, script := range inlineScript.FindAllSubmatch(page.Bytes(), -1) {
		sum := sha256.Sum256(script[1])
		scripts.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
	}
	return docsPage{handler: handler, policy: "default-src 'none'; script-src 'self'" + scripts.String() +
		"; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
}

// pageBuffer takes a page that nobody asked for over a connection.
type pageBuffer struct {
	bytes.Buffer
	header http.Header
}

func (p *pageBuffer) Header() http.Header { return p.header }

func (p *pageBuffer) WriteHeader(int) {}

// docs serves the page and its files.
func (s *Server) docs(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Content-Security-Policy", s.page.policy)
	h.Set("Cache-Control", "public, max-age=300")
	s.page.handler.ServeHTTP(c.Response(), c.Request())
	return nil
}
