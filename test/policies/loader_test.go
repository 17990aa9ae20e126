// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/kernelversion"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// noteHeader is the size of what a note begins with: lengths of name and description, and its type, 4 bytes each.
const noteHeader = 12

// buildID is that which the linker gave a program, and where in the file its note is.
func buildID(t *testing.T, content []byte) (id []byte, at int) {
	t.Helper()
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	section := file.Section(".note.gnu.build-id")
	if section == nil {
		t.Fatal("the program has no build id")
	}
	note, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	return note[noteHeader+len("GNU\x00"):], int(section.Offset)
}

// TestLoader: executable mappings of files are told with the files' build ids, once for a process, and no others.
func TestLoader(t *testing.T) {
	folder := newFolder(t, "")
	content, err := os.ReadFile(harness.Provoke(t))
	if err != nil {
		t.Fatal(err)
	}
	id, note := buildID(t, content)
	// A note of another type, one of 8 bytes and one that is longer than the segment.
	for name, change := range map[string]func([]byte){
		"without": func(note []byte) { note[8] = 7 }, "short": func(note []byte) { note[4] = 8 },
		"long": func(note []byte) { note[6] = 1 },
	} {
		changed := slices.Clone(content)
		change(changed[note:])
		write(t, filepath.Join(folder, name), string(changed))
	}
	write(t, folder+"/text", "#!/bin/sh\n")
	policy := row{name: "loader", spec: "loader: true"}
	in := place{folder, policy.name}
	told := hook.NewProbes().Unavailable(hook.Kprobe) == nil && !kernelversion.Before(5, 12) // perf events of mappings have build ids since then
	stays := "open $D/program then mmap rx"
	if !told { // it must be there still when the tracer looks
		stays += " then sleep 3000"
	}
	result := harness.Run(t, policy.policyText(folder), harness.Options{},
		harness.Step{Label: "stays", Do: in.fill(stays)},
		harness.Step{Label: "mapped", Do: in.fill("open $D/program then mmap rx then mmap rx then open $D/without then mmap rx " +
			"then open $D/short then mmap rx then open $D/long then mmap rx then open $D/text then mmap rx then open $D/program then mmap rx")},
		harness.Step{Label: "again", Do: in.fill("open $D/program then mmap rx")},
		harness.Step{Label: "not-executable", Do: in.fill("open $D/program then mmap r then mmap rw")})
	known := func(name string, id []byte) string { return folder + "/" + name + " " + hex.EncodeToString(id) }
	for label, want := range map[string][]string{
		"mapped": {known("program", id), known("without", nil), known("short", id[:8]), known("long", nil), known("text", nil)},
		"again":  {known("program", id)}, "stays": {known("program", id)}, "not-executable": nil,
	} {
		var got, paths []string
		for _, l := range result.Loaded(label) {
			if !slices.Contains(paths, l.Path) {
				paths = append(paths, l.Path)
			}
			if told || len(l.Buildid) > 0 {
				got = append(got, l.Path+" "+hex.EncodeToString(l.Buildid))
			}
		}
		var wantPaths []string
		for _, w := range want {
			path, _, _ := strings.Cut(w, " ")
			wantPaths = append(wantPaths, path)
		}
		if !slices.Equal(paths, wantPaths) {
			t.Errorf("%s: loaded %q, want %q", label, paths, wantPaths)
		}
		if !told && label != "stays" { // where the process had ended when the tracer looked no build id is told
			want = slices.DeleteFunc(slices.Clone(want), func(w string) bool { return !slices.Contains(got, w) })
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: loaded %q, want %q", label, got, want)
		}
	}
	served, _ := result.Hook("loader")
	said := slices.ContainsFunc(served.Notes, func(note string) bool { return strings.Contains(note, "build ids are read from the files") })
	if said == told {
		t.Errorf("the kernel tells build ids: %t, but the notes are %q", told, served.Notes)
	}
}
