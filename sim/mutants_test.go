package sim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mutant is a defect, put into the code on purpose: a simulation that does not notice it proves nothing.
type mutant struct {
	name   string
	engine string // whose defect it is
	edits  []edit
}

// edit replaces a piece of a file of ours, which must be there exactly once.
type edit struct{ file, from, to string }

// mutants are defects that systems like this one really had.
func mutants() []mutant {
	one := func(name, file, from, to string) mutant { return mutant{name, inProcess, []edit{{file, from, to}}} }
	return append(hintMutants(), []mutant{
		one("a new idempotency key for each attempt", "booking/facts.go",
			`":" + operation + ":" + itoa(n)`, `":" + operation + ":" + itoa(n+100*b.Version)`),
		one("a time-out is taken for a failure", "booking/fault.go",
			"case Unclear:\n\t\treturn Unknown(fault.Reason)", "case Unclear:\n\t\treturn Reject(fault.Reason)"),
		one("an unknown outcome is taken for success", "booking/machine.go",
			"\t\tf.ask(b, now)\n\tcase KindPark:", "\t\tf.advance(b, now)\n\tcase KindPark:"),
		one("acknowledged before it is committed", "workers/intake.go",
			"receipt, err := w.queue.Accept(ctx, a)",
			"receipt, err := booking.Receipt{Booking: b}, error(nil)\n\tgo func() { time.Sleep(50*time.Millisecond); _, _ = w.queue.Accept(context.WithoutCancel(ctx), a) }()"),
		one("leases of the dead are not claimed", "store/queue.go",
			"WHERE queue IS NULL AND due_at <= {now} AND pool = ? {except}", "WHERE queue IS NULL AND due_at <= {now} - 3600000000 AND pool = ? {except}"),
		one("a failed compensation is ignored", "booking/machine.go",
			"case o.kind == KindNext:\n\t\tb.mark(step.Name, func(m *Mark) { m.State = MarkUndone })",
			"case o.kind == KindNext || o.kind == KindRetry || o.kind == KindUnknown:\n\t\tb.mark(step.Name, func(m *Mark) { m.State = MarkUndone })"),
		{"no fencing", inProcess, []edit{
			{"store/batch.go", "WHERE places.id = v.id AND places.version = v.version - 1 AND places.owner = v.owner\nRETURNING", "WHERE places.id = v.id\nRETURNING"},
			{"store/batch.go", "h_reason, h_detail, h_took_us, h_status, h_written_by, h_reference, h_calls, h_events\nFROM v WHERE {written}", "h_reason, h_detail, h_took_us, h_status, h_written_by, h_reference, h_calls, h_events\nFROM v WHERE {written} ON CONFLICT DO NOTHING"},
		}},
		{"who lost the lease writes all the same", inProcess, []edit{
			{"workers/settle.go", "if err == nil && fresh.Owner != h.owner {\n\t\treturn nil, booking.ErrLost\n\t}", "if err == nil {\n\t\th.owner = fresh.Owner\n\t}"},
			{"workers/settle.go", "if err != nil || fresh.Place != before.Place || fresh.Goal != before.Goal || fresh.Result != before.Result {", "if err != nil {"},
			{"workers/settle.go", "learned.Version, learned.UpdatedAt = fresh.Version, fresh.UpdatedAt", "learned.Version, learned.UpdatedAt, learned.Owner = fresh.Version, fresh.UpdatedAt, fresh.Owner"},
			{"workers/settle.go", "case errors.Is(err, booking.ErrConflict) && w.graft(h, before, learned):", "case (errors.Is(err, booking.ErrConflict) || errors.Is(err, booking.ErrLost)) && w.graft(h, before, learned):"},
		}},
		one("what may still arrive is not undone", "booking/machine.go",
			"return s == MarkBegun || s == MarkUnclear || s == MarkDone", "return s == MarkDone"),
		one("a wish to cancel that came meanwhile is lost", "workers/settle.go",
			"\tlearned.Facts.Cancellation = fresh.Facts.Cancellation\n", ""),
		one("a refused step is tried again", "booking/machine.go",
			"} // else it is undone, too: a refused second attempt says nothing about the first one, which may arrive late\n\t\t})\n\t\tf.giveUp(b, o, now)",
			"}\n\t\t})\n\t\tf.tryAgain(b, Retry(o.reason, 0), now)"),
		one("deaths of processes are not counted", "store/queue.go",
			"THEN 1 ELSE 0 END,\n    crashed =", "THEN 0 ELSE 0 END,\n    crashed ="),
		one("a notification that cannot be applied is dropped", "workers/notices.go",
			`return "later", min(max(age/2, time.Second), time.Minute)`, `return "later", 0`),
		one("a death in mid-step repeats the step", "booking/patience.go",
			"if b.Crashed && b.Crashes < maxCrashes && (b.Place.Phase == Doing || b.Place.Phase == Undoing) {", "if false {"),
		one("the hold is never released", "booking/flow.go", "Undo: w.release, ", ""),
		one("a card that got no answer is not voided", "booking/flow.go", "p, err := w.Payments.Void(ctx, b)", "if b.Facts.Money.Authorized == 0 {\n\t\treturn Next()\n\t}\n\tp, err := w.Payments.Void(ctx, b)"),
		one("what was not found is taken for undone", "booking/flow.go", "func undone(gone bool) Outcome {\n\tif gone {", "func undone(gone bool) Outcome {\n\tif gone || true {"),
	}...)
}

// hintMutants are defects of an engine that gives hints.
func hintMutants() []mutant {
	one := func(name, file, from, to string) mutant { return mutant{name, jetStream, []edit{{file, from, to}}} }
	return []mutant{
		one("a hint is answered before the save", "workers/jetstream/queue.go",
			"\tif err := q.Queue.Save(ctx, b, e, lease); err != nil {",
			"\tif m := q.led(booking.Lease{ID: b.ID, Owner: b.Owner}); m != nil {\n\t\t_ = m.msg.Ack()\n\t}\n\tif err := q.Queue.Save(ctx, b, e, lease); err != nil {"),
		{"nobody looks for what hints were lost of", jetStream, []edit{
			{"workers/jetstream/claim.go", "pool booking.Pool) bool {\n\tinterval", "pool booking.Pool) bool {\n\tif true {\n\t\treturn false\n\t}\n\tinterval"},
			{"workers/jetstream/sweep.go", "\t\tfor _, h := range hints {", "\t\tfor _, h := range hints[:0] {"},
		}},
		one("what the broker bounds goes on in memory", "workers/room.go", "\tif p.governed {", "\tif false {"),
	}
}

// build compiles this simulation with the defect in it.
func (m mutant) build(ctx context.Context, dir string) (binary string, err error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for n, e := range m.edits {
		path := filepath.Join(root, e.file)
		source, known := replace[path]
		if !known {
			source = path
		}
		content, err := os.ReadFile(source)
		if err != nil {
			return "", err
		}
		if found := strings.Count(string(content), e.from); found != 1 {
			return "", fmt.Errorf("mutant %q: %s has %d places like %q: mend the mutant", m.name, e.file, found, e.from)
		}
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d.go", n))
		if err := os.WriteFile(replace[path], []byte(strings.Replace(string(content), e.from, e.to, 1)), 0o600); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "sim.test")
	said, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("mutant %q: %w: %s", m.name, err, said)
	}
	return binary, nil
}
