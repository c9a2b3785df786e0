package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// StartStandby makes a server that follows primary, answers reads and can be promoted. It needs pg_basebackup beside the
// other binaries. Whether the primary waits for it is the primary's synchronous_standby_names to say.
func StartStandby(ctx context.Context, primary *Server, o Options) (*Server, error) {
	s, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.Follow(ctx, primary); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

// Follow makes a standby of primary out of a server that has ended, under its old address. What it knew itself is gone.
func (s *Server) Follow(ctx context.Context, primary *Server) error {
	if err := os.RemoveAll(s.data()); err != nil {
		return err
	}
	address := fmt.Sprintf("host=%s port=%d user=%s sslmode=disable", primary.dir, port, role)
	if err := s.tool(ctx, "pg_basebackup", "--pgdata="+s.data(), "--dbname="+address, "--write-recovery-conf",
		"--wal-method=stream", "--checkpoint=fast", "--no-sync"); err != nil {
		return err
	}
	return s.launch(ctx)
}

// Promote ends a standby's following: it takes writes from now on.
func (s *Server) Promote(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	var promoted bool
	err = conn.QueryRow(ctx, "SELECT pg_promote()").Scan(&promoted)
	if err == nil && !promoted {
		err = errors.New("it is still a standby")
	}
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("promote the standby: %w", err)
	}
	return nil
}

// Kill ends the server and its children as the loss of its machine would: nobody is told, nothing is finished. Its files
// stay until Stop. (Where children cannot be listed, only the server itself is killed, and they follow a little later.)
func (s *Server) Kill() error {
	_ = s.process.Signal(syscall.SIGSTOP) // so that it starts no more of them, nor sees them die
	pid := strconv.Itoa(s.process.Pid)
	children, _ := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children") // Linux only
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
	}
	return s.end(os.Kill)
}

// Restart ends all of the server's processes at once, without a checkpoint, and starts it again: what pg_ctl -m immediate
// restart does. It returns once the server has recovered and answers.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.end(syscall.SIGQUIT); err != nil {
		return err
	}
	return s.launch(ctx)
}

// Runs tells whether the server's process is there.
func (s *Server) Runs() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}
