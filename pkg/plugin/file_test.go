// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
)

// goldenPolicy compares what a command prints with --print-policy.
func goldenPolicy(t *testing.T, name string, args ...string) {
	t.Helper()
	code, stdout, stderr := runPlugin(t, built, append(args, "--print-policy")...)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	golden := filepath.Join("testdata", name+".yaml")
	if *update {
		if err := os.WriteFile(golden, []byte(stdout), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if stdout != string(want) {
		t.Errorf("%s differs (write it anew with -update); got:\n%s", golden, stdout)
	}
}

func TestFilePolicies(t *testing.T) {
	for name, args := range map[string]string{
		"file-prefix":     "--prefix /etc",
		"file-everything": "--prefix / --op open",
		"file-suffix":     "--suffix .pem --suffix .key --op open,read",
		"file-narrowed":   "--prefix /etc/ --prefix /srv/x.conf --suffix .conf --path /var//log/../run/x --op write",
		"file-path":       "--path /etc/passwd --path /etc/passwd --prefix /etc/passwd --op close --op mmap",
		"file-writes":     "--prefix /etc --writes",
	} {
		t.Run(name, func(t *testing.T) { goldenPolicy(t, name, append([]string{"file"}, strings.Fields(args)...)...) })
	}
}

// Every operation makes a policy of its own that is right, and Tetragon has room for: five arguments and five selectors.
func TestEveryFileOperation(t *testing.T) {
	paths := compose.FilePaths{Prefixes: []string{"/a"}, Paths: []string{"/b"}, Suffixes: []string{".c"}}
	var all []string
	for _, o := range compose.FileOperations() {
		all = append(all, o.Name)
		set, err := composed("file", []compose.Policy{compose.File(paths, []string{o.Name})})
		if err != nil {
			t.Errorf("%s: %v", o.Name, err)
			continue
		}
		if len(set.hooks()) == 0 {
			t.Errorf("%s: no hooks", o.Name)
		}
	}
	for _, hook := range compose.File(paths, all).Kprobes {
		if len(hook.Args) > 5 || len(hook.Selectors) > 5 || len(hook.Selectors) == 0 {
			t.Errorf("%s: %d arguments, %d selectors", hook.Call, len(hook.Args), len(hook.Selectors))
		}
	}
}

func TestFileRefuses(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", "--prefix / is all of them"},
		{"web", "which files?"},
		{"--writes --local -- true", "which files?"},
		{"--prefix etc", `--prefix "etc" is relative`},
		{"--path ./x", `--path "./x" is relative`},
		{"--prefix=", "--prefix is empty"},
		{"--path=", "--path is empty"},
		{"--suffix=", "--suffix is empty"},
		{"--suffix *.pem", "without a pattern: --suffix .pem"},
		{"--suffix log/", "no path ends in a slash"},
		{"--prefix /etc/*", "--prefix /etc"},
		{"--prefix /etc/**", "--prefix /etc"},
		{"--prefix /" + strings.Repeat("x", 5000), "has 5001 bytes"},
		{"--path /a\x00b", "zero byte"},
		{"--path /a\xffb", "is not UTF-8"},
		{"--suffix \xff", "want UTF-8"},
		{"--suffix " + strings.Repeat("x", 5000), "at most 4094 bytes"},
		{"--prefix /etc --op red", `--op "red": no such operation; did you mean read?`},
		{"--prefix /etc --op everything", "want one of"},
		{"--prefix /etc --op read --writes", "--op and --writes exclude each other"},
		{"--prefix /etc --prefx /x", "did you mean --prefix?"},
		{"--prefix /etc --duration 0s", "at least 1s"},
		{"--prefix /etc --local web", "--local -- web"},
		{"--prefix /etc --print-policy -A -n x", "exclude each other"},
		{"--prefix /etc --server http://localhost:1 -l a=b=c", "a=b=c"},
		{"--prefix /etc web", "no cluster is configured"},
	} {
		t.Run(test.args, func(t *testing.T) {
			code, stdout, stderr := runPlugin(t, built, append([]string{"file"}, strings.Split(test.args, " ")...)...)
			if code != exitError || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, want %q, stderr:\n%s", code, test.want, stderr)
			}
		})
	}
	_, _, stderr := runPlugin(t, built, "file", "--prefix", "x", "--suffix", "", "--op", "red", "--max-events", "0")
	for _, want := range []string{"--prefix", "--suffix", "--op", "--max-events"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %s:\n%s", want, stderr)
		}
	}
}

func TestFileHelp(t *testing.T) {
	testHelp(t, "file")
	_, out, _ := runPlugin(t, built, "__complete", "file", "--op", "")
	if !strings.HasPrefix(out, "open\nread\nwrite\n") {
		t.Errorf("completion of --op: %s", out)
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
