package browsertest

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// program puts an empty program of this name on a PATH of its own.
func program(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700)) //nolint:gosec // a program
	t.Setenv("PATH", filepath.Dir(path))
	return path
}

func TestTheBrowserOfTheEnvironmentComesFirst(t *testing.T) {
	other := filepath.Join(filepath.Dir(program(t, "chromium")), "mine")
	require.NoError(t, os.Link(filepath.Join(filepath.Dir(other), "chromium"), other))
	t.Setenv(binVariable, other)
	found, err := Find(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, other, found)

	t.Setenv(binVariable, other+"-gone")
	_, err = Find(t.Context(), io.Discard)
	require.ErrorContains(t, err, other+"-gone", "what was asked for is not there: another one would be a surprise")
}

func TestTheBrowserIsFoundByAnyOfItsNames(t *testing.T) {
	t.Setenv(binVariable, "")
	for _, name := range names {
		want := program(t, name)
		found, err := Find(t.Context(), io.Discard)
		require.NoError(t, err)
		require.Equal(t, want, found)
	}
}

func TestNothingIsInstalledUnasked(t *testing.T) {
	program(t, "apt-get") // would succeed
	t.Setenv(binVariable, "")
	t.Setenv(installVariable, "")
	t.Setenv("CI", "")
	_, err := Find(t.Context(), io.Discard)
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, "make e2e")
}

func TestAnInstallationThatFailsSaysSo(t *testing.T) {
	program(t, "something")
	t.Setenv(binVariable, "")
	t.Setenv(installVariable, "1")
	_, err := Find(t.Context(), io.Discard)
	require.ErrorIs(t, err, ErrNotFound)
}
