package natsd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// askWithin bounds one question to a node: a paused one never answers.
const askWithin = 2 * time.Second

// Healthy waits until the node says that it is up to date with the others, in all that it keeps.
func (n *Node) Healthy(ctx context.Context) error {
	for {
		err := n.ask(ctx, "/healthz", nil)
		if err == nil {
			return nil
		}
		if !n.Runs() {
			return fmt.Errorf("start %s: %w\n%s", n.name, errEnded, n.tail())
		}
		if stop := pause(ctx); stop != nil {
			return fmt.Errorf("%s is not healthy: %w\n%s", n.name, errors.Join(stop, err), n.tail())
		}
	}
}

// leads tells whether the node itself says that it leads the stream: what others say may be old.
func (n *Node) leads(ctx context.Context, stream string) (bool, error) {
	if !n.Runs() {
		return false, nil
	}
	var said struct {
		Accounts []struct {
			Streams []struct {
				Name    string
				Cluster struct{ Leader string } // its own name, too, where it is alone
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	if err := n.ask(ctx, "/jsz?streams=true", &said); err != nil {
		return false, err
	}
	for _, account := range said.Accounts {
		for _, s := range account.Streams {
			if s.Name == stream && s.Cluster.Leader == n.name {
				return true, nil
			}
		}
	}
	return false, nil
}

// ask reads what the node says of itself; an error also when that is no 200.
func (n *Node) ask(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.Monitor()+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s of %s: %s %s", path, n.name, response.Status, said)
	case into == nil:
		return nil
	}
	return json.Unmarshal(said, into)
}

// tail is the last of what it printed.
func (n *Node) tail() string {
	text, _ := os.ReadFile(n.log) // without it there is nothing to say
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
