// Command licences lists the licences of everything that is linked into the binary, package by package, with their texts, and fails
// where one is not on the list of those that we accept, or cannot be told. What browsers get from the binary is in no package: a
// list of it is read, too.
//
//	go run ./.ci/licences -pages booking/web/assets/vendor/vendored.json . >bin/licences.txt
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// accepted ask for no more than that they are named. Each is an SPDX identifier.
const accepted = "Apache-2.0 BSD-2-Clause BSD-3-Clause ISC MIT Unlicense Zlib 0BSD CC0-1.0"

// notLinked are licences beside packages of which only a stand-in is linked.
var notLinked = map[string]string{
	"std src/crypto/internal/boring/LICENSE": "BoringCrypto's, which is linked only with GOEXPERIMENT=boringcrypto",
}

func main() {
	allow := flag.String("allow", accepted, "the licences that are accepted")
	pages := flag.String("pages", "", "the list of what is embedded for browsers")
	flag.Parse()
	if err := run(flag.Args(), *pages, strings.Fields(*allow), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// file is a licence's text and what it applies to.
type file struct {
	path, module, version string
	licences              []string
	text                  string
}

func run(packages []string, pages string, allow []string, out io.Writer) error {
	linked, err := list(packages)
	if err != nil {
		return err
	}
	files, problems := map[string]file{}, []error(nil)
	for _, p := range linked {
		path := nearest(p.dir, p.root)
		if path == "" {
			problems = append(problems, fmt.Errorf("%s: there is no licence", p.path))
			continue
		}
		if _, known := files[path]; known {
			continue
		}
		within, err := filepath.Rel(p.root, path)
		if err != nil {
			return err
		}
		if notLinked[p.module+" "+filepath.ToSlash(within)] != "" {
			continue
		}
		files[path] = file{path: within, module: p.module, version: p.version}
	}
	if err := embedded(pages, files); err != nil {
		return err
	}
	for path, f := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f.licences, f.text = classify(string(text)), string(text)
		files[path] = f
		if len(f.licences) == 0 {
			problems = append(problems, fmt.Errorf("%s: nobody can tell what licence %s is", f.module, f.path))
		}
		for _, licence := range f.licences {
			if !slices.Contains(allow, licence) {
				problems = append(problems, fmt.Errorf("%s: %s in %s is not accepted", f.module, licence, f.path))
			}
		}
	}
	write(out, files)
	return errors.Join(problems...)
}

// embedded adds the licences of what is embedded for browsers.
func embedded(list string, files map[string]file) error {
	if list == "" {
		return nil
	}
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	var packages []struct {
		Package string `json:"package"`
		Version string `json:"version"`
		Licence string `json:"licence_file"`
	}
	if err := json.Unmarshal(text, &packages); err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	for _, p := range packages {
		files[filepath.Join(filepath.Dir(list), p.Licence)] = file{path: p.Licence, module: "npm " + p.Package, version: p.Version}
	}
	return nil
}

func write(out io.Writer, files map[string]file) {
	sorted := slices.SortedFunc(maps.Values(files), func(a, b file) int { return strings.Compare(a.module+" "+a.path, b.module+" "+b.path) })
	for _, f := range sorted {
		fmt.Fprintf(out, "%-60s %-42s %-30s %s\n", f.module, f.version, strings.Join(f.licences, " "), f.path)
	}
	for _, f := range sorted {
		fmt.Fprintf(out, "\n%s\n%s %s: %s\n%[1]s\n\n%[5]s\n", strings.Repeat("=", 80), f.module, f.version, f.path, strings.TrimSpace(f.text))
	}
}

type linkedPackage struct{ path, dir, module, version, root string }

// list is what is linked, but for our own.
func list(packages []string) ([]linkedPackage, error) {
	const format = `{{if .Module}}{{if not .Module.Main}}{{.ImportPath}}{{"\t"}}{{.Dir}}{{"\t"}}{{.Module.Path}}{{"\t"}}{{.Module.Version}}{{"\t"}}{{.Module.Dir}}{{end}}{{else}}{{.ImportPath}}{{"\t"}}{{.Dir}}{{"\t"}}std{{"\t"}}{{"\t"}}{{end}}`
	output, err := command(append([]string{"list", "-deps", "-f", format}, packages...)...)
	if err != nil {
		return nil, err
	}
	goroot, err := command("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	version, err := command("env", "GOVERSION")
	if err != nil {
		return nil, err
	}
	var all []linkedPackage
	for line := range strings.Lines(output) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 5 {
			continue // our own
		}
		p := linkedPackage{fields[0], fields[1], fields[2], fields[3], fields[4]}
		if p.module == "std" {
			p.version, p.root = strings.TrimSpace(version), strings.TrimSpace(goroot)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil, errors.New("nothing is linked")
	}
	return all, nil
}

func command(args ...string) (string, error) {
	cmd := exec.Command("go", args...) //nolint:noctx // it ends with this program
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", args[0], err)
	}
	return string(output), nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[sc]e|copying|unlicense)([-._].*)?$`)

// nearest is the licence of the directory, or of the first above it that has one, up to root.
func nearest(dir, root string) string {
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return ""
		}
		for _, e := range entries {
			if !e.IsDir() && licenceFile.MatchString(e.Name()) && !strings.HasSuffix(e.Name(), ".go") {
				return filepath.Join(dir, e.Name())
			}
		}
		if dir == root || len(dir) <= len(root) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}
