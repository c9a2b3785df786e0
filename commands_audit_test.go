package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
)

// runCommand runs a command of the binary on a service's configuration and returns what it prints.
func runCommand(t *testing.T, cfg Config, args ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := "data_dir: " + cfg.DataDir + "\nlog: {level: error}\ndatabase: {max_conns: 4, url: \"" + cfg.Database.URL.Reveal() + "\"}\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	var printed bytes.Buffer
	root := command()
	root.SetOut(&printed)
	root.SetArgs(append(args, "--config", file))
	err := root.ExecuteContext(t.Context())
	return printed.String(), err
}

// pastTheService opens a service's database.
func pastTheService(t *testing.T, cfg Config) *sql.DB {
	t.Helper()
	driver, address := "sqlite", filepath.Join(cfg.DataDir, "booking.db")
	if cfg.Database.URL != "" {
		driver, address = "pgx", cfg.Database.URL.Reveal()
	}
	db, err := sql.Open(driver, address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// audited runs a test beside a running service on each database.
func audited(t *testing.T, test func(*client, Config)) {
	t.Helper()
	for name, address := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": storetest.PostgresSchema} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cfg Config
			c := serviceForTest(t, address(t), func(used *Config) { cfg = *used })
			test(c, cfg)
		})
	}
}

func TestWhatStaffDidIsProvedByACommand(t *testing.T) {
	t.Parallel()
	audited(t, func(c *client, cfg Config) {
		printed, err := runCommand(c.T, cfg, "audit", "verify")
		require.NoError(c, err)
		require.Equal(c, "0 actions; chain intact\n", printed)

		b := c.submit(order{})
		c.until(b.ID, func(v bookingView) bool { return v.Stage == "done" })
		act := func(verb, body, request string) {
			c.call("POST", "/v1/support/bookings/"+b.ID+"/actions/"+verb, c.support, body, "X-Request-ID", request).is(http.StatusAccepted)
		}
		act("note", `{"reason":"the guest will call back"}`, "ticket-1")
		act("refund", `{"reason":"no hot water","amount":{"amount":"50.00","currency":"EUR"}}`, "ticket-2")
		c.call("POST", "/v1/support/bookings/"+b.ID+"/actions/approve", c.support, `{"reason":"too late"}`).is(http.StatusConflict)
		other := c.submit(order{})
		c.call("POST", "/v1/bookings/"+other.ID+"/cancellation", other.ClientSecret, "{}").is(http.StatusAccepted)

		printed, err = runCommand(c.T, cfg, "audit", "verify")
		require.NoError(c, err, printed)
		require.Regexp(c, `^2 actions, from .+Z to .+Z; chain intact, head [0-9a-f]{64}\n$`, printed)
		head := strings.TrimSpace(printed[strings.LastIndex(printed, " "):])
		require.Contains(c, c.log.String(), head, "the log has it, too")
		_, err = runCommand(c.T, cfg, "audit", "verify", "--expect-head", head)
		require.NoError(c, err)
		printed, err = runCommand(c.T, cfg, "audit", "verify", "--expect-head", strings.Repeat("0", 64))
		require.ErrorIs(c, err, errAudit)
		require.Contains(c, printed, "no row has the digest 000")

		db := pastTheService(c.T, cfg)
		var said []string
		rows, err := db.QueryContext(c.Context(), "SELECT concat_ws(' ', action, asked, role, actor, request_id) FROM audit ORDER BY seq")
		require.NoError(c, err)
		for rows.Next() {
			var line string
			require.NoError(c, rows.Scan(&line))
			said = append(said, line)
		}
		require.NoError(c, rows.Err())
		require.Equal(c, []string{"note  supervisor support:support ticket-1", "refund amount=50.00 EUR supervisor support:support ticket-2"}, said)

		drop := "DROP TRIGGER audit_unchanged"
		if cfg.Database.URL != "" {
			drop = "DROP TRIGGER audit_kept ON audit"
		}
		_, err = db.ExecContext(c.Context(), "UPDATE audit SET asked = 'amount=5.00 EUR' WHERE seq = 2")
		require.ErrorContains(c, err, "only ever appended to")
		for _, statement := range []string{drop, "UPDATE audit SET asked = 'amount=5.00 EUR' WHERE seq = 2"} {
			_, err = db.ExecContext(c.Context(), statement)
			require.NoError(c, err)
		}
		printed, err = runCommand(c.T, cfg, "audit", "verify")
		require.ErrorIs(c, err, errAudit)
		require.Contains(c, printed, "row 2, booking "+b.Reference+", version ")
		require.Contains(c, printed, "changed, or added: its digest is not that of its columns\n")
		require.Contains(c, printed, "NOT INTACT: 1 finding, head ")

		printed, err = runCommand(c.T, cfg, "audit", "verify", "--json")
		require.ErrorIs(c, err, errAudit)
		var report struct {
			Intact  bool
			Actions int
			Named   []struct {
				Seq       int
				Reference string
			}
		}
		require.NoError(c, json.Unmarshal([]byte(printed), &report), printed)
		require.False(c, report.Intact)
		require.Equal(c, 2, report.Actions)
		require.Len(c, report.Named, 1)
		require.Equal(c, 2, report.Named[0].Seq)
		require.Equal(c, b.Reference, report.Named[0].Reference)
	})
}

