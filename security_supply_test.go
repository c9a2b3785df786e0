package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tool runs one of the programs that make lists of what is shipped.
func tool(t *testing.T, args ...string) (out, complaint string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(context.Background(), "go", append([]string{"run"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// vendoredList names what browsers get from the binary.
const vendoredList = "booking/web/assets/vendor/vendored.json"

func TestTheBillOfMaterialsHasEveryModuleOfTheBinary(t *testing.T) {
	t.Parallel()
	binary, err := builtBinary()
	require.NoError(t, err)
	out, complaint, err := tool(t, "./.ci/sbom", binary, vendoredList)
	require.NoError(t, err, complaint)
	type component struct {
		Type, Name, Version, PURL string
		Ref                       string `json:"bom-ref"`
		Properties                []struct{ Name, Value string }
	}
	var bill struct {
		Format       string `json:"bomFormat"`
		Spec         string `json:"specVersion"`
		Serial       string `json:"serialNumber"`
		Version      int
		Metadata     struct{ Component component }
		Components   []component
		Dependencies []struct {
			Ref string
			On  []string `json:"dependsOn"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &bill))
	require.Equal(t, []any{"CycloneDX", "1.6", 1, "application", "hotelbooking"}, []any{bill.Format, bill.Spec, bill.Version, bill.Metadata.Component.Type, bill.Metadata.Component.Name})
	require.Regexp(t, `^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, bill.Serial)

	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	require.NotEmpty(t, info.Deps)
	want := []string{"stdlib@" + strings.TrimPrefix(info.GoVersion, "go")}
	for _, module := range info.Deps {
		want = append(want, module.Path+"@"+module.Version)
	}
	var got, refs, embedded []string
	for _, c := range bill.Components {
		got, refs = append(got, c.Name+"@"+c.Version), append(refs, c.Ref)
		require.Equal(t, "library", c.Type)
		if strings.HasPrefix(c.PURL, "pkg:npm/") {
			got, embedded = got[:len(got)-1], append(embedded, c.PURL)
			require.NotEmpty(t, c.Properties, "the digests of the files of %s", c.Name)
			continue
		}
		require.True(t, strings.HasPrefix(c.PURL, "pkg:golang/"), c.PURL)
		if c.Name != "stdlib" {
			require.NotEmpty(t, c.Properties, "the sum of %s", c.Name)
		}
	}
	require.ElementsMatch(t, want, got)
	for _, name := range []string{"htmx.org", "htmx-ext-sse", "%40picocss/pico", "uplot"} {
		require.True(t, slices.ContainsFunc(embedded, func(purl string) bool { return strings.HasPrefix(purl, "pkg:npm/"+name+"@") }), name)
	}
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(refs))), len(refs), "a reference is there twice")
	require.Len(t, bill.Dependencies, 1)
	require.Equal(t, bill.Metadata.Component.Ref, bill.Dependencies[0].Ref)
	require.ElementsMatch(t, refs, bill.Dependencies[0].On)

	again, complaint, err := tool(t, "./.ci/sbom", binary, vendoredList)
	require.NoError(t, err, complaint)
	require.Equal(t, out, again, "equal binaries have equal bills")
}

func TestEveryLicenceOfTheBinaryIsAccepted(t *testing.T) {
	t.Parallel()
	binary, err := builtBinary()
	require.NoError(t, err)
	out, complaint, err := tool(t, "./.ci/licences", "-pages", vendoredList, ".")
	require.NoError(t, err, complaint)
	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	listed := strings.Split(out, strings.Repeat("=", 80))[0]
	for _, module := range info.Deps {
		require.Contains(t, listed, module.Path+" ")
	}
	require.Contains(t, out, "Permission is hereby granted", "the texts are there, too")
	_, complaint, err = tool(t, "./.ci/licences", "-allow", "MIT BSD-3-Clause", ".")
	require.Error(t, err)
	require.Contains(t, complaint, "github.com/spf13/cobra: Apache-2.0 in LICENSE.txt is not accepted")
}
