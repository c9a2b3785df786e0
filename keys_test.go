package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking/web"
)

func TestThePageGetsAKeyOfItsOwnThatOnlySubmits(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.DataDir = t.TempDir()
	k, err := loadKeys(cfg)
	require.NoError(t, err)
	path := filepath.Join(cfg.DataDir, "keys", "checkout.key")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(content)), k.checkout)
	require.True(t, strings.HasPrefix(k.checkout, "bk_publishable_"), k.checkout)
	require.Contains(t, k.api, web.Key{Name: "checkout", Scope: web.ScopePublishable, Hash: web.HashKey(k.checkout)})
	require.Len(t, k.api, 3)
	for _, made := range k.made {
		require.NotEqual(t, k.checkout, made.text, "the page carries it: nobody has to keep it")
	}

	again, err := loadKeys(cfg)
	require.NoError(t, err)
	require.Equal(t, []any{k.checkout, k.api}, []any{again.checkout, again.api})
	require.Empty(t, again.made)

	require.NoError(t, os.Chmod(path, 0o644))
	_, err = loadKeys(cfg)
	require.ErrorContains(t, err, "everybody can read "+path)
}

func TestConfiguredKeysAreTheOnlyOnes(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.DataDir = t.TempDir()
	cfg.Auth.Keys = []APIKey{{Name: "web", Scope: "bookings", Hash: web.HashKey("bk_bookings_x")}}
	k, err := loadKeys(cfg)
	require.NoError(t, err)
	require.Equal(t, []web.Key{{Name: "web", Scope: web.ScopeBookings, Hash: web.HashKey("bk_bookings_x")}}, k.api)
	require.Empty(t, k.checkout, "there is no page at /")
	for _, name := range []string{"bookings.key", "support.key", "checkout.key"} {
		require.NoFileExists(t, filepath.Join(cfg.DataDir, "keys", name))
	}

	cfg.Checkout.Key = "bk_publishable_x"
	cfg.Auth.Keys = append(cfg.Auth.Keys, APIKey{Name: "page", Scope: "publishable", Hash: web.HashKey(cfg.Checkout.Key)})
	require.NoError(t, cfg.Validate())
	k, err = loadKeys(cfg)
	require.NoError(t, err)
	require.Equal(t, cfg.Checkout.Key, k.checkout)
}
