package main

import (
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
	"hotelbooking/store/storetest/natsd"
)

// brokerProcess is a broker of one node, and the variables that lead to it.
func brokerProcess(t *testing.T) (*natsd.Cluster, []string) {
	t.Helper()
	cluster, err := natsd.Start(t.Context(), natsd.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Stop()) })
	return cluster, []string{"BOOKING_ENGINE=" + jetStream, "BOOKING_NATS__URL=" + strings.Join(cluster.URLs(), ",")}
}

// sharedBroker is what several processes need besides the database, with the engine that is being tested.
func sharedBroker(t *testing.T) []string {
	t.Helper()
	if engineOfTests() == inProcess {
		return nil
	}
	_, environ := brokerProcess(t)
	return environ
}

// fleetProcesses starts a process for each role, on one database and one sandbox.
func fleetProcesses(t *testing.T, environ []string) (map[string]*process, *client) {
	t.Helper()
	shared, sandbox := t.TempDir(), sandboxProcess(t, "BOOKING_SANDBOX__LATENCY=0")
	environ = append(environ, "BOOKING_DATABASE__URL="+storetest.PostgresSchema(t))
	processes := map[string]*process{}
	api, c := serviceProcess(t, shared, sandbox, append(environ, "BOOKING_ROLES="+apiRole)...)
	processes[apiRole] = api
	for _, role := range roles()[1:] {
		processes[role], _ = serviceProcess(t, shared, sandbox, append(environ, "BOOKING_ROLES="+role)...)
	}
	return processes, c
}

// Each engine needs only the database, and jetstream is told over the broker: the poll is too rare to help.
func TestAFleetOfOneProcessForEachRoleWalksBookings(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string]func(*testing.T) []string{
		inProcess: func(*testing.T) []string { return []string{"BOOKING_ENGINE=" + inProcess} },
		jetStream: func(t *testing.T) []string {
			_, at := brokerProcess(t)
			return append(at, "BOOKING_NATS__BACKSTOP=1h", "BOOKING_NATS__LIMITS__PAYMENT=2")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			processes, c := fleetProcesses(t, environ(t))
			acked := c.crowd(80)
			require.Len(t, acked, 80)
			c.allEnd(acked)
			for role, p := range processes {
				if role == apiRole || role == sweeperRole {
					require.Zero(t, p.turns(), "%s has no pool", role)
				} else {
					require.NotZero(t, p.turns(), role)
				}
			}
			for _, role := range slices.Sorted(maps.Keys(processes)) {
				require.Zero(t, processes[role].terminate(30*time.Second), role)
			}
		})
	}
}

func TestLimitsOfAFleetAreShownAndChangedWhileItRuns(t *testing.T) {
	t.Parallel()
	_, environ := brokerProcess(t)
	environ = append(environ, "BOOKING_NATS__LIMITS__PROVIDER=3", "BOOKING_NATS__LIMITS__FRAUD=4")
	_, c := serviceProcess(t, t.TempDir(), sandboxProcess(t, "BOOKING_SANDBOX__LATENCY=0"), environ...)
	require.Equal(t, "confirmed", c.untilDecided(c.submit(order{}).ID).Status)

	limits := func(args ...string) (string, int) {
		p := run(t, append([]string{"limits"}, args...), append(environ, "BOOKING_DATA_DIR="+t.TempDir())...)
		out, err := io.ReadAll(p.stdout)
		require.NoError(t, err)
		<-p.exited
		said, err := os.ReadFile(p.log)
		require.NoError(t, err)
		return strings.Join(strings.Fields(string(out)+string(said)), " "), p.cmd.ProcessState.ExitCode()
	}
	for _, one := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 0, "POOL SUPPLIER LIMIT WORKING WAITING provider sandbox 3 0 0 fraud 4 0 0 payment none 0 0 tracking none 0 0"},
		{[]string{"set", "provider", "1", "--supplier", "sandbox"}, 0, "provider sandbox 1 0 0"},
		{nil, 0, "provider sandbox 1 0 0"},
		{[]string{"set", "payment", "5"}, 1, "only a pool that nats.limits has a limit for"},
		{[]string{"set", "provider", "5"}, 1, "no such lane"},
		{[]string{"set", "provider", "many"}, 1, "not a number"},
	} {
		said, code := limits(one.args...)
		require.Contains(t, said, one.says)
		require.Equal(t, one.code, code, said)
	}
	require.Equal(t, "confirmed", c.untilDecided(c.submit(order{}).ID).Status)
}
