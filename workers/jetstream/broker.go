package jetstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Address is where the broker is, and what proves to it who we are.
type Address struct {
	URL         string // of one or more servers, with commas between; empty: a server in this process
	Credentials string // a file with the user's JWT and seed
	CA          string // PEM files; empty: the system's, and no certificate of ours
	Cert, Key   string

	Dir  string        // of the server in this process
	Sync time.Duration // how often it flushes its files; 0: after each message
}

const (
	connectWithin = 2 * time.Second
	reconnectWait = 250 * time.Millisecond
	pingEvery     = 5 * time.Second // a server that does not answer two of them is left for another
	embeddedReady = 10 * time.Second
)

// Broker is a connection to the broker, and the broker itself where it is in this process. The connection comes and goes by
// itself: nothing waits for it.
type Broker struct {
	conn   *nats.Conn
	server *server.Server // nil: it is elsewhere
	up     prometheus.GaugeFunc
}

// Connect begins to connect, as name. It fails where nobody could ever connect, and not because nobody answers now.
func Connect(a Address, name string, log *zap.Logger) (*Broker, error) {
	options, err := a.options(name, log)
	if err != nil {
		return nil, err
	}
	b := &Broker{}
	if a.URL == "" {
		if b.server, err = embed(a, log); err != nil {
			return nil, err
		}
		options = append(options, nats.InProcessServer(b.server))
	}
	if b.conn, err = nats.Connect(a.URL, options...); err != nil {
		b.Close()
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	b.up = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "booking", Name: "broker_connected", Help: "1 while the broker answers. Without it bookings are found by polls.",
	}, func() float64 {
		if b.conn.IsConnected() {
			return 1
		}
		return 0
	})
	return b, nil
}

func (a Address) options(name string, log *zap.Logger) ([]nats.Option, error) {
	options := []nats.Option{
		nats.Name(name), nats.Timeout(connectWithin), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectBufSize(-1), // what cannot be said now is found by the sweep, and is not said late
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(func(c *nats.Conn) {
			log.Info("broker", zap.String("state", "connected"), zap.String("server", c.ConnectedServerName()))
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			log.Info("broker", zap.String("state", "connected"), zap.String("server", c.ConnectedServerName()))
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			log.Warn("broker", zap.String("state", "lost: bookings are found by polls meanwhile"), zap.Error(err))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("broker", zap.Error(err)) }),
	}
	for key, file := range map[string]string{"nats.credentials": a.Credentials, "nats.tls.ca": a.CA, "nats.tls.cert": a.Cert, "nats.tls.key": a.Key} {
		if _, err := os.Stat(file); file != "" && err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if a.Credentials != "" {
		options = append(options, nats.UserCredentials(a.Credentials))
	}
	if a.CA != "" {
		options = append(options, nats.RootCAs(a.CA))
	}
	if a.Cert != "" {
		if _, err := tls.LoadX509KeyPair(a.Cert, a.Key); err != nil {
			return nil, fmt.Errorf("nats.tls.cert: %w", err)
		}
		options = append(options, nats.ClientCert(a.Cert, a.Key))
	}
	return options, nil
}

// embed starts a server that only this process can reach.
func embed(a Address, log *zap.Logger) (*server.Server, error) {
	options := &server.Options{
		ServerName: "embedded", DontListen: true, JetStream: true, StoreDir: a.Dir, NoSigs: true,
		SyncInterval: a.Sync, SyncAlways: a.Sync == 0,
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("make the broker: %w", err)
	}
	s.SetLoggerV2(serverLog{log.Named("server").Sugar()}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(embeddedReady) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, errors.New("the broker in this process did not start: what it logged says why")
	}
	return s, nil
}

// Conn is the connection.
func (b *Broker) Conn() *nats.Conn { return b.conn }

// Collectors show whether there is a connection.
func (b *Broker) Collectors() []prometheus.Collector { return []prometheus.Collector{b.up} }

// Close ends the connection, and the server in this process.
func (b *Broker) Close() {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}

// serverLog is the server's log: what it tells of itself is of no interest unless something is wrong.
type serverLog struct{ log *zap.SugaredLogger }

func (l serverLog) Noticef(format string, args ...any) { l.log.Debugf(format, args...) }
func (l serverLog) Warnf(format string, args ...any)   { l.log.Warnf(format, args...) }
func (l serverLog) Fatalf(format string, args ...any)  { l.log.Errorf(format, args...) }
func (l serverLog) Errorf(format string, args ...any)  { l.log.Errorf(format, args...) }
func (l serverLog) Debugf(format string, args ...any)  { l.log.Debugf(format, args...) }
func (l serverLog) Tracef(format string, args ...any)  { l.log.Debugf(format, args...) }
