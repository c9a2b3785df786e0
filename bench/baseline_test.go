package bench

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

func TestTheBareServerCommitsWhatItAccepts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	said, saying := io.Pipe()
	served := make(chan error, 1)
	go func() { served <- ServeBare(ctx, Bare{Dir: dir, BodyBytes: 700}, saying) }()
	line, err := bufio.NewReader(said).ReadBytes('\n')
	require.NoError(t, err)
	var where struct{ HTTP string }
	require.NoError(t, json.Unmarshal(line, &where))
	base := "http://" + where.HTTP

	seen, err := closedLoop{base: base, connections: 8, requests: 300, lasting: time.Minute, prepare: newSubmissions("k", "sim_ok").prepare}.run(ctx)
	require.NoError(t, err)
	require.NoError(t, seen.only(http.StatusAccepted))
	for status, length := range map[int]int{http.StatusOK: 700, http.StatusNotModified: 0} {
		seen, err = closedLoop{
			base: base, connections: 1, requests: 3, lasting: time.Minute, prepare: polls("k", []accepted{{id: "any", etag: bareETag}}, status),
			answered: func(_ int, res *fasthttp.Response) { require.Len(t, res.Body(), length) },
		}.run(ctx)
		require.NoError(t, err)
		require.NoError(t, seen.only(status))
	}
	cancel()
	require.NoError(t, <-served)

	db, err := sql.Open("sqlite", filepath.Join(dir, "bare.db"))
	require.NoError(t, err)
	defer db.Close()
	var rows, references int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*), COUNT(DISTINCT body ->> 'client_reference') FROM bare").Scan(&rows, &references))
	require.Equal(t, 300, rows)
	require.Equal(t, 300, references)
}

func TestPaddingIsJSONOfItsLength(t *testing.T) {
	t.Parallel()
	require.Len(t, padded(1000), 1000)
	require.True(t, json.Valid(bytes.TrimSpace(padded(0))))
}
