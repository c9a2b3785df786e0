package jetstream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
)

// embeddedReady bounds how long a server in this process may take to start.
const embeddedReady = 10 * time.Second

// embedded is a server that only this process can reach.
type embedded struct {
	*server.Server
	lock *flock.Flock // on its directory: two servers in one would write over each other's files
}

func embed(a Address, log *zap.Logger) (*embedded, error) {
	if err := os.MkdirAll(a.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a directory for the broker: %w", err)
	}
	e := &embedded{lock: flock.New(filepath.Join(a.Dir, "lock"))}
	alone, err := e.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the broker's directory: %w", err)
	}
	if !alone {
		return nil, fmt.Errorf("another process has a broker in %s: set nats.url, so that all processes have the same one, or give each its own data_dir", a.Dir)
	}
	if err := e.start(a, log); err != nil {
		return nil, errors.Join(err, e.lock.Unlock())
	}
	return e, nil
}

func (e *embedded) start(a Address, log *zap.Logger) (err error) {
	options := &server.Options{
		ServerName: "embedded", DontListen: true, JetStream: true, StoreDir: a.Dir, NoSigs: true,
		SyncInterval: a.Sync, SyncAlways: a.Sync == 0,
	}
	if e.Server, err = server.NewServer(options); err != nil {
		return fmt.Errorf("make the broker: %w", err)
	}
	e.SetLoggerV2(serverLog{log.Named("server").Sugar()}, false, false, false)
	e.Start()
	if !e.ReadyForConnections(embeddedReady) {
		e.Shutdown()
		e.WaitForShutdown()
		return errors.New("the broker in this process did not start: what it logged says why")
	}
	return nil
}

func (e *embedded) stop() {
	e.Shutdown()
	e.WaitForShutdown()
	_ = e.lock.Unlock() // the end of the process does it, too
}

// serverLog is the server's log. What it tells of itself is of no interest unless something is wrong.
type serverLog struct{ log *zap.SugaredLogger }

func (l serverLog) Noticef(format string, args ...any) { l.log.Debugf(format, args...) }
func (l serverLog) Warnf(format string, args ...any)   { l.log.Warnf(format, args...) }
func (l serverLog) Fatalf(format string, args ...any)  { l.log.Errorf(format, args...) }
func (l serverLog) Errorf(format string, args ...any)  { l.log.Errorf(format, args...) }
func (l serverLog) Debugf(format string, args ...any)  { l.log.Debugf(format, args...) }
func (l serverLog) Tracef(format string, args ...any)  { l.log.Debugf(format, args...) }
