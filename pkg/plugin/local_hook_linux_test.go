// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

// These tests trace this machine's kernel and need root.

func TestHookLocal(t *testing.T) {
	directory := t.TempDir()
	file, other := filepath.Join(directory, "file"), filepath.Join(directory, "other")
	for _, name := range []string{file, other} {
		if err := os.WriteFile(name, []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shell, err := filepath.EvalSymlinks("/bin/bash")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		flags, command []string
		// lines of hooks, without node and program.
		want []string
	}{
		"system call": {
			[]string{"sys_openat", "--arg", "1:string:path", "--return", "int", "--match", "1:Prefix:" + file}, []string{"cat", other, file},
			[]string{"📬\ufe0f openat path=" + file + " return=3"},
		},
		"what is returned": {
			[]string{"sys_openat", "--arg", "1:string", "--return", "int", "--match", "return:Equal:-2", "--match", "1:Prefix:" + directory},
			[]string{"/bin/sh", "-c", "cat " + file + " " + file + "s 2>/dev/null >&2; true"},
			[]string{"📬\ufe0f openat string=" + file + "s return=-2"},
		},
		"each read": {
			[]string{"sys_read", "--arg", "0:fd", "--match", "0:Equal:" + file}, []string{"dd", "if=" + file, "of=/dev/null", "bs=1", "status=none"},
			slices.Repeat([]string{"📚 read file=" + file}, 5),
		},
		"security hook": {
			[]string{"lsm:file_open", "--arg", "0:file", "--match", "0:Equal:" + file}, []string{"cat", other, file},
			[]string{"📬 open file=" + file},
		},
		"tracepoint": {
			[]string{"tracepoint:syscalls/sys_enter_chdir", "--arg", "5:string:folder"}, []string{"/bin/sh", "-c", "cd " + directory},
			[]string{"⁉\ufe0f tracepoint syscalls sys_enter_chdir folder=" + directory},
		},
		"uprobe": {
			[]string{"uprobe:" + shell + ":cd_builtin", "--return", "int"}, []string{shell, "-c", "cd " + directory},
			[]string{"🕵\ufe0f uprobe " + shell + " cd_builtin return=0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := append(append([]string{"hook"}, test.flags...), "-o", "compact", "--strict", "--local", "--")
			code, stdout, stderr := runPlugin(t, built, append(args, test.command...)...)
			if code != exit.OK {
				t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
			}
			if got := hookLines(t, stdout); !slices.Equal(got, test.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// hookLines are the compact lines of hooks, without node and program.
func hookLines(t *testing.T, stdout string) (lines []string) {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(stdout) {
		symbol, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "+host+" ")
		_, what, _ := strings.Cut(rest, " ")
		if symbol = strings.Join(strings.Fields(symbol), " "); !strings.HasPrefix(symbol, "🚀") && !strings.HasPrefix(symbol, "💥") {
			lines = append(lines, symbol+" "+what)
		}
	}
	return lines
}
