package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// Bare says what the bare server works on.
type Bare struct {
	DatabaseURL string // PostgreSQL; empty: SQLite in Dir
	Dir         string
	BodyBytes   int // of the answer to GET
}

const (
	bareBatch    = 256  // rows in one commit, at most, as the service has it
	bareWaiting  = 4096 // rows that wait for one; more handlers wait for a place
	bareETag     = `"1"`
	barePostgres = `INSERT INTO bare (id, client_reference, body) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])`
	bareSQLite   = `INSERT INTO bare (id, client_reference, body) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)`
)

// bareRow is one submission on its way to the database.
type bareRow struct {
	id, reference, body string
	settled             chan error
}

// bare is what the service is compared with: echo, and one row for each submission, many of them in a commit. Nothing
// is checked, nobody is known, nothing is kept of a repetition, and nobody does anything with the rows.
type bare struct {
	db     *sql.DB
	insert func(ctx context.Context, batch []*bareRow) error
	rows   chan *bareRow
	body   []byte
}

// ServeBare runs the bare server until ctx ends, and says on out, in JSON, where it listens.
func ServeBare(ctx context.Context, o Bare, out io.Writer) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &bare{rows: make(chan *bareRow, bareWaiting), body: padded(o.BodyBytes)}
	flushers, err := s.open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.db.Close()) }()
	var flushing sync.WaitGroup
	defer func() {
		cancel()
		flushing.Wait()
	}()
	for range flushers {
		flushing.Go(func() { s.flush(ctx) })
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e := echo.New()
	e.POST(bookingsPath, s.accept)
	e.GET(bookingsPath+"/:id", s.show)
	server := &http.Server{Handler: e, ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	fmt.Fprintf(out, `{"msg":"serving","http":%q}`+"\n", listener.Addr())
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() { stopped <- server.Close() })
	if err := server.Serve(listener); release() {
		return err
	}
	return <-stopped
}

// open makes the table. It returns how many commits may be under way at once, as many as the service's.
func (s *bare) open(ctx context.Context, o Bare) (flushers int, err error) {
	if o.DatabaseURL != "" {
		flushers, s.insert = 2, s.insertPostgres
		s.db, err = sql.Open("pgx", o.DatabaseURL)
	} else {
		flushers, s.insert = 1, s.insertSQLite
		s.db, err = sql.Open("sqlite", "file:"+filepath.Join(o.Dir, "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	}
	if err != nil {
		return 0, err
	}
	s.db.SetMaxOpenConns(flushers)
	s.db.SetMaxIdleConns(flushers)
	_, err = s.db.ExecContext(ctx, "CREATE TABLE bare (id TEXT PRIMARY KEY, client_reference TEXT NOT NULL, body TEXT NOT NULL)")
	return flushers, err
}

// accept answers 202 once the row is durable.
func (s *bare) accept(c echo.Context) error {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	var in submission
	if err := json.Unmarshal(body, &in); err != nil {
		return echo.ErrBadRequest
	}
	row := &bareRow{id: uuid.Must(uuid.NewV7()).String(), reference: in.ClientReference, body: string(body), settled: make(chan error, 1)}
	s.rows <- row
	if err := <-row.settled; err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, map[string]string{"id": row.id})
}

// show answers from memory.
func (s *bare) show(c echo.Context) error {
	c.Response().Header().Set("ETag", bareETag)
	if c.Request().Header.Get("If-None-Match") == bareETag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSONBlob(http.StatusOK, s.body)
}

// flush commits whatever has gathered, as soon as it is free, until ctx ends.
func (s *bare) flush(ctx context.Context) {
	for {
		var batch []*bareRow
		select {
		case row := <-s.rows:
			batch = append(batch, row)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(batch) < bareBatch; {
			select {
			case row := <-s.rows:
				batch = append(batch, row)
			default:
				more = false
			}
		}
		err := s.insert(ctx, batch)
		for _, row := range batch {
			row.settled <- err
		}
	}
}

// padded is JSON of so many bytes, as far as that is possible.
func padded(n int) []byte {
	const head, tail = `{"padding":"`, `"}`
	return []byte(head + strings.Repeat("x", max(0, n-len(head)-len(tail))) + tail)
}

func (s *bare) insertPostgres(ctx context.Context, batch []*bareRow) error {
	ids, references, bodies := make([]string, len(batch)), make([]string, len(batch)), make([]string, len(batch))
	for i, row := range batch {
		ids[i], references[i], bodies[i] = row.id, row.reference, row.body
	}
	_, err := s.db.ExecContext(ctx, barePostgres, ids, references, bodies)
	return err
}

func (s *bare) insertSQLite(ctx context.Context, batch []*bareRow) error {
	rows := make([][3]string, len(batch))
	for i, row := range batch {
		rows[i] = [3]string{row.id, row.reference, row.body}
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, bareSQLite, string(list))
	return err
}
