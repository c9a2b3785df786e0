// Command sbom writes the bill of materials of a Go binary, as CycloneDX 1.6 in JSON, from what the linker has written into it. It
// lists what is in the binary, and not what is in go.mod; equal binaries have equal bills. What browsers get from the binary is in
// no module, so a list of it is read, too.
//
//	go run ./.ci/sbom bin/booking booking/web/assets/vendor/vendored.json >bin/sbom.cdx.json
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("name the binary, and the list of what browsers get from it")
	}
	list, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	var pages []vendored
	if err := json.Unmarshal(list, &pages); err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	info, err := buildinfo.ReadFile(args[0])
	if err != nil {
		return err
	}
	content, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(newBill(info, sha256.Sum256(content), pages))
}

// bill and what it is made of have the names of https://cyclonedx.org/docs/1.6/json/.
type bill struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component  component  `json:"component"`
	Properties []property `json:"properties,omitempty"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Scope      string     `json:"scope,omitempty"`
	Hashes     []digest   `json:"hashes,omitempty"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type digest struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// vendored is one package of npm of which files are embedded, as the list has it.
type vendored struct {
	Package string `json:"package"`
	Version string `json:"version"`
	Licence string `json:"licence"`
	Files   []struct {
		Name   string `json:"name"`
		SHA256 string `json:"sha256"`
	} `json:"files"`
}

func newBill(info *debug.BuildInfo, sum [sha256.Size]byte, pages []vendored) bill {
	root := library(info.Main.Path, info.Main.Version, "")
	root.Type, root.Scope, root.Hashes = "application", "", []digest{{"SHA-256", hex.EncodeToString(sum[:])}}
	b := bill{Format: "CycloneDX", Spec: "1.6", Serial: serial(sum), Version: 1, Metadata: metadata{Component: root}}
	for _, s := range info.Settings {
		if strings.HasPrefix(s.Key, "vcs") || strings.HasPrefix(s.Key, "GO") || s.Key == "CGO_ENABLED" || s.Key == "-trimpath" {
			b.Metadata.Properties = append(b.Metadata.Properties, property{"golang:" + s.Key, s.Value})
		}
	}
	b.Components = []component{library("stdlib", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		b.Components = append(b.Components, library(module.Path, module.Version, module.Sum))
	}
	for _, v := range pages {
		purl := "pkg:npm/" + strings.ReplaceAll(v.Package, "@", "%40") + "@" + v.Version
		c := component{Type: "library", Ref: purl, Name: v.Package, Version: v.Version, Scope: "required", PURL: purl}
		for _, f := range v.Files {
			c.Properties = append(c.Properties, property{"file:" + f.Name + ":sha256", f.SHA256})
		}
		b.Components = append(b.Components, c)
	}
	slices.SortFunc(b.Components, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	all := dependency{Ref: root.Ref}
	for _, c := range b.Components {
		all.On = append(all.On, c.Ref)
	}
	b.Dependencies = []dependency{all}
	return b
}

// library is a module. Its sum is Go's own digest of a tree, which is none of the algorithms that hashes may have.
func library(path, version, sum string) component {
	purl := "pkg:golang/" + strings.ReplaceAll(url.PathEscape(path), "%2F", "/") + "@" + url.QueryEscape(version)
	c := component{Type: "library", Ref: purl, Name: path, Version: version, Scope: "required", PURL: purl}
	if sum != "" {
		c.Properties = []property{{"golang:sum", sum}}
	}
	return c
}

// serial is a UUID that equal binaries share.
func serial(sum [sha256.Size]byte) string {
	id := sum[:16]
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8: of our own making
	text := hex.EncodeToString(id)
	return "urn:uuid:" + strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}
