package chaos_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// binaries are built once for all cases, and are gone at the end.
type binaries struct {
	mu  sync.Mutex
	dir string
	of  map[string]string // by the name of the defect; "" is the product
}

var built binaries

// product is the real binary, as make build makes it.
func product(t *testing.T) string { return built.get(t, "", nil) }

// mutant is the product with a defect: by file, pairs of the right source and the wrong.
func mutant(t *testing.T, name string, defects map[string][]string) string {
	t.Helper()
	return built.get(t, name, defects)
}

func (b *binaries) get(t *testing.T, name string, defects map[string][]string) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of[name] != "" {
		return b.of[name]
	}
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "booking-chaos-")
		require.NoError(t, err)
		b.dir, b.of = dir, map[string]string{}
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := filepath.Join(b.dir, "product"+name)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	path := filepath.Join(dir, "booking")
	command := slices.Concat([]string{"build", "-o", path}, overlay(t, root, dir, defects), []string{"."})
	build := exec.CommandContext(t.Context(), "go", command...)
	build.Dir = root
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	b.of[name] = path
	return path
}

// overlay are the flags of go build that put the defects in the place of the source.
func overlay(t *testing.T, root, dir string, defects map[string][]string) []string {
	t.Helper()
	if len(defects) == 0 {
		return nil
	}
	replace := map[string]string{}
	for file, pairs := range defects {
		source, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for pair := range slices.Chunk(pairs, 2) {
			require.Equal(t, 1, strings.Count(string(source), pair[0]), "the defect's place in %s has moved: mend this test", file)
		}
		wrong := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		require.NoError(t, os.WriteFile(wrong, []byte(strings.NewReplacer(pairs...).Replace(string(source))), 0o600))
		replace[filepath.Join(root, file)] = wrong
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, content, 0o600))
	return []string{"-overlay", list}
}

func (b *binaries) remove() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir != "" {
		_ = os.RemoveAll(b.dir) // it is a temporary directory
	}
}
