package web

import (
	"crypto/sha256"
	"encoding/csv"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"hotelbooking/booking"
)

// Whatever a link says, whoever signs in goes on to a page of the console, as browsers understand addresses: they take \ for /, and
// leave tabs and line breaks out.
func FuzzOwnPath(f *testing.F) {
	for _, next := range []string{
		"/support", "/support?q=a%20b&status=failed#x", "/support/bookings/01945e2a-7c00-7000-8000-000000000001?done=3", "//evil.example", "/\\evil.example", "/support/../docs",
		"/support/%2e%2e/docs", "https://evil.example/support", "javascript:alert(1)", "/support//evil.example", "/support\x00", "/support?\r\nSet-Cookie: s=1", "", "///support", "/support%2f..",
	} {
		f.Add(next)
	}
	f.Fuzz(func(t *testing.T, next string) {
		to := ownPath(next)
		require.Equal(t, to, ownPath(to), "what is ours stays as it is")
		browsers := strings.NewReplacer(`\`, "/", "\t", "", "\r", "", "\n", "").Replace(to)
		require.Equal(t, to, browsers)
		base, err := url.Parse("https://booking.example/support/sign-in")
		require.NoError(t, err)
		at, err := base.Parse(to)
		require.NoError(t, err)
		require.Equal(t, "https://booking.example", at.Scheme+"://"+at.Host)
		require.True(t, at.Path == consolePath || strings.HasPrefix(at.Path, consolePath+"/"), "%q", to)
		require.True(t, visible(to), "%q is a header's value", to)
	})
}

// A form is read as url.ParseQuery reads it, or refused: with a field too many, with one twice, with a card number, or when too long.
func FuzzForm(f *testing.F) {
	const kind = "application/x-www-form-urlencoded"
	f.Add(kind, "reason=asked+by+phone&choice=do~3~ab")
	f.Add(kind+"; charset=utf-8", "reason=%F0%9F%98%80&amount=1%2C00")
	f.Add(kind, "reason=a&reason=b")
	f.Add(kind, "reason=a;choice=b")
	f.Add(kind, "reason=4111+1111+1111+1111")
	f.Add(kind, "role=supervisor&%72eason=x&=&&%")
	f.Add("text/plain", "reason=a")
	f.Add("", "")
	f.Add(kind, "reason="+strings.Repeat("a", formMax))
	f.Fuzz(func(t *testing.T, contentType, body string) {
		api := fuzzed()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/support/pauses?what=x", strings.NewReader(body))
		request.Header.Set("Content-Type", contentType)
		got, err := api.form(api.echo.NewContext(request, httptest.NewRecorder()), "reason", "choice", "amount")
		want, unreadable := url.ParseQuery(body)
		if err != nil {
			status, _, _ := describe(asProblem(err).code)
			require.Contains(t, []int{400, 413, 415, 422}, status)
			require.Nil(t, got)
			return
		}
		require.NoError(t, unreadable)
		require.LessOrEqual(t, len(body), formMax)
		require.Equal(t, want, got, "and nothing of the address")
		for name, values := range got {
			require.Contains(t, []string{"reason", "choice", "amount"}, name)
			require.Len(t, values, 1)
			require.False(t, holdsCard(values[0]))
		}
	})
}

// A view of the list is the same view again by the address that it has, and what is wrong with it is said of a parameter.
func FuzzSelection(f *testing.F) {
	for _, p := range presets {
		f.Add(p.query)
	}
	f.Add("q=+1818-G180-1Y+&status=failed&status=failed&status=&attention=any&supplier=sandbox&failure=payment_declined&older_than=7d&newer_than=1h&uncaptured=true")
	f.Add("created_after=2026-11-23T08:00:00%2B14:00&created_before=9999-12-31T23:59:59.999999999Z&older_than=99999999999999999999d&newer_than=-1h")
	f.Add("q=%00%ff&attention=<script>&uncaptured=1&status=nothing&older_than=1e9h&created_after=yesterday")
	now := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return // Go answers for us
		}
		v := parseSelection(values)
		filter := v.filter(now)
		for name, why := range v.Wrong {
			require.Contains(t, filterParameters, name)
			require.NotEmpty(t, why)
		}
		require.Equal(t, len(v.Wrong) > 0, v.problem() != nil)
		again := parseSelection(v.Values())
		sameFilter := again.filter(now)
		require.Equal(t, v.Values().Encode(), again.Values().Encode())
		if len(v.Wrong) > 0 {
			return
		}
		require.Empty(t, again.Wrong)
		require.Equal(t, filter, sameFilter)
		for _, status := range filter.Statuses {
			require.Contains(t, booking.Statuses(), status)
		}
		at, err := url.Parse(v.at(consolePath, "cursor", "x"))
		require.NoError(t, err)
		require.Equal(t, consolePath, at.Path)
		for name := range maps.Keys(at.Query()) {
			require.Contains(t, append(slices.Clone(filterParameters), "cursor"), name)
		}
	})
}

// Nothing that stands in a cell begins as a formula does, where lines are parted by commas, and where by semicolons or tabs. What was
// written is still there.
func FuzzCSV(f *testing.F) {
	for _, text := range []string{"Hotel Sol", "=1+1", "\t=1", "a;=1", "a; \"=1", "a\n=1", "\r\n-1", "＝1", "'=1", "\"", "", "a,=1", "@", ";;+", "é\u200d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		cell := inert(text)
		var file strings.Builder
		out := csv.NewWriter(&file)
		out.UseCRLF = true
		require.NoError(t, out.Write([]string{"id", cell, "last"}))
		out.Flush()
		require.NoError(t, out.Error())
		rows, err := csv.NewReader(strings.NewReader(file.String())).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.Len(t, rows[0], 3)
		plain := strings.NewReplacer("'", "", "\r", "", "\n", "")
		require.Equal(t, plain.Replace(text), plain.Replace(rows[0][1]))
		if rows[0][1] != "" {
			require.NotContains(t, "=+-@\t\r＝＋－＠", string([]rune(rows[0][1])[0]))
		}
		for _, part := range strings.FieldsFunc(file.String(), func(r rune) bool { return strings.ContainsRune(";\t\r\n", r) }) {
			if begins := strings.Trim(part, `" `); begins != "" {
				require.NotContains(t, "=+-@＝＋－＠", string([]rune(begins)[0]), "%q", file.String())
			}
		}
	})
}

