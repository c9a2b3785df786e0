package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// teller prints the story: when, how long after the beginning, and what.
type teller struct {
	mu    sync.Mutex // guards the writer: what is done and what is seen are told by two
	out   io.Writer
	began time.Time
}

func (t *teller) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%s %+7.1fs  %s\n", time.Now().Format(time.TimeOnly), time.Since(t.began).Seconds(), fmt.Sprintf(format, args...))
}
