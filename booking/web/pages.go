package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// Pages are html/template, with what they need beside them; all of it is in the binary. No page has a script or a style of
// its own between its tags, because the policy below lets none run.

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// pagePolicy is what a page may load and run: what this server has, and nothing else. Scripts cannot write HTML except
// through the policy that assets/console.js declares.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"

// pages are the templates by name, and the assets by what they hold.
type pages struct {
	templates map[string]*template.Template
	assets    fs.FS
	version   string // of all assets: part of their addresses, so that browsers may keep them for good
}

func newPages() (*pages, error) {
	p := &pages{templates: map[string]*template.Template{}}
	var err error
	if p.assets, err = fs.Sub(assetFiles, "assets"); err != nil {
		return nil, err
	}
	sum := sha256.New()
	err = fs.WalkDir(p.assets, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(p.assets, name)
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		return err
	})
	if err != nil {
		return nil, err
	}
	p.version = hex.EncodeToString(sum.Sum(nil)[:6])
	layouts, err := template.New("").Funcs(p.functions()).ParseFS(pageFiles, "pages/_*.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	names, err := fs.Glob(pageFiles, "pages/[a-z]*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		one, err := layouts.Clone()
		if err == nil {
			one, err = one.ParseFS(pageFiles, name)
		}
		if err != nil {
			return nil, fmt.Errorf("read the page %s: %w", name, err)
		}
		p.templates[strings.TrimSuffix(path.Base(name), ".html")] = one
	}
	return p, nil
}

// functions are what templates can say beside the language's own.
func (p *pages) functions() template.FuncMap {
	return template.FuncMap{
		"asset":   func(name string) string { return "/assets/" + p.version + "/" + name },
		"instant": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"moment":  func(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04:05") },
		"words":   func(text any) string { return strings.ReplaceAll(fmt.Sprint(text), "_", " ") },
		"add":     func(a, b int) int { return a + b },
		"act":     actButton,
		"reveal":  func(id booking.ID) idButton { return actButton(id, button{Action: actionOf(booking.VerbReveal)}) },
	}
}

// page is what every page's template gets.
type page struct {
	Assets string   // the version of all assets
	Caller Key      // who has signed in; zero: nobody
	Path   string   // of the page, for the navigation
	Paused []string // what staff have paused, for the banner of the console
	View   any      // what the page itself shows
}

// render answers with a whole page.
func (s *Server) render(c echo.Context, status int, name string, view any) error {
	return s.renderPart(c, status, name, "page", view)
}

// renderPart answers with one part of a page, as its template defines it, for a script that puts it in its place.
func (s *Server) renderPart(c echo.Context, status int, name, part string, view any) error {
	found, ok := s.pages.templates[name]
	if !ok {
		return &problem{code: ProblemCodeInternal, cause: fmt.Errorf("there is no page %q", name)}
	}
	var out bytes.Buffer // so that a template that fails half-way answers as one
	p := page{Assets: s.pages.version, Caller: caller(c).key, Path: c.Request().URL.Path, View: view}
	if caller(c).staff() && part == "page" {
		p.Paused = s.pauses.paused(c.Request().Context(), s.now(), s.controls)
	}
	if err := found.ExecuteTemplate(&out, part, p); err != nil {
		return &problem{code: ProblemCodeInternal, cause: fmt.Errorf("render the page %q: %w", name, err)}
	}
	header := c.Response().Header()
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set(echo.HeaderVary, "HX-Request")
	return c.HTMLBlob(status, out.Bytes())
}

// asset serves a file that pages need. Its address changes with what it holds, so it may be kept for good.
func (s *Server) asset(c echo.Context) error {
	version, name, _ := strings.Cut(c.Param("*"), "/")
	if version != s.pages.version {
		return booking.ErrNotFound
	}
	return s.file(c, name, "public, max-age=31536000, immutable")
}

// file serves an asset under an address of its own.
func (s *Server) file(c echo.Context, name, caching string) error {
	content, err := fs.ReadFile(s.pages.assets, name)
	if err != nil {
		return booking.ErrNotFound
	}
	header := c.Response().Header()
	header.Set(echo.HeaderCacheControl, caching)
	header.Set("ETag", `"`+s.pages.version+`"`)
	if kind, known := assetTypes[path.Ext(name)]; known {
		header.Set(echo.HeaderContentType, kind)
	}
	http.ServeContent(c.Response(), c.Request(), name, time.Time{}, bytes.NewReader(content))
	return nil
}

// assetTypes are the types of files by what we know, and not by what the machine's own tables say.
var assetTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".ts": "text/plain; charset=utf-8",
	".txt": "text/plain; charset=utf-8", ".json": "application/json",
}

// wantsPage tells whether an error is to be shown to a person: at an address of a page, to who asked for HTML.
func wantsPage(c echo.Context) bool {
	at := c.Request().URL.Path
	return !strings.HasPrefix(at, "/v1/") && (strings.Contains(c.Request().Header.Get(echo.HeaderAccept), "text/html") || wantsPart(c))
}

// wantsPart tells whether a script asks, which puts a part of a page in its place.
func wantsPart(c echo.Context) bool { return c.Request().Header.Get("HX-Request") != "" }

// problemView is an error in words.
type problemView struct {
	Status    int
	Title     string
	Detail    string
	Code      ProblemCode
	Errors    []FieldError
	Allowed   []string
	RequestID string
	SignIn    bool // the way out is to sign in
}

// showProblem answers a person. Whoever has to sign in first is sent there, and comes back after it.
func (s *Server) showProblem(c echo.Context, p Problem) error {
	console := strings.HasPrefix(c.Request().URL.Path, consolePath)
	signIn := console && p.Status == http.StatusUnauthorized
	part := wantsPart(c)
	switch {
	case signIn && part:
		c.Response().Header().Set("HX-Redirect", signInPath)
		return c.NoContent(http.StatusUnauthorized)
	case signIn && c.Request().Method == http.MethodGet:
		c.Response().Header().Del(echo.HeaderWWWAuthenticate)
		return c.Redirect(http.StatusSeeOther, signInPath+"?next="+url.QueryEscape(c.Request().URL.RequestURI()))
	}
	view := problemView{
		Status: p.Status, Title: p.Title, Detail: p.Detail, Code: p.Code, Errors: p.Errors, Allowed: p.Allowed, RequestID: p.RequestId, SignIn: signIn,
	}
	if part {
		return s.renderPart(c, p.Status, "problem", "problem", view)
	}
	return s.render(c, p.Status, "problem", view)
}
