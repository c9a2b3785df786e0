package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/store"
)

// auditCommand proves that nobody changed what our people did.
func auditCommand(file *string) *cobra.Command {
	parent := &cobra.Command{Use: "audit", Short: "prove the audit of what staff did"}
	var head string
	var asJSON bool
	verify := &cobra.Command{
		Use: "verify", Short: "read the whole chain, and name what was changed, removed or added", Args: cobra.NoArgs,
		Long: "Reads the whole chain of what staff and operators did, and compares it with the history of the bookings, while services go on.\n" +
			"It names what was changed, removed or added, and fails if there is anything. That the newest actions were removed with all that\n" +
			"belongs to them shows only with --expect-head: any head that was noted elsewhere, such as in the service's log.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withConfig(cmd, *file, func(cfg Config, log *zap.Logger) error { return verifyAudit(cmd, cfg, log, head, asJSON) })
		},
	}
	verify.Flags().StringVar(&head, "expect-head", "", "a digest that was the head once: the chain must still have it")
	verify.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	parent.AddCommand(verify)
	return parent
}

// errAudit: what is wrong has been printed.
var errAudit = errors.New("the audit is not intact: see the runbook")

// findingsKept bounds what --json holds in memory; the number of all is in the report.
const findingsKept = 10_000

func verifyAudit(cmd *cobra.Command, cfg Config, log *zap.Logger, head string, asJSON bool) error {
	secrets, err := loadKeys(cfg)
	if err != nil {
		return err
	}
	auditor, err := store.OpenAuditor(cmd.Context(), storeConfig(cfg, secrets), log)
	if err != nil {
		return err
	}
	defer func() { _ = auditor.Close() }() // it only read
	kept := []store.Finding{}
	report, err := auditor.Verify(cmd.Context(), head, func(f store.Finding) {
		switch {
		case !asJSON:
			cmd.Println(findingText(f))
		case len(kept) < findingsKept:
			kept = append(kept, f)
		}
	})
	if err != nil {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		err = encoder.Encode(struct {
			Intact bool `json:"intact"`
			store.AuditReport
			Named []store.Finding `json:"named"`
		}{report.Findings == 0, report, kept})
	} else {
		cmd.Println(auditText(report))
	}
	if err == nil && report.Findings > 0 {
		err = errAudit
	}
	return err
}

// findingText is a finding in a line.
func findingText(f store.Finding) string {
	var where []string
	if f.Seq != 0 {
		where = append(where, fmt.Sprintf("row %d", f.Seq))
	}
	if f.Booking != "" {
		name := f.Reference
		if name == "" {
			name = f.Booking
		}
		where = append(where, fmt.Sprintf("booking %s, version %d", name, f.Version))
	}
	if len(where) == 0 {
		return f.What
	}
	return strings.Join(where, ", ") + ": " + f.What
}

// auditText is the last line.
func auditText(r store.AuditReport) string {
	text := many(r.Actions, "action")
	if r.Actions > 0 {
		text += fmt.Sprintf(", from %s to %s", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	}
	if r.Earlier > 0 {
		text += fmt.Sprintf("; %s from before the chain began on %s", many(r.Earlier, "older action"), r.BeganAt.Format(time.DateOnly))
	}
	if r.Findings > 0 {
		return fmt.Sprintf("%s; NOT INTACT: %s, head %s", text, many(r.Findings, "finding"), r.Head)
	}
	text += "; chain intact"
	if r.Head != "" {
		text += ", head " + r.Head
	}
	return text
}

func many(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// eraseCommand makes the personal data of bookings unreadable. It is no part of the API: whether data may go, and when, is for
// somebody to judge who answers for it, and who has the server.
func eraseCommand(file *string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "erase --reason TEXT BOOKING...", Short: "make the guests' data of bookings unreadable for good", Args: cobra.MinimumNArgs(1),
		Long: "Makes the personal data of bookings (ids or references) unreadable for good, and takes what staff wrote about them out of their\n" +
			"timelines. The bookings, their money and the rest of their history stay. Only bookings that are at rest can be erased: cancel\n" +
			"or resolve the others first. The audit names you, by your user name on this server.",
		RunE: func(cmd *cobra.Command, bookings []string) error {
			return withConfig(cmd, *file, func(cfg Config, log *zap.Logger) error { return erase(cmd, cfg, log, reason, bookings) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the timeline and the audit; no personal data, please")
	_ = cmd.MarkFlagRequired("reason") // it was added just now
	return cmd
}

func erase(cmd *cobra.Command, cfg Config, log *zap.Logger, reason string, bookings []string) error {
	if len(strings.TrimSpace(reason)) < 3 {
		return errors.New("--reason must say something")
	}
	operator, err := user.Current()
	if err != nil {
		return fmt.Errorf("find out who you are: %w", err)
	}
	secrets, err := loadKeys(cfg)
	if err != nil {
		return err
	}
	s, err := store.Open(cmd.Context(), storeConfig(cfg, secrets), log)
	if err != nil {
		return err
	}
	decision := booking.Decision{
		Verb: booking.VerbErase, Actor: booking.OperatorActor(operator.Username), Role: "operator", Reason: strings.TrimSpace(reason),
	}
	var problems []error
	for _, name := range bookings {
		erased, err := eraseOne(cmd, s, name, decision)
		if err != nil {
			problems = append(problems, fmt.Errorf("erase booking %s: %w", name, err))
			continue
		}
		cmd.Printf("erased the guests of booking %s (%s)\n", erased.Reference, erased.ID)
	}
	return errors.Join(append(problems, s.Close())...)
}

func eraseOne(cmd *cobra.Command, s *store.Store, name string, d booking.Decision) (*booking.Booking, error) {
	id, flow := booking.ID(strings.ToLower(name)), booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	if uuid.Validate(name) != nil {
		reference, err := booking.ParseReference(name)
		if err != nil {
			return nil, err
		}
		if id, err = s.ByReference(cmd.Context(), reference); err != nil {
			return nil, err
		}
	}
	return s.Erase(cmd.Context(), id, func(b *booking.Booking) (booking.Entry, error) {
		return flow.Decide(b, d, time.Now().UTC().Truncate(time.Microsecond))
	})
}
