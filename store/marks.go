package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hotelbooking/booking"
)

// Marks are stored as "hold succeeded 1;screen running 1 1": step, state, attempts, tries, asked, doubt and undo doubt,
// without the zeros at the end, and without the steps that nothing is known of. They are in each row that a turn rewrites,
// so their length is that of most of a turn's log.

// writeMarks writes marks.
func writeMarks(marks []booking.Mark) string {
	var text []byte
	for _, m := range marks {
		if m == (booking.Mark{Step: m.Step, State: booking.MarkPending}) {
			continue
		}
		if len(text) > 0 {
			text = append(text, ';')
		}
		text = append(append(append(text, m.Step...), ' '), m.State...)
		numbers := [...]int{m.Attempts, m.Tries, m.Asked, number(m.Doubt), number(m.UndoDoubt)}
		last := len(numbers)
		for last > 0 && numbers[last-1] == 0 {
			last--
		}
		for _, n := range numbers[:last] {
			text = strconv.AppendInt(append(text, ' '), int64(n), 10)
		}
	}
	return string(text)
}

// readMarks reads what writeMarks wrote: one mark for each of the flow's steps, in its order, and those of steps that the
// flow has no more.
func readMarks(text string, steps []booking.Name) ([]booking.Mark, error) {
	marks := make([]booking.Mark, len(steps))
	for i, step := range steps {
		marks[i] = booking.Mark{Step: step, State: booking.MarkPending}
	}
	if text == "" {
		return marks, nil
	}
	for written := range strings.SplitSeq(text, ";") {
		m, err := readMark(written)
		if err != nil {
			return nil, fmt.Errorf("read the mark %q: %w", written, err)
		}
		if i := slices.Index(steps, m.Step); i >= 0 {
			marks[i] = m
		} else {
			marks = append(marks, m)
		}
	}
	return marks, nil
}

func readMark(written string) (booking.Mark, error) {
	step, rest, _ := strings.Cut(written, " ")
	state, rest, _ := strings.Cut(rest, " ")
	m := booking.Mark{Step: booking.Name(step), State: booking.MarkState(state)}
	if state == "" {
		return m, errors.New("it has no state")
	}
	var doubt, undoDoubt int
	for _, into := range []*int{&m.Attempts, &m.Tries, &m.Asked, &doubt, &undoDoubt} {
		if rest == "" {
			break
		}
		var word string
		var err error
		word, rest, _ = strings.Cut(rest, " ")
		if *into, err = strconv.Atoi(word); err != nil {
			return m, err
		}
	}
	m.Doubt, m.UndoDoubt = doubt != 0, undoDoubt != 0
	return m, nil
}

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
