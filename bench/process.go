package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hotelbooking/store/storetest/child"
)

const (
	readyWithin = time.Minute
	readyPoll   = 10 * time.Millisecond
	stopWithin  = 40 * time.Second
)

// process is the service's own executable at work, as it would be in production. Its log goes to a file.
type process struct {
	cmd    *exec.Cmd
	log    string
	exited <-chan struct{} // closed once it has ended

	base, admin string // of a service: http://host:port
	bookings    string // of a service: a key that may submit and poll
	sandbox     string // of a service or a sandbox: where the sandbox is
}

// run starts the executable in dir, where there is no config.yaml.
func (b *bench) run(dir, name string, command []string, environ ...string) (*process, error) {
	p := &process{cmd: exec.Command(b.Binary, command...), log: filepath.Join(dir, name+".log")} //nolint:noctx // stop ends it
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), environ...) //nolint:forbidigo // a child keeps the environment that this process has
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if p.exited, err = child.Start(p.cmd, syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// sandboxProcess starts the sandbox as its own process, with its usual latency times factor. More of its configuration is in environ.
func (b *bench) sandboxProcess(ctx context.Context, dir string, factor float64, environ ...string) (*process, error) {
	p, err := b.run(dir, "sandbox", []string{"sandbox", "--addr", "127.0.0.1:0"}, append([]string{
		"BOOKING_DATA_DIR=" + filepath.Join(dir, "sandbox"), fmt.Sprintf("BOOKING_SANDBOX__LATENCY=%g", factor),
	}, environ...)...)
	if err != nil {
		return nil, err
	}
	var said struct{ Addr string }
	if err := p.until(ctx, func() bool { return p.says("sandbox", &said) }); err != nil {
		return nil, errors.Join(fmt.Errorf("the sandbox does not come up: %w", err), p.stop())
	}
	p.sandbox = "http://" + said.Addr
	return p, nil
}

// serviceProcess starts the service on db and returns once it is ready. More of its configuration is in environ.
func (b *bench) serviceProcess(ctx context.Context, db *database, sandbox string, environ ...string) (*process, error) {
	p, err := b.run(db.dir, "service", []string{"serve"}, append(append(db.environ(),
		"BOOKING_HTTP__ADDR=127.0.0.1:0", "BOOKING_ADMIN__ADDR=127.0.0.1:0", "BOOKING_SANDBOX__ADDR=127.0.0.1:0", "BOOKING_SANDBOX__URL="+sandbox,
		"BOOKING_HTTP__RATE__PER_KEY=0", "BOOKING_HTTP__RATE__PER_ADDRESS=0"), environ...)...)
	if err != nil {
		return nil, err
	}
	var said struct{ HTTP, Admin, Sandbox string }
	err = p.until(ctx, func() bool { return p.says("serving", &said) })
	if err == nil {
		p.base, p.admin, p.sandbox = "http://"+said.HTTP, "http://"+said.Admin, said.Sandbox
		err = p.until(ctx, func() bool { return answers(ctx, p.admin+"/readyz") })
	}
	if err == nil {
		var key []byte
		key, err = os.ReadFile(filepath.Join(db.dir, "data", "keys", "bookings.key"))
		p.bookings = strings.TrimSpace(string(key))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the service does not come up: %w", err), p.stop())
	}
	return p, nil
}

// until waits for ready, and gives up when the process ends first.
func (p *process) until(ctx context.Context, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for !ready() {
		select {
		case <-time.After(readyPoll):
		case <-p.exited:
			content, _ := os.ReadFile(p.log)
			return fmt.Errorf("it ended: %s", content[max(0, len(content)-2000):])
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// says reads the line of the log with a message.
func (p *process) says(message string, into any) bool {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return false
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		if bytes.Contains(lines.Bytes(), []byte(`"msg":"`+message+`"`)) {
			return json.Unmarshal(lines.Bytes(), into) == nil
		}
	}
	return false
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// kill ends the process as a crash would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// stop asks the process to end, and insists.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopWithin):
		p.kill()
		return errors.New("it had to be killed")
	}
}
