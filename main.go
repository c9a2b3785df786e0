// Command booking is a hotel-booking service: `booking serve` takes bookings over HTTP and walks them through hotel
// supplier, fraud screening, payment and tracking. app.go wires it; booking/flow.go is what it does.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// headroom is memory that is never touched, so it takes none. The collector counts it: it lets at least as much garbage gather
// before it runs, where a live heap of 20 MB would have it run dozens of times a second.
var headroom = make([]byte, 128<<20)

func main() {
	defer runtime.KeepAlive(headroom)
	if err := command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "booking:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var file string
	root := &cobra.Command{
		Use:           "booking",
		Short:         "a hotel-booking service",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	serving := &cobra.Command{
		Use: "serve", Short: "take bookings and walk them through the flow (the default)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withConfig(cmd, file, func(cfg Config, log *zap.Logger) error { return serve(cmd, cfg, log) })
		},
	}
	root.RunE, root.Args = serving.RunE, cobra.NoArgs
	root.PersistentFlags().StringVar(&file, "config", "", "the configuration file (default: config.yaml, if there is one)")
	AddConfigFlags(root.PersistentFlags())
	root.AddCommand(serving, sandboxCommand(&file), migrateCommand(&file), auditCommand(&file), eraseCommand(&file), limitsCommand(&file), benchCommand(), &cobra.Command{
		Use: "version", Short: "print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) { cmd.Println(version()) },
	})
	root.SetOut(os.Stdout)
	return root
}

// withConfig runs a command with its configuration and its log.
func withConfig(cmd *cobra.Command, file string, run func(Config, *zap.Logger) error) error {
	cfg, err := Load(file, cmd.Flags())
	if err != nil {
		return fmt.Errorf("the configuration has problems:\n%w", err)
	}
	log, err := newLog(cfg.Log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }() // a terminal cannot be synced, and says so
	return run(cfg, log)
}

// serve runs until a signal. The first one drains; a second one ends the process at once, which loses nothing: whatever was
// under way is asked about at the next start.
func serve(cmd *cobra.Command, cfg Config, log *zap.Logger) error {
	ctx, release := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	app := NewApp(cfg, log)
	if err := app.Start(ctx); err != nil {
		return err
	}
	cmd.Print(app.Welcome())
	log.Info("serving", zap.String("version", version()), zap.String("http", app.Addr()), zap.String("admin", app.AdminAddr()), zap.String("sandbox", app.sandboxURL()))
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-app.Failed():
		log.Error("a listener failed; the service stops: free its address or set another", zap.Error(failed))
	}
	release()
	log.Info("stopping", zap.Duration("grace", cfg.Shutdown.Grace))
	if err := app.Stop(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	log.Info("stopped")
	return failed
}

func newLog(cfg LogConfig) (*zap.Logger, error) {
	zc := zap.NewProductionConfig()
	if cfg.Format == "console" {
		zc = zap.NewDevelopmentConfig()
	}
	level, err := zapcore.ParseLevel(cfg.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	zc.Level = zap.NewAtomicLevelAt(level)
	zc.Sampling = nil // a line that is missing is the one that is looked for
	zc.DisableStacktrace = true
	zc.EncoderConfig.TimeKey = "time"
	zc.EncoderConfig.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	zc.EncoderConfig.EncodeDuration = zapcore.StringDurationEncoder
	return zc.Build()
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = " " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = " (modified)"
		}
	}
	return info.Main.Version + revision + dirty + " " + info.GoVersion
}
