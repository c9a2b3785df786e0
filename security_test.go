package main

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
)

// securityRows are the threats that the service is tested against from outside, each with what has to hold. How staff sign in by
// way of an identity provider is tested in package web, and what browsers make of the pages in the tests that drive one.
var securityRows = []struct {
	threat string
	check  func(*guard)
}{
	{"every route knows its callers", accessMatrix},
	{"every page knows its visitors", pageMatrix},
	{"not yours is not there", notYoursIsNotThere},
	{"ids and references can be guessed", guessing},
	{"a body is more than it should be", bodyBombs},
	{"connections are held half open", slowloris},
	{"requests come too fast", paces},
	{"addresses are made up", spoofedAddresses},
	{"hosts are made up", spoofedHosts},
	{"fields are set that are not the caller's", massAssignment},
	{"answers have more fields than the caller may see", fieldsOfEachRole},
	{"personal data and secrets leak on SQLite", canariesOnSQLite},
	{"personal data and secrets leak on PostgreSQL", canariesOnPostgres},
	{"card numbers come in", cardNumbers},
	{"texts are code to SQLite", injectionsOnSQLite},
	{"texts are code to PostgreSQL", injectionsOnPostgres},
	{"the checkout's key is used for more", publishableKey},
	{"sessions are stolen or chosen on SQLite", sessionsOnSQLite},
	{"sessions are stolen or chosen on PostgreSQL", sessionsOnPostgres},
	{"another site's page sends forms", forgedForms},
	{"a form is more than it should be", formBombs},
	{"forms are sent by who may not", rolesAtForms},
	{"card numbers come in by pages", cardsInPages},
	{"texts are code to pages over SQLite", func(g *guard) { pageInjections(g, fortify(g, "", withProvider, briefStreams)) }},
	{"texts are code to pages over PostgreSQL", func(g *guard) {
		pageInjections(g, fortify(g, storetest.PostgresSchema(g.T), withProvider, briefStreams))
	}},
	{"texts are scripts to pages", scriptsInTexts},
	{"addresses are scripts to pages", scriptsInAddresses},
	{"what vendors say is script to pages", scriptsOfVendors},
	{"texts are formulas to spreadsheets", formulas},
	{"signing in leads elsewhere", waysOut},
	{"what was erased comes back on SQLite", erasureOnSQLite},
	{"what was erased comes back on PostgreSQL", erasureOnPostgres},
	{"answers lack their headers", headersOfEveryRoute},
	{"pages lack their headers", headersOfEveryPage},
	{"a page stays open for who has gone", streamsEndWithSessions},
	{"pages tell of the inside on SQLite", func(g *guard) { pagesTellNothing(g, "") }},
	{"pages tell of the inside on PostgreSQL", func(g *guard) { pagesTellNothing(g, storetest.PostgresSchema(g.T)) }},
	{"errors tell of the inside on SQLite", func(g *guard) { errorsTellNothing(g, "", "no such table") }},
	{"errors tell of the inside on PostgreSQL", func(g *guard) { errorsTellNothing(g, storetest.PostgresSchema(g.T), "does not exist") }},
	{"the admin's pages are public", adminIsApart},
	{"idempotency keys are shared", idempotencyAbuse},
	{"secrets can be read from outside the process", secretsOfTheProcess},
	{"the configuration is printed", secretsOfTheConfiguration},
	{"vendors lie", hostileVendors},
	{"cards are tried out", cardTesting},
	{"webhooks reach into the network on SQLite", func(g *guard) { webhooksStayOutside(g, "") }},
	{"webhooks reach into the network on PostgreSQL", func(g *guard) { webhooksStayOutside(g, storetest.PostgresSchema(g.T)) }},
}

// textRows try hundreds of texts one after the other, in each place that takes one.
var textRows = map[string]bool{
	"texts are code to SQLite": true, "texts are code to PostgreSQL": true, "texts are code to pages over SQLite": true,
	"texts are code to pages over PostgreSQL": true, "texts are scripts to pages": true, "addresses are scripts to pages": true,
}

// assertionsLeast is a floor: a row that silently checks nothing any more brings the sum below it.
const assertionsLeast = 30_000

// TestSecurity attacks the whole service over its sockets and reads what it leaves behind.
func TestSecurity(t *testing.T) {
	t.Parallel()
	var count, done atomic.Int64
	t.Run("threat", func(t *testing.T) {
		for _, row := range securityRows {
			t.Run(row.threat, func(t *testing.T) {
				t.Parallel()
				if underRaceDetector && textRows[row.threat] {
					t.Skip("one request after the other: minutes in which the race detector would see nothing new")
				}
				g := &guard{T: t, count: &count}
				row.check(g)
				require.Positive(t, g.own.Load(), "nothing was checked")
				done.Add(1)
			})
		}
	})
	t.Logf("security: %d assertions", count.Load())
	if int(done.Load()) == len(securityRows) { // not where -run selects, or PostgreSQL is missing
		require.GreaterOrEqual(t, int(count.Load()), assertionsLeast)
	}
}

// guard counts what is checked: an expectation about one request, one field or one file is one, however many bytes it reads.
type guard struct {
	*testing.T
	count *atomic.Int64 // of all rows
	own   atomic.Int64  // of this one
}

func (g *guard) counted() {
	g.count.Add(1)
	g.own.Add(1)
}

func (g *guard) equal(want, got any, about ...any) {
	g.Helper()
	g.counted()
	require.Equal(g.T, want, got, about...)
}

func (g *guard) holds(ok bool, about ...any) {
	g.Helper()
	g.counted()
	require.True(g.T, ok, about...)
}

// lacks checks that text holds none of the words, in any letter case. Each word is one expectation.
func (g *guard) lacks(where, text string, words ...string) {
	g.Helper()
	lower := strings.ToLower(text)
	for _, word := range words {
		require.NotEmpty(g.T, word)
		g.counted()
		if at := strings.Index(lower, strings.ToLower(word)); at >= 0 {
			require.Fail(g.T, "it holds what it must not", "%s: %q in ...%s...", where, word, text[max(0, at-200):min(len(text), at+100)])
		}
	}
}

// has checks that the search can find anything at all: text holds all of the words.
func (g *guard) has(where, text string, words ...string) {
	g.Helper()
	for _, word := range words {
		g.counted()
		require.Contains(g.T, text, word, where)
	}
}
