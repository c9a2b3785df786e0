package main

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/workers/jetstream"
)

// limitsCommand shows and changes how much the whole fleet does at once. A fleet's processes keep running meanwhile.
func limitsCommand(file *string) *cobra.Command {
	parent := &cobra.Command{
		Use: "limits", Short: "show how much the fleet does at once in each pool, and how much waits", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withLanes(cmd, *file, func(q *jetstream.Queue) error { return showLanes(cmd, q) })
		},
	}
	var supplier string
	set := &cobra.Command{
		Use: "set POOL TURNS", Short: "change a limit, for all processes and at once; nats.limits is what counts when the stream is new", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			turns, err := strconv.Atoi(args[1])
			if err != nil {
				return fmt.Errorf("%q is not a number of turns", args[1])
			}
			return withLanes(cmd, *file, func(q *jetstream.Queue) error {
				if err := q.SetLimit(cmd.Context(), booking.Pool(args[0]), supplier, turns); err != nil {
					return err
				}
				return showLanes(cmd, q)
			})
		},
	}
	set.Flags().StringVar(&supplier, "supplier", "", "whose part of the pool provider")
	parent.AddCommand(set)
	return parent
}

func withLanes(cmd *cobra.Command, file string, do func(*jetstream.Queue) error) error {
	return withConfig(cmd, file, func(cfg Config, log *zap.Logger) error {
		if cfg.Engine != jetStream || cfg.NATS.URL == "" {
			return errors.New("only a fleet has limits of its own: engine is not jetstream, or nats.url is empty; workers.pools bounds one process")
		}
		world, err := connect(cfg, cmp.Or(cfg.Sandbox.URL, "http://"+cfg.Sandbox.Addr), keys{}, nil)
		if err != nil {
			return err
		}
		broker, err := jetstream.Connect(natsAddress(cfg), "booking limits", log)
		if err != nil {
			return err
		}
		defer broker.Close()
		q, err := jetstream.New(nil, booking.Flow{}, broker.Conn(), jetstreamConfig(cfg, world.suppliers), nil, log, nil) // which is not started
		if err != nil {
			return err
		}
		return do(q)
	})
}

func showLanes(cmd *cobra.Command, q *jetstream.Queue) error {
	lanes, err := q.Lanes(cmd.Context())
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "POOL\tSUPPLIER\tLIMIT\tWORKING\tWAITING")
	for _, l := range lanes {
		limit := "none"
		if l.Limit > 0 {
			limit = strconv.Itoa(l.Limit)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\n", l.Pool, l.Supplier, limit, l.Working, l.Waiting)
	}
	return table.Flush()
}
