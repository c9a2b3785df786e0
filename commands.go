package main

import (
	"cmp"
	"fmt"
	"net"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hotelbooking/providers/sandbox"
	"hotelbooking/store"
)

// sandboxCommand runs the sandbox as its own process, for a service that has sandbox.url.
func sandboxCommand(file *string) *cobra.Command {
	var addr, journal, webhook string
	cmd := &cobra.Command{
		Use: "sandbox", Short: "play hotel supplier, fraud screening, payment provider and tracking", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withConfig(cmd, *file, func(cfg Config, log *zap.Logger) error {
				cfg.Sandbox.Addr = cmp.Or(addr, cfg.Sandbox.Addr)
				cfg.Sandbox.Journal = cmp.Or(journal, cfg.Sandbox.Journal)
				cfg.Sandbox.WebhookURL = cmp.Or(webhook, cfg.Sandbox.WebhookURL)
				return runSandbox(cmd, cfg, log)
			})
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "", "where it listens (default: sandbox.addr)")
	cmd.Flags().StringVar(&journal, "journal", "", "a file that lets it survive its own restart (default: sandbox.journal)")
	cmd.Flags().StringVar(&webhook, "webhook", "", "where notifications go (default: sandbox.webhook_url)")
	return cmd
}

func runSandbox(cmd *cobra.Command, cfg Config, log *zap.Logger) error {
	ctx, release := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	secrets, err := loadKeys(cfg)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Sandbox.Addr)
	if err != nil {
		return fmt.Errorf("listen for the sandbox: %w", err)
	}
	cmd.Printf("The sandbox plays the outside systems at http://%s; what really happened is at http://%[1]s/_ledger\n", listener.Addr())
	log.Info("sandbox", zap.String("addr", listener.Addr().String()), zap.String("journal", cfg.Sandbox.Journal))
	return sandbox.Serve(ctx, listener, sandboxConfig(cfg.Sandbox, cfg.Sandbox.WebhookURL, secrets.webhook))
}

// migrateCommand changes or shows the schema of the database. serve applies what is missing by itself.
func migrateCommand(file *string) *cobra.Command {
	parent := &cobra.Command{Use: "migrate", Short: "change or show the database's schema"}
	parent.AddCommand(
		&cobra.Command{Use: "up", Short: "apply the migrations that are missing", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return withConfig(cmd, *file, func(cfg Config, log *zap.Logger) error {
				secrets, err := loadKeys(cfg)
				if err != nil {
					return err
				}
				applied, err := store.MigrateUp(cmd.Context(), storeConfig(cfg, secrets), log)
				for _, name := range applied {
					cmd.Println("applied", name)
				}
				if err == nil && len(applied) == 0 {
					cmd.Println("nothing to apply")
				}
				return err
			})
		}},
		&cobra.Command{Use: "status", Short: "list the migrations", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return withConfig(cmd, *file, func(cfg Config, log *zap.Logger) error {
				secrets, err := loadKeys(cfg)
				if err != nil {
					return err
				}
				migrations, err := store.MigrateStatus(cmd.Context(), storeConfig(cfg, secrets))
				for _, m := range migrations {
					applied := "missing"
					if !m.Applied.IsZero() {
						applied = m.Applied.UTC().Format(time.RFC3339)
					}
					cmd.Printf("%05d  %-40s %s\n", m.Version, m.Name, applied)
				}
				return err
			})
		}},
	)
	return parent
}
