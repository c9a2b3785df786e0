package natsd

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
)

const (
	host = "127.0.0.1"
	// Below those that the kernel gives to whoever connects somewhere: a node that is down finds its ports free when it comes back.
	firstPort, lastPort = 12_000, 32_000
)

func (n *Node) config() string { return filepath.Join(n.dir, "nats.conf") }
func (n *Node) data() string   { return filepath.Join(n.dir, "data") }

// configure makes the node's directory, with the file of its settings.
func (n *Node) configure(o Options, routes []string) error {
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "server_name: %s\nlisten: \"%s:%d\"\nhttp: \"%s:%d\"\n", n.name, host, n.client, host, n.monitor)
	fmt.Fprintf(&text, "jetstream {\n  store_dir: %q\n", n.data())
	if o.SyncAlways {
		fmt.Fprintln(&text, "  sync_interval: always")
	}
	fmt.Fprintln(&text, "}")
	if o.User != "" {
		fmt.Fprintf(&text, "authorization {\n  user: %q\n  password: %q\n}\n", o.User, o.Password)
	}
	if len(routes) > 1 {
		fmt.Fprintf(&text, "cluster {\n  name: booking\n  listen: \"%s:%d\"\n  routes: [%s]\n}\n", host, n.route, strings.Join(routes, ", "))
	}
	return os.WriteFile(n.config(), []byte(text.String()), 0o600)
}

// freePorts finds so many different ports that nobody listens on.
func freePorts(many int) ([]int, error) {
	var ports []int
	var held []net.Listener // until all are found, so that none is found twice
	defer func() {
		for _, l := range held {
			_ = l.Close() // it was only held
		}
	}()
	for range 100 * many {
		if len(ports) == many {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, port)) //nolint:noctx // it only takes a port
		if err != nil {
			continue // somebody has it
		}
		held, ports = append(held, l), append(ports, port)
	}
	return nil, errors.New("find free ports: nearly all are taken")
}
