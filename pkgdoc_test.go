package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		said := ""
		for _, file := range parsed(t, p, token.NewFileSet(), parser.PackageClauseOnly|parser.ParseComments) {
			said += file.Doc.Text()
		}
		if len(p.GoFiles) > 0 {
			require.NotEmpty(t, strings.TrimSpace(said), "%s has no package comment", p.ImportPath)
		}
	}
}

// Every goroutine has an owner that waits for it: the engine, main, the sandbox, which stands for systems outside the
// process, or who waits for child processes.
func TestOnlyTheOwnersOfGoroutinesStartThem(t *testing.T) {
	t.Parallel()
	owners := []string{"", "bench", "workers/...", "providers/sandbox/...", "store/storetest/child"}
	for _, p := range packages(t) {
		if slices.ContainsFunc(owners, func(owner string) bool { return within(ours(p.ImportPath), owner) }) {
			continue
		}
		files := token.NewFileSet()
		for _, file := range parsed(t, p, files, parser.SkipObjectResolution) {
			ast.Inspect(file, func(n ast.Node) bool {
				if statement, ok := n.(*ast.GoStmt); ok {
					t.Errorf("%s: a go statement outside workers, main and the load driver", files.Position(statement.Pos()))
				}
				return true
			})
		}
	}
}

// parsed reads the files of a package, without its tests.
func parsed(t *testing.T, p listed, files *token.FileSet, mode parser.Mode) []*ast.File {
	t.Helper()
	var all []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, mode)
		require.NoError(t, err)
		all = append(all, file)
	}
	return all
}
