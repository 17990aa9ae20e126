// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// goldenPolicy compares what a command prints with --print-policy.
func goldenPolicy(t *testing.T, name string, args ...string) {
	t.Helper()
	code, stdout, stderr := runPlugin(t, built, append(args, "--print-policy")...)
	if code != exit.OK || stderr != "" {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	golden.Check(t, filepath.Join("testdata", name+".yaml"), stdout)
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
			if code != exit.Error || stdout != "" || !strings.Contains(stderr, test.want) {
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
