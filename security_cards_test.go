package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// testCards are numbers that card schemes publish for tests.
var testCards = []string{
	"4242424242424242", "4111111111111111", "4000056655665556", "5555555555554444", "2223003122003222", "5105105105105100", "378282246310005",
	"371449635398431", "6011111111111117", "30569309025904", "3530111333300000", "6200000000000005", "6205500000000000004", "4222222222222",
}

// spellings are the ways in which people and programs write a number.
func spellings(card string) map[string]string {
	groups := func(between string) string {
		sizes := []int{4, 4, 4, 4, 3}
		if len(card) == 15 || len(card) == 14 {
			sizes = []int{4, 6, len(card) - 10}
		}
		var parts []string
		for rest, i := card, 0; rest != ""; i++ {
			n := min(sizes[i], len(rest))
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		return strings.Join(parts, between)
	}
	other := func(zero rune) string {
		return strings.Map(func(r rune) rune { return zero + r - '0' }, card)
	}
	return map[string]string{
		"plain": card, "spaces": groups(" "), "dashes": groups("-"), "dots": groups("."), "slashes": groups("/"), "underscores": groups("_"),
		"commas": groups(", "), "two spaces": groups("  "), "hard spaces": groups("\u00a0"), "long dashes": groups(" – "),
		"full width": other('０'), "Arabic": other('٠'), "Devanagari": other('०'), "in a sentence": "my card is " + groups(" ") + ", thanks", "between words": "x" + card + "y",
		"single digits": strings.Join(strings.Split(card, ""), " "),
	}
}

// textsOf are the strings of a document, by where they are.
func textsOf(v any, path []any, each func(path []any)) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			textsOf(member, append(path[:len(path):len(path)], name), each)
		}
	case []any:
		for i, element := range v {
			textsOf(element, append(path[:len(path):len(path)], i), each)
		}
	case string:
		each(path)
	}
}

func cardNumbers(g *guard) {
	f := fortify(g, "")
	b := f.atRest(order{})
	sent := map[string]bool{}
	refuse := func(text string, a answer, about ...any) {
		g.Helper()
		sent[text] = true
		g.refuses(a, 422, "card_data_refused", about...)
		require.NotContains(g.T, string(a.body), text)
	}
	submit := func(body string, headers ...string) answer {
		return f.call("POST", "/v1/bookings", f.keys["web"], body, append([]string{"Idempotency-Key", uuid.NewString()}, headers...)...)
	}
	wish := func(text string) string {
		return with(f, order{}.json(), []any{"stay", "rooms", 0}, "special_requests", text)
	}
	for _, card := range testCards {
		for name, text := range spellings(card) {
			refuse(text, submit(wish(text)), "%s, %s", card, name)
		}
	}
	const card, spaced = "4242424242424242", "4242 4242 4242 4242"
	refuse(card, submit(strings.Replace(order{}.json(), `"special_requests":""`, `"special_requests":"\u0034242\u002042424242\u00204242"`, 1)), "hidden by escapes")
	refuse(card, submit(strings.Replace(order{}.json(), `"adults":2`, `"adults":`+card, 1)), "as a number")
	refuse(card, submit(with(f, order{}.json(), nil, card, "x")), "as a name")
	refuse(card, submit(with(f, order{}.json(), []any{"attribution"}, "c", card)), "in a value of no fixed name")
	refuse(card, submit(`{"`+card), "in what is no JSON")
	var whole any
	require.NoError(g.T, json.Unmarshal([]byte(order{}.json()), &whole))
	textsOf(whole, nil, func(path []any) {
		name, ok := path[len(path)-1].(string)
		require.True(g.T, ok)
		refuse(spaced, submit(with(f, order{}.json(), path[:len(path)-1], name, spaced)), "%v", path)
	})
	for route, p := range policies() {
		method, path := address(route, b.ID)
		key := f.keys["web"]
		if strings.HasPrefix(p.access, "support") {
			key = f.keys["sue"]
		}
		if p.body != "" && p.access != "webhook" {
			var whole any
			require.NoError(g.T, json.Unmarshal([]byte(p.body), &whole))
			textsOf(whole, nil, func(at []any) {
				name, ok := at[len(at)-1].(string)
				require.True(g.T, ok)
				refuse(spaced, f.call(method, path, key, with(f, p.body, at[:len(at)-1], name, spaced), "Idempotency-Key", uuid.NewString()), "%s %v", route, at)
			})
		}
		for _, query := range []string{"q=" + card, "client_reference=" + url.QueryEscape(spaced), "cursor=" + card, "x=" + card, card + "=x"} {
			refuse(card, f.call(method, path+"?"+query, key, p.body, "Idempotency-Key", uuid.NewString()), "%s?%s", route, query)
		}
		for _, header := range []string{"Idempotency-Key", "User-Agent", "Referer", "X-Request-Id", "Prefer", "If-None-Match", "Last-Event-Id", "X-Anything", "Accept-Language", "From"} {
			refuse(card, f.call(method, path, key, p.body, header, card), "%s, %s", route, header)
		}
		if strings.Contains(route, "/:") {
			_, path, _ := strings.Cut(route, " ")
			path = parameters.ReplaceAllString(path, card)
			refuse(card, f.call(method, path, key, p.body, "Idempotency-Key", uuid.NewString()), "%s, in the path", route)
			refuse(spaced, f.call(method, strings.ReplaceAll(path, card, url.PathEscape(spaced)), key, p.body, "Idempotency-Key", uuid.NewString()), "%s, in the path", route)
		}
	}
	g.equal(1, f.stored(), "nothing of it was stored")
	innocent(g, f)
	texts := slices.Sorted(maps.Keys(sent))
	g.lacks("the log", f.log.String(), texts...)
	g.lacks("the database", f.kept(g), texts...)
}

// parameters are those of a route.
var parameters = regexp.MustCompile(`:\w+`)

// innocent numbers are as long as card numbers and are none: a sample, since the detector has its own test with 100,000.
func innocent(g *guard, f *fortress) {
	numbers := []string{
		"ES9121000418450200051332", "+4915112345678901", "00491711234567", uuid.NewString(), "2026-11-23T02:00:00.123456789Z", "20261123020000123",
		"4242424242424241", "pi_3OabcDEF4242", "b6a0f7c94242424242424242aa01c3d4", "1234567890123", "0000000000000000", "9999999999999995",
	}
	for i := range 300 {
		numbers = append(numbers, fmt.Sprint(time.Date(2001+i%32, 1, 1, 0, 0, i, i*7919, time.UTC).UnixMilli()))
	}
	for range 100 {
		numbers = append(numbers, "order-"+uuid.NewString(), uuid.NewString()+"-2")
	}
	refused := 0
	for _, number := range numbers {
		a := f.call("GET", "/v1/bookings?client_reference="+url.QueryEscape(number), f.keys["web"], "", "X-Number", number)
		if a.status != http.StatusOK {
			refused++
			g.Logf("%s is no card number: %s", number, a.body)
		}
	}
	g.equal(0, refused, "innocent numbers were refused")
}
