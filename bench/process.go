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
	"slices"
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

	others []*process // of a service in several processes: the rest of them
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
	p, err := b.readyProcess(ctx, db, "service", sandbox, environ...)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(db.dir, "data", "keys", "bookings.key"))
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.bookings = strings.TrimSpace(string(key))
	return p, nil
}

// workerProcess starts a process of the service that has one role, and returns once it is ready.
func (b *bench) workerProcess(ctx context.Context, db *database, sandbox, role string, environ ...string) (*process, error) {
	return b.readyProcess(ctx, db, role, sandbox, append(slices.Clone(environ), "BOOKING_ROLES="+role, "BOOKING_DATA_DIR="+filepath.Join(db.dir, role))...)
}

func (b *bench) readyProcess(ctx context.Context, db *database, name, sandbox string, environ ...string) (*process, error) {
	p, err := b.run(db.dir, name, []string{"serve"}, append(append(db.environ(),
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
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the process %s does not come up: %w", name, err), p.stop())
	}
	return p, nil
}

// all is the processes of a service.
func (p *process) all() []*process { return append([]*process{p}, p.others...) }

// admins is where their metrics are.
func (p *process) admins() []string {
	admins := make([]string, 0, 1+len(p.others))
	for _, one := range p.all() {
		admins = append(admins, one.admin)
	}
	return admins
}

// cpu is what they have used, in seconds.
func (p *process) cpu() (total float64, err error) {
	for _, one := range p.all() {
		used, err := processCPU(one.cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
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

// kill ends the process, or all those of a service at once, as a crash would.
func (p *process) kill() {
	for _, one := range p.all() {
		_ = one.cmd.Process.Kill() // it may have ended
	}
	for _, one := range p.all() {
		<-one.exited
	}
}

// stop asks the process, or all those of a service, to end, and insists.
func (p *process) stop() error {
	for _, one := range p.all() {
		_ = one.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	patience := time.After(stopWithin)
	for _, one := range p.all() {
		select {
		case <-one.exited:
		case <-patience:
			p.kill()
			return errors.New("it had to be killed")
		}
	}
	return nil
}
