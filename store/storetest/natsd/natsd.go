// Package natsd runs a private NATS JetStream of one node or of three for tests and load runs: the real server, built from the
// module that go.mod names, as processes that can be killed, paused and started again. They listen on loopback only, are gone
// when they are stopped, and on Linux also when their parent is killed.
//
//	cluster, err := natsd.Start(ctx, natsd.Options{Nodes: 3})
//	...
//	defer cluster.Stop()
//	conn, err := nats.Connect(strings.Join(cluster.URLs(), ","))
//	...
//	leader, err := cluster.Leader(ctx, "look")
//	err = leader.Kill()
//	...
//	err = leader.Start(ctx) // on the same ports, with what it has stored
package natsd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// pollEvery is how often a server is asked whether it is so far.
	pollEvery = 20 * time.Millisecond
	// attempts to start a cluster: somebody may take a port between its choice and the start.
	attempts = 3
)

// errEnded says that a node ended by itself.
var errEnded = errors.New("it ended")

// Options say how many nodes, where, and how durable. The zero Options are one node that anybody on this machine may use, in a
// temporary directory.
type Options struct {
	Nodes          int    // 0: 1; more than one are a cluster, of three or five
	Dir            string // where the cluster's own directory is made; empty: os.TempDir
	Logs           string // where what the nodes print stays after Stop; empty: with the rest, nowhere
	User, Password string // what clients must say; empty: nothing
	SyncAlways     bool   // what is stored is on the disk before it is acknowledged. Off: every two minutes, as is the server's default
}

// Cluster is what Start started.
type Cluster struct {
	dir   string
	nodes []*Node
}

// Start starts all nodes, and returns once they are healthy. ctx bounds the building and starting; it does not end the nodes:
// the caller must Stop the cluster.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Nodes == 0 {
		o.Nodes = 1
	}
	program, err := build(ctx)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		c, err := assemble(ctx, program, o)
		if err == nil || !errors.Is(err, errEnded) || attempt == attempts {
			return c, err
		}
	}
}

// assemble makes a cluster of nodes that are healthy, or nothing.
func assemble(ctx context.Context, program string, o Options) (*Cluster, error) {
	dir, err := os.MkdirTemp(o.Dir, "nats-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for nats-server: %w", err)
	}
	c := &Cluster{dir: dir}
	if err := c.start(ctx, program, o); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, program string, o Options) error {
	ports, err := freePorts(3 * o.Nodes)
	if err != nil {
		return err
	}
	var routes []string
	for n := range o.Nodes {
		name := fmt.Sprintf("nats-%d", n+1)
		node := &Node{name: name, program: program, dir: filepath.Join(c.dir, name), log: filepath.Join(cmp.Or(o.Logs, c.dir), name+".log"), client: ports[3*n], monitor: ports[3*n+1], route: ports[3*n+2]}
		c.nodes = append(c.nodes, node)
		routes = append(routes, fmt.Sprintf("nats://%s:%d", host, node.route))
	}
	for _, node := range c.nodes {
		if err := node.configure(o, routes); err != nil {
			return fmt.Errorf("configure %s: %w", node.name, err)
		}
		if err := node.Launch(); err != nil {
			return err
		}
	}
	return c.Healthy(ctx)
}

// URLs are the addresses of all nodes, for clients.
func (c *Cluster) URLs() []string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, n.URL())
	}
	return all
}

// Nodes are all nodes, those that do not run included.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Healthy waits until each node that runs says that it is up to date with the others, in all that it keeps.
func (c *Cluster) Healthy(ctx context.Context) error {
	for _, n := range c.nodes {
		if !n.Runs() {
			continue
		}
		if err := n.Healthy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Leader waits until a node leads the stream, and returns it.
func (c *Cluster) Leader(ctx context.Context, stream string) (*Node, error) {
	for {
		var problems []error
		for _, n := range c.nodes {
			leads, err := n.leads(ctx, stream)
			if leads {
				return n, nil
			}
			problems = append(problems, err)
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("find the leader of the stream %s: %w", stream, errors.Join(append(problems, err)...))
		}
	}
}

// Stop ends all nodes, and removes their files. Another call does nothing.
func (c *Cluster) Stop() error {
	var problems []error
	for _, n := range c.nodes {
		problems = append(problems, n.Kill()) // what they have stored goes, too
	}
	return errors.Join(append(problems, os.RemoveAll(c.dir))...)
}

// pause waits until it is worth asking again; an error when ctx has ended.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pollEvery):
		return nil
	}
}
