package store_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// migrateAlone is what another process does; see TestMain.
func migrateAlone(dir string) int {
	applied, err := store.MigrateUp(context.Background(), store.Config{Dir: dir}, zap.NewNop())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for _, name := range applied {
		fmt.Println("applied", name)
	}
	return 0
}

func TestEachMigrationIsAppliedOnceHoweverManyStart(t *testing.T) {
	t.Parallel()
	const starting = 8
	for name, config := range map[string]func(testing.TB) store.Config{
		"sqlite": storetest.SQLiteConfig, "postgres": storetest.PostgresConfig,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			cfg.MaxConns = 2
			before, err := store.MigrateStatus(t.Context(), cfg)
			require.NoError(t, err)
			require.NotEmpty(t, before)
			for _, m := range before {
				require.Zero(t, m.Applied)
			}

			var mu sync.Mutex
			var applied []string
			var done sync.WaitGroup
			for range starting {
				done.Go(func() {
					names, err := store.MigrateUp(t.Context(), cfg, zap.NewNop())
					mu.Lock()
					defer mu.Unlock()
					if applied = append(applied, names...); err != nil {
						t.Errorf("migrate: %v", err)
					}
				})
			}
			done.Wait()
			require.Len(t, applied, len(before))

			after, err := store.MigrateStatus(t.Context(), cfg)
			require.NoError(t, err)
			require.Len(t, after, len(before))
			for i, m := range after {
				require.Equal(t, before[i].Name, m.Name)
				require.EqualValues(t, i+1, m.Version, "numbered without a gap")
				require.NotZero(t, m.Applied)
			}
			storetest.Open(t, cfg)
		})
	}
}

func TestProcessesWaitForTheOneThatMigrates(t *testing.T) {
	t.Parallel()
	const starting = 4
	dir := t.TempDir()
	outputs := make([]string, starting)
	var done sync.WaitGroup
	for i := range starting {
		done.Go(func() {
			output, err := exec.CommandContext(t.Context(), os.Args[0], "-migrate="+dir).CombinedOutput()
			if outputs[i] = string(output); err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
	done.Wait()
	list, err := store.MigrateStatus(t.Context(), store.Config{Dir: dir})
	require.NoError(t, err)
	require.Equal(t, len(list), strings.Count(strings.Join(outputs, ""), "applied"))
}

func TestOneStoreOpensWhileAnotherWorks(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(testing.TB) store.Config{
		"sqlite": storetest.SQLiteConfig, "postgres": storetest.PostgresConfig,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			first := storetest.Open(t, cfg)
			b := accepted(t, first, 1)
			second := storetest.Open(t, cfg)
			get(t, second, b.ID)
			accepted(t, second, 2)
			require.NoError(t, first.Ping(t.Context()))
		})
	}
}
