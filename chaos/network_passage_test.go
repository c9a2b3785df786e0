package chaos_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// passage is the network between the service and one thing outside it: service, wire, toxiproxy, there.
type passage struct {
	*wire
	proxy  *toxiproxy.Proxy
	before int64 // pieces carried before the fault
}

// newPassage is the network to a server. toxiproxy knows TCP only: what is behind another socket gets a wire more.
func newPassage(t *testing.T, network, address string) *passage {
	t.Helper()
	if network != "tcp" {
		address = newWire(t, network, address).at()
	}
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "network", "127.0.0.1:0", address)
	require.NoError(t, proxy.Start())
	t.Cleanup(proxy.Stop)
	return &passage{wire: newWire(t, "tcp", proxy.Listen), proxy: proxy}
}

// port is where the passage begins, on loopback.
func (p *passage) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// trouble is one way in which a network fails.
type trouble struct {
	name   string
	toxics []string // type, direction and attributes, as toxiproxy has them
	deafen bool     // connections become half-open
	lose   bool     // COMMITs get no answer
}

const (
	requests = "upstream"   // from the service
	answers  = "downstream" // to it
)

func toxic(kind, direction, attributes string) string {
	return fmt.Sprintf(`{"type":%q,"stream":%q,"attributes":{%s}}`, kind, direction, attributes)
}

// strike begins the trouble.
func (p *passage) strike(how trouble) {
	p.Helper()
	p.before = p.carried.Load()
	if how.deafen {
		require.Positive(p, p.deafen(), "no connection was there to become half-open")
	}
	p.losing.Store(how.lose)
	for _, toxic := range how.toxics {
		_, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
		require.NoError(p, err, toxic)
	}
}

// met is how much the service has sent into the trouble.
func (p *passage) met() int64 { return p.carried.Load() - p.before }

// heal ends the trouble. Toxics are removed: to set their toxicity to 0 leaves some at work.
func (p *passage) heal() {
	p.Helper()
	p.losing.Store(false)
	p.proxy.Toxics.ResetToxics(p.Context())
}
