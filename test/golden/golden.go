// SPDX-License-Identifier: Apache-2.0

// Package golden compares what tests make with files that were reviewed; go test -update writes them anew.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew")

// shown is how many lines are shown from a difference on.
const shown = 8

// Check compares got with the content of the file at path.
func Check[T string | []byte](t testing.TB, path string, got T) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == string(want) {
		return
	}
	gotLines, wantLines := strings.SplitAfter(string(got), "\n"), strings.SplitAfter(string(want), "\n")
	same := 0
	for same < min(len(gotLines), len(wantLines)) && gotLines[same] == wantLines[same] {
		same++
	}
	t.Errorf("%s differs from line %d on (go test -update writes it anew); got:\n%s\nwant:\n%s", path, same+1, from(gotLines, same), from(wantLines, same))
}

// from are the lines to show that begin with a line.
func from(lines []string, first int) string {
	return strings.Join(lines[first:min(len(lines), first+shown)], "")
}
