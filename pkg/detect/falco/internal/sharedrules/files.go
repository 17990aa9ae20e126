// SPDX-License-Identifier: Apache-2.0

// Package sharedrules finds the files of Falco rules that tests run. They are not part of the repository: they lie in the folder
// falco-rules of ../shared beside it, or of the folder that TRACE_SEC_SHARED names.
package sharedrules

import (
	"os"
	"path/filepath"
	"testing"
)

// names in the order in which they are loaded.
var names = []string{"falco_rules.yaml", "falco-incubating_rules.yaml"}

// Counts of rules in the files.
const (
	Stable     = 25
	Incubating = 31
)

// Paths of the files, stable rules first. The test fails if they are missing.
func Paths(t testing.TB) []string {
	t.Helper()
	folder := os.Getenv("TRACE_SEC_SHARED")
	if folder == "" {
		folder = filepath.Join(repository(t), "..", "shared")
	}
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(folder, "falco-rules", name)
		if _, err := os.Stat(paths[i]); err != nil {
			t.Fatalf("Falco's rule files are needed (falcosecurity/rules): set TRACE_SEC_SHARED to a folder that has falco-rules/%s: %v", name, err)
		}
	}
	return paths
}

// repository is the folder with go.mod.
func repository(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatal("no go.mod above the test's folder")
		}
		folder = parent
	}
}
