package sandbox

import (
	"bytes"
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// SignatureHeader carries a notification's signature: "t=<unix seconds>,v1=<hex>", where v1 is the HMAC-SHA256, under the
// shared secret, of the seconds, a dot and the body.
const SignatureHeader = "Sandbox-Signature"

// hook is where notifications go.
type hook struct {
	url, secret string
	all         bool // also what was told in an answer
}

// notice is something that a system wants to tell the service.
type notice struct {
	Type string
	Data noticeData
	told bool // in the answer to the call that caused it
}

type noticeData struct {
	Reference        string `json:"reference"`
	PaymentReference string `json:"payment_reference,omitempty"`
	RiskID           string `json:"risk_id,omitempty"`
	Status           string `json:"status"`
}

// delivery is a notification that has not been taken yet. It is sent at least once, in no particular order, for as long
// as giveUpAfter attempts last; a restart sends it again.
type delivery struct {
	ID      string     `json:"id"`
	Type    string     `json:"type"`
	Created time.Time  `json:"created"`
	Data    noticeData `json:"data"`
}

const (
	giveUpAfter    = 40 // attempts, the later ones a minute apart
	sendAtOnce     = 8
	webhookTimeout = 10 * time.Second
)

// outbox sends notifications. Its lock comes after Server.mu where both are held.
type outbox struct {
	server *Server
	client *http.Client
	wake   chan struct{}

	mu    sync.Mutex
	queue sendQueue
}

// sending is a delivery's place in the queue.
type sending struct {
	delivery
	attempt int
	due     time.Time
}

func newOutbox(s *Server) *outbox {
	o := &outbox{
		server: s,
		client: &http.Client{
			Timeout:       webhookTimeout,
			Transport:     s.cfg.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		wake: make(chan struct{}, 1),
	}
	for _, d := range s.books.webhooks { // left over from before a restart
		o.queue = append(o.queue, sending{delivery: *d})
	}
	heap.Init(&o.queue)
	return o
}

// post takes a notice within the change that caused it. Nobody wants it: it is dropped.
func (o *outbox) post(c *change, n notice, to hook) {
	if to.url == "" || (n.told && !to.all) {
		return
	}
	d := &delivery{ID: "evt_" + rand.Text(), Type: n.Type, Created: c.now, Data: n.Data}
	c.webhooks[d.ID] = d
	c.touch(kindWebhook, d.ID)
	o.enqueue(sending{delivery: *d})
}

func (o *outbox) enqueue(s sending) {
	o.mu.Lock()
	heap.Push(&o.queue, s)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default: // it is awake
	}
}

func (o *outbox) empty() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = nil
}

// run sends what is due until the server stops; several at once, so that they overtake each other as real ones do.
func (o *outbox) run() {
	defer o.client.CloseIdleConnections()
	slots := make(chan struct{}, sendAtOnce)
	var sends sync.WaitGroup
	defer sends.Wait()
	for {
		next, wait := o.next(time.Now())
		if next == nil {
			timer := time.NewTimer(wait)
			select {
			case <-o.wake:
			case <-timer.C:
			case <-o.server.stop.Done():
				timer.Stop()
				return
			}
			timer.Stop()
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-o.server.stop.Done():
			return
		}
		sends.Go(func() {
			defer func() { <-slots }()
			o.attempt(*next)
		})
	}
}

// next takes what is due; nil: nothing is, for so long.
func (o *outbox) next(now time.Time) (*sending, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return nil, time.Hour
	}
	if wait := o.queue[0].due.Sub(now); wait > 0 {
		return nil, wait
	}
	s := heap.Pop(&o.queue).(sending)
	return &s, 0
}

func (o *outbox) attempt(s sending) {
	err := o.send(s.delivery)
	switch {
	case o.server.stop.Err() != nil: // the journal has it
	case err == nil:
		if s.attempt == 0 && o.server.dice.draw(systemOf(s.Type)).twice {
			s.attempt++
			o.enqueue(s)
			return
		}
		o.finish(s, "delivered")
	case s.attempt+1 >= giveUpAfter:
		o.finish(s, "given_up")
	default:
		s.due = time.Now().Add(min(o.server.cfg.RetryAfter<<min(s.attempt, 20), time.Minute))
		s.attempt++
		o.enqueue(s)
	}
}

func systemOf(eventType string) System {
	if eventType == "fraud.decided" {
		return Fraud
	}
	return Payment
}

func (o *outbox) finish(s sending, effect string) {
	entry := Entry{
		ReceivedAt: s.Created, System: systemOf(s.Type), Operation: "webhook " + s.Type,
		Reference: s.Data.Reference, Answer: nothing,
	}
	o.server.record(entry, func(c *change) answer {
		delete(c.webhooks, s.ID)
		c.touch(kindWebhook, s.ID)
		c.did(effect)
		return answer{}
	})
}

func (o *outbox) send(d delivery) error {
	o.server.mu.Lock()
	to := o.server.hook
	o.server.mu.Unlock()
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode notification: %w", err)
	}
	ctx, cancel := context.WithTimeout(o.server.stop, webhookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send notification: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(SignatureHeader, Sign(to.secret, time.Now(), body))
	res, err := o.client.Do(req)
	if err != nil {
		return fmt.Errorf("send notification: %w", err)
	}
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection can be used again
	if err := res.Body.Close(); err != nil {
		return fmt.Errorf("send notification: %w", err)
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("send notification: answered %d", res.StatusCode)
	}
	return nil
}

// Sign is the value of SignatureHeader for a body sent at a moment.
func Sign(secret string, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(seconds + "."))
	_, _ = mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// sendQueue is a heap by due time.
type sendQueue []sending

func (q sendQueue) Len() int           { return len(q) }
func (q sendQueue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q sendQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *sendQueue) Push(x any)        { *q = append(*q, x.(sending)) }

func (q *sendQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