// Whatever somebody who has signed in asks of the pages, and sends by their forms, is answered, by a page in which nothing runs.
func FuzzPages(f *testing.F) {
	f.Add(byte(0), "q", "ana@example.com", "reason", "asked by phone", true)
	f.Add(byte(1), "status", "<script>", "choice", "do~3~"+strings.Repeat("0", 64), false)
	f.Add(byte(2), "cursor", "AAAA", "amount", "1,00", false)
	f.Add(byte(3), "part", "live", "what", "supplier:\x00", true)
	f.Add(byte(4), "next", "//evil.example", "key", "\"><img src=x onerror=alert(1)>", false)
	f.Add(byte(5), "action", "refund", "began", "9999-99-99", true)
	f.Add(byte(6), "since", "-9223372036854775808", "fee", "-1", false)
	f.Add(byte(7), "done", "99999999999999999999", "supplier_reference", "\u202e", true)
	f.Fuzz(func(t *testing.T, which byte, name, value, field, text string, part bool) {
		d := freshDesk(t)
		d.api.sessions, d.api.views, d.api.controls = d.house, d.house, d.house
		d.house.sessions[sha256.Sum256([]byte("token"))] = booking.Session{
			Name: "sue", Role: string(RoleSupervisor), Key: HashKey(supervisorKey), Begun: d.house.clock(), Ends: d.house.clock().Add(time.Hour),
		}
		d.post("/v1/bookings", webKey, []byte(submission("", "")), "Idempotency-Key", "key-1").is(http.StatusAccepted)
		routes := d.api.pageRoutes()
		r := routes[int(which)%len(routes)]
		if strings.HasSuffix(r.path, "/events") || r.path == "/support/sign-out" {
			return // the one stays open, the other ends what the rest needs
		}
		path := strings.NewReplacer(":identifier", value, ":id", "01945e2a-7c00-7000-8000-000000000001", "*", value).Replace(r.path)
		body := ""
		if r.method == http.MethodPost {
			body = url.Values{field: {text}}.Encode()
		}
		request := httptest.NewRequestWithContext(t.Context(), r.method, "/", strings.NewReader(body))
		request.URL = &url.URL{Path: path, RawQuery: url.Values{name: {value}}.Encode()}
		request.Header = http.Header{
			"Cookie": {sessionCookie + "=token"}, "Accept": {"text/html"}, "Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/x-www-form-urlencoded"},
		}
		if part {
			request.Header.Set("HX-Request", "true")
		}
		w := newRecorder(t)
		d.api.ServeHTTP(w, request)
		answer := w.reply()
		require.Less(t, answer.status, http.StatusInternalServerError, "%s %s: %s", r.method, path, answer.body)
		if to := answer.header.Get("Location"); to != "" {
			require.True(t, strings.HasPrefix(to, consolePath) && visible(to), "%q", to)
		}
		if strings.HasPrefix(answer.header.Get("Content-Type"), "text/html") {
			require.Equal(t, pagePolicy, answer.header.Get("Content-Security-Policy"))
			requireNothingRuns(t, string(answer.body))
		}
	})
}

func requireNothingRuns(t *testing.T, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	for node := range root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		require.NotContains(t, []string{"img", "svg", "style", "iframe", "object", "embed", "base", "math"}, node.Data)
		src, data := "", false
		for _, attr := range node.Attr {
			require.False(t, strings.HasPrefix(attr.Key, "on") || attr.Key == "style" || attr.Key == "srcdoc", "<%s %s>", node.Data, attr.Key)
			if attr.Key == "href" || attr.Key == "src" || attr.Key == "action" || attr.Key == "hx-get" || attr.Key == "hx-post" {
				require.True(t, strings.HasPrefix(attr.Val, "/") && !strings.HasPrefix(attr.Val, "//") || strings.HasPrefix(attr.Val, "#"), "<%s %s=%q>", node.Data, attr.Key, attr.Val)
			}
			if attr.Key == "src" {
				src = attr.Val
			}
			data = data || attr.Key == "type" && attr.Val == "application/json"
		}
		require.True(t, node.Data != "script" || data || strings.HasPrefix(src, "/assets/"), "a script of others")
	}
}
