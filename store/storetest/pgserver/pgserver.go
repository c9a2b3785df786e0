// Package pgserver runs a private PostgreSQL for tests and load runs: found or installed, listening on a unix socket only,
// as another user when we are root. It is gone when it is stopped, and on Linux also when its parent is killed.
//
//	server, err := pgserver.Start(ctx, pgserver.Options{Log: os.Stderr})
//	...
//	defer server.Stop()
//	db, err := sql.Open("pgx", server.URL())
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"hotelbooking/store/storetest/child"
)

const (
	port       = 5432 // only part of the socket's name: nothing listens on TCP
	role       = "booking"
	stopWithin = 20 * time.Second
	startPoll  = 20 * time.Millisecond
)

// Options say which PostgreSQL, where, and how durable. The zero Options find or install one, keep it in a temporary
// directory and trade its durability for speed.
type Options struct {
	Bin     string    // directory of initdb and postgres; empty: Find, then Install
	Dir     string    // where the cluster's own directory is made; empty: os.TempDir, as root /tmp
	Durable bool      // fsync on, as in production: for load figures. Off: tests kill the service, never the machine
	Log     io.Writer // what an installation prints; nil: nothing

	Settings []string // more of postgres's, such as "max_connections=20"; a later one wins
}

// Server is a running cluster with one database, "booking", owned by the superuser of the same name.
type Server struct {
	dir     string
	bin     string
	as      *syscall.Credential // nil: ourselves
	args    []string            // of postgres
	process *os.Process
	exited  <-chan struct{} // closed once the process has been waited for
}

// Start makes a cluster and returns once it answers. ctx bounds the installing and starting; it does not end the server,
// which the caller must Stop.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.initialize(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	if err := s.createDatabase(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// prepare finds the binaries and makes a directory for a cluster.
func prepare(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	bin, err := o.Bin, error(nil)
	if bin == "" {
		bin, err = findOrInstall(ctx, o.Log)
	}
	if err != nil {
		return nil, err
	}
	as, err := serverAccount()
	if err != nil {
		return nil, err
	}
	dir, err := makeDir(o.Dir, as)
	if err != nil {
		return nil, fmt.Errorf("make a directory for postgres: %w", err)
	}
	return &Server{dir: dir, bin: bin, as: as, args: serverArgs(o, filepath.Join(dir, "data"), dir)}, nil
}

// URL connects to the database "booking" as its superuser.
func (s *Server) URL() string { return s.url(role) }

func (s *Server) url(database string) string {
	query := url.Values{"host": {s.dir}, "port": {strconv.Itoa(port)}, "sslmode": {"disable"}}
	return "postgres://" + role + "@/" + database + "?" + query.Encode()
}

// Stop ends all connections, waits for the server's end and removes its directory. Another call does nothing.
func (s *Server) Stop() error {
	// A fast shutdown, then an immediate one; a kill would leave the server's children to find out by themselves.
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGQUIT, os.Kill} {
		if s.end(sig) == nil {
			return os.RemoveAll(s.dir)
		}
	}
	return fmt.Errorf("stop postgres: process %d outlived a kill; its files are in %s", s.process.Pid, s.dir)
}

// end asks the server to end, and waits for it a while.
func (s *Server) end(sig os.Signal) error {
	if s.process != nil { // it never began otherwise
		_ = s.process.Signal(sig) // an error means that it has ended
	}
	select {
	case <-s.exited:
		return nil
	case <-time.After(stopWithin):
		return fmt.Errorf("postgres has not ended within %s of %s", stopWithin, sig)
	}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initialize(ctx context.Context) error {
	return s.tool(ctx, "initdb", "--pgdata="+s.data(), "--username="+role, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
}

// apart keeps an interrupt typed at the terminal from reaching the server before us.
func (s *Server) apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
}

// tool runs one of PostgreSQL's programs as the server's account.
func (s *Server) tool(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = s.dir, serverEnv(), s.apart()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s in %s: %w\n%s", name, s.dir, err, out)
	}
	return nil
}

// launch starts the server on its files and returns once it answers. What it started before an error is stopped, and its
// files are gone.
func (s *Server) launch(ctx context.Context) error {
	logName := filepath.Join(s.dir, "postgres.log")
	output, err := os.OpenFile(logName, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	postgres := exec.Command(filepath.Join(s.bin, "postgres"), s.args...) //nolint:noctx // lives until Stop
	postgres.Dir, postgres.Env, postgres.SysProcAttr = s.dir, serverEnv(), s.apart()
	postgres.Stdout, postgres.Stderr = output, output
	s.exited, err = child.Start(postgres, syscall.SIGQUIT)
	s.process = postgres.Process
	if err != nil {
		return errors.Join(fmt.Errorf("start postgres: %w", err), os.RemoveAll(s.dir))
	}
	if err := s.ready(ctx); err != nil {
		printed, _ := os.ReadFile(logName)
		return errors.Join(fmt.Errorf("start postgres: %w\n%s", err, printed), s.Stop())
	}
	return nil
}

// ready waits until the server answers.
func (s *Server) ready(ctx context.Context) error {
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(startPoll):
		}
	}
}

func (s *Server) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+role)
	return errors.Join(err, conn.Close(ctx))
}

func serverArgs(o Options, data, sockets string) []string {
	settings := []string{
		"listen_addresses=",
		"unix_socket_directories=" + sockets,
		"port=" + strconv.Itoa(port),
		"max_connections=300", // go test runs packages side by side, each with a pool of its own
		"log_min_messages=fatal",
		"log_min_error_statement=panic",     // tests provoke errors on purpose
		"wal_retrieve_retry_interval=100ms", // of a standby: see Follow
	}
	if !o.Durable {
		// synchronous_commit stays on: the store refuses to start without it.
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	args := []string{"-D", data}
	for _, setting := range append(settings, o.Settings...) {
		args = append(args, "-c", setting)
	}
	return args
}

// serverEnv keeps PGPORT, LC_ALL and their like from changing what is started.
func serverEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}
