package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"hotelbooking/bench"
)

// benchCommand measures the service on this machine.
func benchCommand() *cobra.Command {
	o := bench.Options{Runs: 3, Scale: 1}
	cmd := &cobra.Command{
		Use: "bench [SCENARIO ...]", Short: "measure it on this machine's loopback",
		Long:      "Measure it on this machine's loopback, beside the load driver. The scenarios, all of them where none is named:\n\n" + bench.Scenarios(),
		ValidArgs: bench.Names(), Args: cobra.OnlyValidArgs,
		RunE: func(cmd *cobra.Command, scenarios []string) error {
			ctx, release := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer release()
			binary, err := os.Executable()
			if err != nil {
				return err
			}
			o.Binary, o.Out, o.Log = binary, cmd.OutOrStdout(), cmd.ErrOrStderr()
			return bench.Run(ctx, scenarios, o)
		},
	}
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print one JSON object for each measurement and line")
	cmd.Flags().IntVar(&o.Runs, "runs", o.Runs, "runs of each measurement, of which the median and the spread are reported")
	cmd.Flags().Float64Var(&o.Scale, "scale", o.Scale, "a factor on the number of bookings and on how long runs take")
	cmd.Flags().StringSliceVar(&o.Databases, "database", nil, "postgres, sqlite or both (the default)")
	cmd.Flags().StringVar(&o.DatabaseURL, "database-url", "", "a PostgreSQL to work in, in a schema that is dropped afterwards (default: a private one is started)")
	cmd.Flags().StringVar(&o.CPUProfile, "cpu-profile", "", "a file for the CPU profile of the engine's scenario, or the beginning of those of the fleet's processes; the service's own are on its admin listener")
	cmd.AddCommand(synchronousCommand(), bareCommand(), memberCommand())
	return cmd
}

// synchronousCommand is what the scenario generations compares the service with.
func synchronousCommand() *cobra.Command {
	var o bench.Synchronous
	cmd := &cobra.Command{
		Use: "synchronous", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, release := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer release()
			return bench.ServeSynchronously(ctx, o, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.DatabaseURL, "database-url", "", "PostgreSQL (default: SQLite)")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "where its embedded database is")
	cmd.Flags().StringVar(&o.Sandbox, "sandbox", "", "where the sandbox is")
	return cmd
}

// bareCommand is what the scenarios accept and poll compare the service with.
func bareCommand() *cobra.Command {
	var o bench.Bare
	cmd := &cobra.Command{
		Use: "bare", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, release := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer release()
			return bench.ServeBare(ctx, o, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.DatabaseURL, "database-url", "", "PostgreSQL (default: SQLite)")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "where its embedded database is")
	cmd.Flags().IntVar(&o.BodyBytes, "body-bytes", 0, "how long its answers to GET are")
	return cmd
}

// memberCommand is one process of the scenario fleet.
func memberCommand() *cobra.Command {
	var o bench.Member
	cmd := &cobra.Command{
		Use: "member", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, release := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer release()
			return bench.ServeMember(ctx, o, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.DatabaseURL, "database-url", "", "PostgreSQL (default: SQLite)")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "where its log is, and its embedded database")
	cmd.Flags().StringSliceVar(&o.Works, "works", nil, "its pools (default: all)")
	cmd.Flags().StringVar(&o.Broker, "broker", "", "where NATS is (default: without)")
	cmd.Flags().StringVar(&o.Stream, "stream", "", "the stream of the hints")
	cmd.Flags().StringVar(&o.CPUProfile, "cpu-profile", "", "a file for its CPU profile")
	return cmd
}
