package web

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAZoneIsReadOnce(t *testing.T) {
	t.Parallel()
	z := newZones()
	first, err := z.find("Europe/Madrid")
	require.NoError(t, err)
	again, err := z.find("Europe/Madrid")
	require.NoError(t, err)
	require.Same(t, first, again)
	for _, name := range []string{"Local", "Europe/Atlantis", "../zone"} {
		_, err = z.find(name)
		require.Error(t, err, name)
	}
	require.Len(t, z.named, 1, "what is no zone is not kept")
}

func TestZonesAreKeptUpToABound(t *testing.T) {
	t.Parallel()
	z := newZones()
	for i := range zonesMax {
		z.named[string(rune(i))] = time.UTC
	}
	zone, err := z.find("Asia/Tokyo")
	require.NoError(t, err)
	require.Equal(t, "Asia/Tokyo", zone.String())
	require.Len(t, z.named, zonesMax)
}
