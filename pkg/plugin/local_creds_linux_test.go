// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These tests trace this machine's kernel and need root.

// sets of capabilities differ from kernel to kernel.
var capabilitySet = regexp.MustCompile(` (effective )?([+-])\S*(?:CAP|DAC)_\S*( and \d+ more)?`)

func credsLines(t *testing.T, flags []string, command ...string) (lines []string) {
	t.Helper()
	for _, line := range linesOf(t, "creds", flags, command...) {
		lines = append(lines, capabilitySet.ReplaceAllString(line, " $1${2}SET"))
	}
	return lines
}

func TestCredsLocal(t *testing.T) {
	program := provoke(t)
	for name, test := range map[string]struct {
		flags, do string
		want      []string
	}{
		"ids": {"", "setresgid 5 6 7 then setresuid 1000 1000 0 then setresuid 1000 1000 1000", []string{
			"🔑 creds gid 0 -> 5 egid 0 -> 6 sgid 0 -> 7", "🔑 creds uid,euid 0 -> 1000 effective -SET", "🔑 creds suid 0 -> 1000 -SET",
		}},
		"nothing changes": {"", "setresuid 0 0 0 then setresuid -1 -1 -1 then name x then spawn /bin/true", nil},
		"what is refused": {"", "setresuid 1000 1000 1000 then setuid 0", []string{"🔑 creds uid,euid,suid 0 -> 1000 -SET"}},
		"file system":     {"", "setfsuid 7 then setfsuid 7 then setfsuid 0", []string{"🔑 creds fsuid 0 -> 7 effective -SET", "🔑 creds fsuid 7 -> 0 effective +SET"}},
		"rises":           {"--rises", "setresuid 1000 1000 0 then setresuid 1000 0 0 then setresuid 7 0 0", []string{"🔑 creds euid 1000 -> 0 effective +SET"}},
		"to a user":       {"--to-uid 7", "setresuid 8 8 0 then setresuid 8 0 0 then setresuid 7 0 0 then setresuid 7 0 9", []string{"🔑 creds uid 8 -> 7"}},
		"a child":         {"", "setresuid 1000 1000 0 then fork then setresuid 0 0 0", []string{"🔑 creds uid,euid 0 -> 1000 effective -SET", "🔑 creds uid,euid 1000 -> 0 effective +SET"}},
		"a program": {"", "setresuid 1000 1000 1000 then spawn /bin/true", []string{
			"🔑 creds uid,euid,suid 0 -> 1000 -SET",
		}},
		"capabilities":   {"", "capset 0x1 0x3 0", []string{"🔑 creds -SET effective -SET"}},
		"user namespace": {"", "setresuid 1000 1000 1000 then unshare 0x10000000", []string{"🔑 creds uid,euid,suid 0 -> 1000 -SET", "🔧 create_user_ns ", "🔑 creds user namespace level 0 -> 1 +SET"}},
		"another one":    {"", "unshare 0x4000000", nil},
		"prctl":          {"", "prctl 8 1 then prctl 8 1 then prctl 8 0", []string{"🔑 creds securebits +SecBitKeepCaps", "🔑 creds securebits -SecBitKeepCaps"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := credsLines(t, strings.Fields(test.flags), append([]string{program, "label"}, strings.Fields(test.do)...)...)
			if !slices.Equal(got, test.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// A setuid program raises who runs it; what it runs in turn is another user's again, as with su.
func TestCredsOfSetuidProgram(t *testing.T) {
	folder, err := os.MkdirTemp("", "creds") //nolint:usetesting // of testing.TempDir others may not read
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	program := filepath.Join(folder, "su")
	content, err := os.ReadFile(provoke(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, content, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{folder: 0o755, program: 0o755 | os.ModeSetuid} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	do := "setresgid 1002 1002 1002 then setresuid 1001 1001 1001 then spawn " + program + " label fork and setresuid 1002 1002 1002 and spawn /bin/true"
	got := credsLines(t, nil, append([]string{program, "label"}, strings.Fields(do)...)...)
	want := []string{
		"🔑 creds gid,egid,sgid 0 -> 1002", "🔑 creds uid,euid,suid 0 -> 1001 -SET",
		"🔑 creds euid,suid 1001 -> 0 +SET", "🔑 creds uid 1001 -> 1002 euid,suid 0 -> 1002 -SET",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
