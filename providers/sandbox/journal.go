package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Entry is one call as it was received, and what came of it.
type Entry struct {
	Seq            int64     `json:"seq"`
	ReceivedAt     time.Time `json:"received_at"`
	EffectAt       time.Time `json:"effect_at"` // later than ReceivedAt where the call was slow or delayed
	System         System    `json:"system"`
	Operation      string    `json:"operation"`
	Reference      string    `json:"reference,omitempty"` // ours
	IdempotencyKey string    `json:"idempotency_key,omitempty"`
	BodyHash       string    `json:"body_hash,omitempty"` // SHA-256, hex
	Effect         string    `json:"effect"`              // what changed; "none"
	Answer         string    `json:"answer"`              // "given" or "withheld"; "none" where nobody asked
	Status         int       `json:"status,omitempty"`    // of the answer, given or not
	Code           string    `json:"code,omitempty"`      // of a refusal
	Fault          string    `json:"fault,omitempty"`     // what was injected
}

const (
	given    = "given"
	withheld = "withheld"
	nothing  = "none"
)

// line is an entry in the file, with the rows that it changed.
type line struct {
	Entry
	Puts []put `json:"puts,omitempty"`
}

// journal is append-only. A line reaches the file before the call is answered, so that killing this process loses
// nothing that anybody was told; it is not synced, so that killing the machine may. Guarded by Server.mu.
type journal struct {
	file  *os.File // nil: memory only
	kept  []Entry  // the newest, oldest first
	limit int
	seq   int64
}

// openJournal replays the file's lines through each, and cuts off a last line that a kill left unfinished.
func openJournal(path string, limit int, each func(line) error) (*journal, error) {
	j := &journal{limit: limit}
	if path == "" {
		return j, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j.file = file
	if err := j.replay(each); err != nil {
		return nil, errors.Join(fmt.Errorf("replay journal %s: %w", path, err), file.Close())
	}
	return j, nil
}

func (j *journal) replay(each func(line) error) error {
	reader := bufio.NewReaderSize(j.file, 1<<16)
	var whole int64
	for n := 1; ; n++ {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // what follows the last newline was never answered to anybody
		}
		if err != nil {
			return err
		}
		var l line
		if err := json.Unmarshal(bytes.TrimSpace(text), &l); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := each(l); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		j.keep(l.Entry)
		whole += int64(len(text))
	}
	if err := j.file.Truncate(whole); err != nil {
		return err
	}
	_, err := j.file.Seek(whole, io.SeekStart)
	return err
}

// append gives the line its number and writes it.
func (j *journal) append(l line) error {
	l.Seq = j.seq + 1
	if j.file != nil {
		text, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("journal line: %w", err)
		}
		if _, err := j.file.Write(append(text, '\n')); err != nil {
			return fmt.Errorf("write journal: %w", err)
		}
	}
	j.keep(l.Entry)
	return nil
}

func (j *journal) keep(e Entry) {
	j.seq = e.Seq
	j.kept = append(j.kept, e)
	if len(j.kept) > j.limit+j.limit/4 { // cut rarely, so that keeping one costs nothing
		j.kept = append(j.kept[:0:0], j.kept[len(j.kept)-j.limit:]...)
	}
}

// since is the entries after a number, oldest first, and whether older ones are no longer in memory.
func (j *journal) since(after int64) (entries []Entry, forgotten bool) {
	kept := j.kept
	if len(kept) > j.limit {
		kept = kept[len(kept)-j.limit:]
	}
	oldest := j.seq - int64(len(kept))
	if after < oldest {
		return kept, true
	}
	return kept[min(after-oldest, int64(len(kept))):], false
}

func (j *journal) empty() error {
	j.kept, j.seq = nil, 0
	if j.file == nil {
		return nil
	}
	if err := j.file.Truncate(0); err != nil {
		return fmt.Errorf("empty journal: %w", err)
	}
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("empty journal: %w", err)
	}
	return nil
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
