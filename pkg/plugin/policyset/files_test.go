// SPDX-License-Identifier: Apache-2.0

package policyset

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// write writes a policy of this name.
func write(t *testing.T, path, name, spec string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Replace(head, "name: p", "name: "+name, 1)+spec+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPolicyFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file.yaml")
	write(t, file, "file", "  podSelector: {}\n  hostSelector: {}\n  kprobes: [{call: security_file_open, syscall: false, selectors: [{matchActions: [{action: Sigkill}]}]}]\n  loader: true")
	typed := "# a comment\n" + strings.Replace(head, "name: p", "name: typed", 1) + "  tracepoints: [{subsystem: sched, event: sched_switch}]\n"
	files := Files{Names: []string{file, "-"}}
	f, err := files.Load(strings.NewReader(typed), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Sources) != 2 || f.Sources[0].Name != file || f.Sources[0].Text != string(text) || f.Sources[1].Name != "<stdin>" || f.Sources[1].Text != typed {
		t.Errorf("sources %+v", f.Sources)
	}
	for i, p := range f.Policies {
		if p.File != f.Sources[i].Name {
			t.Errorf("policy %s is of %s", p.Name, p.File)
		}
	}
	if hooks := f.Hooks(); len(hooks) != 3 {
		t.Errorf("%d hooks, want 3", len(hooks))
	}
	if want := "observing: policy file, typed (Sigkill not carried out: events say where it would have been)"; f.About() != want {
		t.Errorf("%s, want %s", f.About(), want)
	}
	onCluster := []string{"policy file has a hostSelector: only pods are traced, processes outside of them are not"}
	if got := f.NotOnCluster(); !slices.Equal(got, onCluster) {
		t.Errorf("%q, want %q", got, onCluster)
	}
	want := []string{"policy file is about all pods, the host: --local knows no pods, so it applies to everything that is traced"}
	if got := f.NotLocal(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What can be read only once (a pipe: -f <(…)) is read once; of a folder, the policies in it are read.
func TestFilesAreReadOnce(t *testing.T) {
	folder, pipe := t.TempDir(), filepath.Join(t.TempDir(), "pipe")
	write(t, filepath.Join(folder, "a.yaml"), "in-folder", "  loader: true")
	write(t, filepath.Join(folder, "notes.txt"), "not-read", "  loader: true")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(head, "name: p", "name: piped", 1) + "  loader: true\n"
	go func() { _ = os.WriteFile(pipe, []byte(text), 0) }()
	files := Files{Names: []string{pipe, folder}}
	set, err := files.Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if names := set.Names(); !slices.Equal(names, []string{"in-folder", "piped"}) {
		t.Errorf("policies %v", names)
	}
	if len(set.Sources) != 2 || set.Sources[0].Text != text {
		t.Errorf("sources %+v", set.Sources)
	}
}
