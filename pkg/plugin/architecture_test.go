// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rooms reads the table of docs/architecture.md: the row of each room, from above.
func rooms(t *testing.T) map[string]int {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| room | what is in it |")
	if !found {
		t.Fatal("docs/architecture.md has no table of rooms")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	names, rows := regexp.MustCompile("`([a-z]+)`"), map[string]int{}
	for i, line := range strings.Split(table, "\n") {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, name := range names.FindAllStringSubmatch(cell, -1) {
			rows[name[1]] = i
		}
	}
	return rows
}

// Rooms import only those below them, and each stands in the table.
func TestRoomsImportDownwards(t *testing.T) {
	rows := rooms(t)
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin"
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		room := path.Base(words[0])
		row, known := rows[room]
		if !known {
			t.Errorf("room %s is not in the table of docs/architecture.md", room)
			continue
		}
		seen++
		for _, imported := range words[1:] {
			if !strings.HasPrefix(imported, prefix) {
				if strings.HasSuffix(imported, "/pkg/tracer") && room != "local" {
					t.Errorf("room %s imports the tracer", room)
				}
				continue
			}
			if other := path.Base(imported); rows[other] <= row {
				t.Errorf("room %s imports %s, which is not below it", room, other)
			}
		}
	}
	if seen != len(rows) {
		t.Errorf("%d rooms, the table has %d", seen, len(rows))
	}
}

// longestFile is how many lines a file has at most.
const longestFile = 350

func TestFilesAreShort(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, deeper...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(text, []byte("\n")); lines > longestFile && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s has %d lines, more than %d", file, lines, longestFile)
		}
	}
}
