package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

const (
	postgresOldest = 150000 // server_version_num
	keyedConns     = 3      // one for each kind of keyed read: see together and Versions

	keepAlive   = 15 * time.Second
	connectIn   = 5 * time.Second
	idleConnFor = 30 * time.Second // then it is closed, so that one process does not hog a small server
	connFor     = 30 * time.Minute // then it is opened anew, so that a failover's new address is noticed
)

// openPostgres opens three pools, so that a flood of readers cannot keep a commit waiting for a connection, nor support's
// lists those who follow a booking.
func (s *Store) openPostgres(ctx context.Context, log *zap.Logger) error {
	s.sql = postgresDialect
	server, err := pgx.ParseConfig(s.cfg.URL)
	if err != nil {
		return err
	}
	if _, err := migratePostgres(ctx, server.Copy(), log); err != nil {
		return err
	}
	s.tune(server)
	if s.cfg.Listen {
		s.signals = newSignals(server)
	}
	writers := s.cfg.MaxConns / 2
	readers := s.cfg.MaxConns - writers
	if s.write, err = postgresPool(goesByKey(server), writers); err != nil {
		return err
	}
	keyed := min(keyedConns, readers/2)
	if s.read, err = postgresPool(server, readers-keyed); err != nil {
		return err
	}
	if keyed > 0 {
		if s.keyed, err = postgresPool(goesByKey(server), keyed); err != nil {
			return err
		}
	}
	if err := s.connect(ctx, log); err != nil {
		return err
	}
	return s.checkPostgres(ctx, severalHosts(server), log)
}

// connect opens the first connection of each pool. A server that has none to spare just now is waited for.
func (s *Store) connect(ctx context.Context, log *zap.Logger) error {
	slow := time.AfterFunc(connectIn, func() {
		log.Warn("PostgreSQL has no connection to spare, or is slow: waiting. Where several processes share it, lower database.max_conns.")
	})
	defer slow.Stop()
	var pools []*sql.DB
	for _, db := range []*gorm.DB{s.write, s.read, s.keyed} {
		if db == nil {
			continue
		}
		pool, err := db.DB()
		if err == nil {
			err = pool.PingContext(ctx)
		}
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		pools = append(pools, pool)
	}
	for _, pool := range pools { // not before: the first would be given back while the last is waited for
		pool.SetConnMaxIdleTime(idleConnFor)
	}
	return nil
}

// tune lets the server, too, give up on what has taken too long. Our own deadlines come first; these are for when we are
// gone, or the network between us is.
func (s *Store) tune(server *pgx.ConnConfig) {
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	for name, value := range map[string]string{
		"application_name":                    "hotelbooking",
		"statement_timeout":                   milliseconds(s.cfg.CommitTimeout),
		"lock_timeout":                        milliseconds(s.cfg.Timeout * 2 / 3),
		"idle_in_transaction_session_timeout": milliseconds(s.cfg.CommitTimeout),
	} {
		if _, set := server.RuntimeParams[name]; !set {
			server.RuntimeParams[name] = value
		}
	}
	dialer := &net.Dialer{Timeout: connectIn, KeepAlive: keepAlive, Control: giveUpUnanswered}
	server.DialFunc = dialer.DialContext
	server.OnNotice = keepWarning
	if server.ConnectTimeout == 0 {
		server.ConnectTimeout = connectIn
	}
}

// goesByKey fits a connection's plans to what it does: a few statements again and again, which find rows by key. They are
// planned once, and a plan that was made while the tables were small must serve them when they are large.
func goesByKey(server *pgx.ConnConfig) *pgx.ConnConfig {
	server = server.Copy()
	for name, value := range map[string]string{
		"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	} {
		server.RuntimeParams[name] = value
	}
	return server
}

func postgresPool(server *pgx.ConnConfig, conns int) (*gorm.DB, error) {
	pool := sharingPool(server, conns)
	pool.SetConnMaxLifetime(connFor)
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), gormConfig())
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}

// warningKey is where a connection keeps its last warning.
const warningKey = "hotelbooking warning"

func keepWarning(conn *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.SeverityUnlocalized == "WARNING" {
		conn.CustomData()[warningKey] = notice.Message
	}
}

// takeWarning is the last warning of PostgreSQL on conn, which has it no more; empty where there was none.
func takeWarning(conn *gorm.DB) (warning string) {
	pool, ok := conn.Statement.ConnPool.(*sql.Conn)
	if !ok {
		return ""
	}
	_ = pool.Raw(func(driver any) error { // fails on a connection that is closed, and warns of nothing then
		if postgres, ok := driver.(*shared); ok {
			kept := postgres.Conn.Conn().PgConn().CustomData()
			warning, _ = kept[warningKey].(string)
			delete(kept, warningKey)
		}
		return nil
	})
	return warning
}

// checkPostgres refuses a server that may lose a commit, that is too old, or that has too few connections for us.
func (s *Store) checkPostgres(ctx context.Context, failsOver bool, log *zap.Logger) error {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var got struct {
		Version           int
		SynchronousCommit string
		Fsync             string
		MaxConnections    int
		Standbys          string
	}
	err := s.write.WithContext(ctx).Raw(`
SELECT CAST(current_setting('server_version_num') AS BIGINT) AS version,
    current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
    LEAST(CAST(current_setting('max_connections') AS BIGINT),
        NULLIF((SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user), -1),
        NULLIF((SELECT datconnlimit FROM pg_database WHERE datname = current_database()), -1)) AS max_connections,
    current_setting('synchronous_standby_names') AS standbys`).Find(&got).Error
	if err != nil {
		return fmt.Errorf("read PostgreSQL's settings: %w", err)
	}
	var problems []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	refuse(got.Version < postgresOldest, "PostgreSQL %d is older than %d", got.Version/10000, postgresOldest/10000)
	conns := s.cfg.MaxConns
	if s.cfg.Listen {
		conns += signalConns
	}
	refuse(conns > got.MaxConnections, "%d connections are configured, and PostgreSQL allows us %d", conns, got.MaxConnections)
	if !s.cfg.UnsafeDurability {
		refuse(!durable(got.SynchronousCommit), "PostgreSQL's synchronous_commit is %s: commits could be lost", got.SynchronousCommit)
	}
	if got.Fsync != "on" {
		// Whoever turned it off did so for the whole server, and knows: it is what throw-away clusters run with.
		log.Error("PostgreSQL's fsync is off: a crash of its machine loses acknowledged bookings. Turn it on, unless this is a test.")
	}
	if failsOver && got.Standbys == "" {
		// It may be set once the standby is back: that a failover has just happened is no reason not to start.
		log.Error("PostgreSQL waits for no standby: a failover would lose acknowledged bookings. Set synchronous_standby_names.")
	}
	return errors.Join(problems...)
}

// severalHosts tells whether the address names more than one server: somebody means to fail over.
func severalHosts(server *pgx.ConnConfig) bool {
	return slices.ContainsFunc(server.Fallbacks, func(other *pgconn.FallbackConfig) bool {
		return other.Host != server.Host || other.Port != server.Port
	})
}

// durable tells whether a commit under this synchronous_commit outlives a crash of the server, and, where there is a
// synchronous standby, the loss of the server. remote_write does, short of both machines failing at once; local does not
// wait for the standby that somebody set up for exactly this.
func durable(synchronousCommit string) bool {
	switch synchronousCommit {
	case "on", "remote_apply", "remote_write":
		return true
	default:
		return false
	}
}