func TestAnOperatorErasesGuestsAndTheBookingStays(t *testing.T) {
	t.Parallel()
	audited(t, func(c *client, cfg Config) {
		submit := func() answer {
			return c.call("POST", "/v1/bookings", c.bookings, order{}.json(), "Idempotency-Key", "erased")
		}
		b := submit().is(http.StatusAccepted).booking()
		c.until(b.ID, func(v bookingView) bool { return v.Stage == "done" })
		c.call("POST", "/v1/support/bookings/"+b.ID+"/actions/note", c.support, `{"reason":"Mr Núñez called"}`).is(http.StatusAccepted)
		waiting := c.submit(order{card: "pm_card_authenticationRequired"})
		c.untilStatus(waiting.ID, "requires_action")

		_, err := runCommand(c.T, cfg, "erase", b.ID)
		require.ErrorContains(c, err, "reason")
		_, err = runCommand(c.T, cfg, "erase", "--reason", "a request", "no-such-booking")
		require.ErrorContains(c, err, "reference")
		_, err = runCommand(c.T, cfg, "erase", "--reason", "a request", "01945e2a-7c00-7000-8000-000000000001")
		require.ErrorContains(c, err, "no such booking")
		printed, err := runCommand(c.T, cfg, "erase", "--reason", "request 17", strings.ToLower(b.Reference), waiting.ID)
		require.ErrorContains(c, err, "erase is not possible while the booking is requires_action")
		require.Equal(c, "erased the guests of booking "+b.Reference+" ("+b.ID+")\n", printed)

		inside := string(c.call("GET", "/v1/support/bookings/"+b.ID, c.support, "").is(http.StatusOK).body)
		for _, personal := range []string{"Núñez", "example.com", "600000000"} {
			require.NotContains(c, inside, personal)
		}
		operator, err := user.Current()
		require.NoError(c, err)
		require.Contains(c, inside, `"operator:`+operator.Username+`"`)
		require.Contains(c, inside, "request 17")
		require.Contains(c, inside, `"erased"`, "in the place of the note")
		require.Contains(c, inside, "346.00", "the money stays")
		list := string(c.call("GET", "/v1/support/bookings?q=ana@example.com", c.support, "").is(http.StatusOK).body)
		require.NotContains(c, list, b.Reference, "nobody finds it by its guest")
		require.Contains(c, list, waiting.Reference)

		again := submit().is(http.StatusAccepted)
		require.Equal(c, "true", again.header.Get("Idempotent-Replayed"))
		require.Equal(c, b.ID, again.booking().ID)
		require.Equal(c, b.ClientSecret, again.booking().ClientSecret)
		c.call("POST", "/v1/bookings/"+b.ID+"/cancellation", b.ClientSecret, "{}").is(http.StatusAccepted)
		require.Equal(c, "cancelled", c.untilStatus(b.ID, "cancelled").Status, "what was booked can be cancelled without its guests")

		printed, err = runCommand(c.T, cfg, "audit", "verify")
		require.NoError(c, err, printed)
		require.Contains(c, printed, "2 actions, ")
	})
}

func TestTheAuditOfNoDatabaseIsAnError(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.DataDir = t.TempDir()
	_, err := runCommand(t, cfg, "audit", "verify")
	require.ErrorContains(t, err, "booking.db")
	require.NoFileExists(t, filepath.Join(cfg.DataDir, "booking.db"))
}
