// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
)

// Every operation makes a policy of its own that is right, and Tetragon has room for: five arguments and five selectors.
func TestEveryFileOperation(t *testing.T) {
	paths := compose.FilePaths{Prefixes: []string{"/a"}, Paths: []string{"/b"}, Suffixes: []string{".c"}}
	var all []string
	for _, o := range compose.FileOperations() {
		all = append(all, o.Name)
		set, err := policyset.Composed("file", []compose.Policy{compose.File(paths, []string{o.Name})})
		if err != nil {
			t.Errorf("%s: %v", o.Name, err)
			continue
		}
		if len(set.Hooks()) == 0 {
			t.Errorf("%s: no hooks", o.Name)
		}
	}
	for _, hook := range compose.File(paths, all).Kprobes {
		if len(hook.Args) > 5 || len(hook.Selectors) > 5 || len(hook.Selectors) == 0 {
			t.Errorf("%s: %d arguments, %d selectors", hook.Call, len(hook.Args), len(hook.Selectors))
		}
	}
}

func TestFileWarnsOfLinks(t *testing.T) {
	directory := t.TempDir()
	if err := os.Mkdir(filepath.Join(directory, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", filepath.Join(directory, "link")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, want string
		local      bool
	}{
		{filepath.Join(directory, "real"), "", true},
		{filepath.Join(directory, "absent"), "", true},
		{filepath.Join(directory, "link"), "/real by a symbolic link", true},
		{"/bin/nc", "files are known by /usr/bin/nc there", false},
		{"/bin", "/bin is a link to /usr/bin in most images", false},
		{"/binary", "", false},
		{"/usr/bin", "", false},
	} {
		warnings := strings.Join(linked([]string{test.path}, test.local), "\n")
		if test.want == "" && warnings != "" || !strings.Contains(warnings, test.want) {
			t.Errorf("%s: %q, want %q", test.path, warnings, test.want)
		}
	}
}
