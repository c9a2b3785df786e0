package jetstream

import (
	"crypto/tls"
	"fmt"
	"os"
	"time"

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
)

// Broker is a connection to the broker, and the broker itself where it is in this process. The connection comes and goes by
// itself: nothing waits for it.
type Broker struct {
	conn   *nats.Conn
	server *embedded // nil: it is elsewhere
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
		options = append(options, nats.InProcessServer(b.server.Server))
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
	connected := func(c *nats.Conn) {
		log.Info("broker", zap.String("state", "connected"), zap.String("server", c.ConnectedServerName()))
	}
	options := []nats.Option{
		nats.Name(name), nats.Timeout(connectWithin), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectBufSize(-1), // what cannot be said now is found by the sweep, and is not said late
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(connected), nats.ReconnectHandler(connected),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // else we close it
				log.Warn("broker", zap.String("state", "lost: bookings are found by polls meanwhile"), zap.Error(err))
			}
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
		b.server.stop()
	}
}
