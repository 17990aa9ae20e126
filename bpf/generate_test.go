// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestObjectsMatchTheirSource: what is committed is what `go generate` makes of the source with Debian's clang.
func TestObjectsMatchTheirSource(t *testing.T) {
	if out, err := exec.Command("clang-14", "--version").CombinedOutput(); err != nil {
		t.Fatalf("clang-14 is needed (bpf/toolchain.sh installs it): %v\n%s", err, out)
	}
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	fresh := t.TempDir()
	for line := range strings.Lines(string(source)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "//go:generate go tool bpf2go ")
		if !ok {
			continue
		}
		generate := exec.Command("sh", "-c", "go tool bpf2go -output-dir "+fresh+" "+command)
		generate.Env = append(os.Environ(), "GOPACKAGE=bpf")
		if out, err := generate.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", generate, err, out)
		}
	}
	files, err := filepath.Glob(filepath.Join(fresh, "*_bpfel.*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing was generated: %v", err)
	}
	committed, err := filepath.Glob("*_bpfel.*")
	if err != nil || len(committed) != len(files) {
		t.Errorf("%d files are committed, %d are generated (%v): run make generate", len(committed), len(files), err)
	}
	for _, file := range files {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Base(file))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what its source gives (%v): run make generate and commit", filepath.Base(file), err)
		}
	}
}
