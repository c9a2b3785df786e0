package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// TestWhatOthersWroteForBrowsersIsListedAndUnchanged: the bill of materials and the licences are made from the list.
func TestWhatOthersWroteForBrowsersIsListedAndUnchanged(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(assetFiles, "assets/vendor/vendored.json")
	require.NoError(t, err)
	var packages []struct {
		Package string `json:"package"`
		Version string `json:"version"`
		Licence string `json:"licence_file"`
		Files   []struct {
			Name   string `json:"name"`
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	require.NoError(t, json.Unmarshal(text, &packages))
	known := map[string]bool{"vendored.json": true}
	for _, p := range packages {
		known[p.Licence] = true
		for _, f := range p.Files {
			known[f.Name] = true
			content, err := fs.ReadFile(assetFiles, path.Join("assets/vendor", f.Name))
			require.NoError(t, err)
			sum := sha256.Sum256(content)
			require.Equal(t, f.SHA256, hex.EncodeToString(sum[:]), f.Name)
			require.Contains(t, f.Name, p.Version, "a new version has a new name")
		}
	}
	files, err := fs.ReadDir(assetFiles, "assets/vendor")
	require.NoError(t, err)
	for _, f := range files {
		require.True(t, known[f.Name()], "%s is in no package of the list", f.Name())
	}
	require.NotEmpty(t, packages)
	require.NotContains(t, pagePolicy, "http", "nothing comes from elsewhere")
}
