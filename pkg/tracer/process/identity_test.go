// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"encoding/base64"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

func TestExecID(t *testing.T) {
	// the first event of the scripts in the documents: node k8s-w2, pid 1215749
	const id = "azhzLXcyOjE3ODgwOTg4MTU5MDQ2NToxMjE1NzQ5"
	decoded, err := base64.StdEncoding.DecodeString(id)
	if err != nil {
		t.Fatal(err)
	}
	if got := execID("k8s-w2", 178809881590465, 1215749); got != id {
		t.Errorf("%s, want %s (%s)", got, id, decoded)
	}
}

func TestBinaryOf(t *testing.T) {
	for name, test := range map[string]struct {
		filename, loaded, cwd string
		script                bool
		want                  string
	}{
		"absolute":                     {"/bin/ls", "/usr/bin/ls", "/", false, "/bin/ls"},
		"relative":                     {"./ls", "/home/me/ls", "/home/me", false, "/home/me/ls"},
		"relative link":                {"./nc", "/usr/bin/busybox", "/home/me", false, "/home/me/nc"},
		"relative link, above":         {"../nc", "/usr/bin/busybox", "/home/me", false, "/home/nc"},
		"through a folder's parent":    {"a/../nc", "/usr/bin/busybox", "/home/me", false, "/usr/bin/busybox"},
		"through a parent":             {"/a/../b", "/c/b", "/", false, "/c/b"},
		"script":                       {"/sub.sh", "/usr/bin/bash", "/", true, "/sub.sh"},
		"relative script":              {"../sub.sh", "/usr/bin/bash", "/home/me", true, "/home/sub.sh"},
		"descriptor":                   {"/dev/fd/3", "/memfd:x (deleted)", "/", false, "/memfd:x (deleted)"},
		"descriptor by name":           {"/proc/self/fd/3", "/tmp/x (deleted)", "/", false, "/tmp/x (deleted)"},
		"itself":                       {"/proc/self/exe", "/usr/bin/runc", "/", false, "/usr/bin/runc"},
		"script through a descriptor":  {"/dev/fd/3", "/usr/bin/bash", "/", true, "/dev/fd/3"},
		"a process's file by its root": {"/proc/1/root/bin/ls", "/bin/ls", "/", false, "/proc/1/root/bin/ls"},
		"running before":               {"", "/usr/bin/bash", "/", false, "/usr/bin/bash"},
	} {
		t.Run(name, func(t *testing.T) {
			i := &kernel.Image{Filename: test.filename, Executable: test.loaded, Cwd: test.cwd}
			if test.script {
				i.Header.Flags |= kernel.Interpreted
			}
			if got := binary(i); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	for argv, want := range map[string]string{
		"ls\x00-l\x00/tmp\x00":       "-l /tmp",
		"ls\x00":                     "",
		"":                           "",
		"sh\x00-c\x00ls -l\x00":      `-c "ls -l"`,
		"a\x00\x00b\x00":             " b",
		"a\x00\xff\xfeb\x00":         "\uFFFDb",
		"a\x00cut in the midd":       `"cut in the midd"`,
		"\x00no name for itself\x00": `"no name for itself"`,
	} {
		if got := arguments(argv); got != want {
			t.Errorf("%q: %q, want %q", argv, got, want)
		}
	}
}
