package workers

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// A round that was slow finds that its time has come again, and that somebody has woken it: with two rounds, or one, as chance
// had it, no simulation could be repeated.
func TestWhatComesTogetherIsOneRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		l := &loop{name: "slow", every: 4 * time.Second, wake: make(chan struct{}, 1)}
		l.round = func(_ context.Context, early bool) error {
			if early {
				woken++
				signal(l.wake)
				<-time.After(10 * time.Second)
			}
			return nil
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { l.run(ctx, rand.New(rand.NewPCG(1, 1)), zap.NewNop()) })
		synctest.Wait()
		signal(l.wake)
		<-time.After(time.Minute)
		stop()
		running.Wait()
		require.Equal(t, 1, woken)
	})
}
