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
	f, err := files.Load(strings.NewReader(typed), nil, nil)
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
	set, err := files.Load(nil, nil, nil)
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

// TestNetworksAreFilledIn: of variables the networks are asked for once, filled in for the nodes as well, and said.
func TestNetworksAreFilledIn(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a", "b"} {
		write(t, filepath.Join(folder, name+".yaml"), name, "  kprobes:\n  - call: tcp_connect\n    syscall: false\n    args: [{index: 0, type: sock}]\n"+
			"    selectors: [{matchArgs: [{index: 0, operator: NotDAddr, values: [127.0.0.1, \"${PODCIDR}\"]}]}]")
	}
	var said strings.Builder
	asked := 0
	files := Files{Names: []string{folder}}
	set, err := files.Load(nil, &said, func(variable string) ([]string, error) {
		asked++
		return []string{"10.1.0.0/24", "10.2.0.0/24"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if asked != 1 || said.String() != "${PODCIDR} is 10.1.0.0/24, 10.2.0.0/24\n" {
		t.Errorf("asked %d times, said %q", asked, said.String())
	}
	for _, source := range set.Sources {
		if !strings.Contains(source.Text, `[127.0.0.1, "10.1.0.0/24", "10.2.0.0/24"]`) {
			t.Errorf("for the nodes: %s", source.Text)
		}
	}
	if _, err := files.Load(nil, &said, nil); err == nil || !strings.Contains(err.Error(), "is not filled in") {
		t.Errorf("without a cluster: %v", err)
	}
}
