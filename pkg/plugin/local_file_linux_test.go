// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

// These tests trace this machine's kernel and need root.

// fileLines runs a script and returns what compact lines tell of files, without the node and the program.
func fileLines(t *testing.T, script string, flags ...string) (lines []string) {
	t.Helper()
	args := append(append([]string{"file", "-o", "compact", "--strict"}, flags...), "--local", "--", "/bin/sh", "-c", script)
	code, stdout, stderr := runPlugin(t, built, args...)
	if code != exit.OK {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	return hookLines(t, stdout)
}

// wantFileLines compares, with FOLDER in both.
func wantFileLines(t *testing.T, directory string, got []string, want ...string) {
	t.Helper()
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "FOLDER", directory)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFileLocal(t *testing.T) {
	for name, test := range map[string]struct {
		flags, script string
		want          []string
	}{
		// dd's last read finds the end; what is beside the folder and what else the programs read is not told
		"read": {"--prefix FOLDER", "dd if=FOLDER/file of=/dev/null bs=3 status=none; cat FOLDERside/file >/dev/null",
			[]string{"📬 open FOLDER/file", "📚 read FOLDER/file 3× 4 bytes"}},
		"one read": {"--path FOLDER/file", "dd if=FOLDER/file of=/dev/null bs=3 count=1 status=none; dd if=FOLDER/files of=/dev/null bs=3 count=1 status=none",
			[]string{"📬 open FOLDER/file", "📚 read FOLDER/file 3 bytes"}},
		"the folder itself": {"--prefix FOLDER --op open", "ls FOLDER >/dev/null; ls FOLDERside >/dev/null", []string{"📬 open FOLDER"}},
		"suffix":            {"--prefix FOLDER --suffix es --op open", "cat FOLDER/file FOLDER/files FOLDERside/files >/dev/null", []string{"📬 open FOLDER/files"}},
		"written": {"--prefix FOLDER", "dd if=/dev/zero of=FOLDER/new bs=10 count=1000 conv=notrunc status=none",
			[]string{"📬 open FOLDER/new", "📝 write FOLDER/new 1000× 10 kB"}},
		"closed": {"--path FOLDER/file --op close", "cat FOLDER/file >/dev/null; cat FOLDER/files >/dev/null", []string{"📪 close FOLDER/file"}},
		"an error": {"--path FOLDER/file --op read", "dd if=FOLDER/file of=/dev/null bs=1 count=1 status=none; cat FOLDER >/dev/null 2>&1; true",
			[]string{"📚 read FOLDER/file 1 bytes"}},
		"an error, told": {"--path FOLDER --op read", "cat FOLDER >/dev/null 2>&1; true", []string{"📚 read FOLDER EISDIR"}},
		"copied":         {"--path FOLDER/file --op read", "cp FOLDER/file FOLDER/copy", []string{"📑 copy FOLDER/file -> FOLDER/copy 2× 4 bytes"}},
		"copied to":      {"--path FOLDER/copy --op write", "cp FOLDER/file FOLDER/copy", []string{"📑 copy FOLDER/file -> FOLDER/copy 2× 4 bytes"}},
		"changes alone": {"--prefix FOLDER --writes", "cat FOLDER/file >/dev/null; echo x >>FOLDER/file; chmod 640 FOLDER/file; chown 1:2 FOLDER/file",
			[]string{"📝 write FOLDER/file 2 bytes", "🔏 chmod FOLDER/file 0640", "👤 chown FOLDER/file 1 2"}},
		"names": {"--prefix FOLDER --op rename,unlink,link,symlink,mkdir,rmdir,mknod",
			"cd FOLDER; mv file a; mv a FOLDERside/b; mv FOLDERside/b c; mv FOLDERside/file FOLDERside/d; ln c e; ln -s c f; rm e; mkdir g; rmdir g; mknod p p; rm FOLDERside/d",
			[]string{"🚚 rename FOLDER/file -> FOLDER/a", "🚚 rename FOLDER/a -> FOLDERside/b", "🚚 rename FOLDERside/b -> FOLDER/c", "🔗 link FOLDER/e -> FOLDER/c", "🔗 symlink FOLDER/f -> c",
				"❌ unlink FOLDER/e", "📁 mkdir FOLDER/g", "❌ rmdir FOLDER/g", "📝 mknod FOLDER/p"}},
		"cut":      {"--prefix FOLDER --op truncate", "truncate -s 2 FOLDER/file; truncate -s 2 FOLDERside/file", []string{"📝 truncate FOLDER/file"}},
		"vectored": {"--path FOLDER/copy --op write", "cat FOLDER/file | tee FOLDER/copy >/dev/null", []string{"📝 write FOLDER/copy 4 bytes"}},
		"emptied":  {"--prefix FOLDER --op truncate", ": >FOLDER/file; : >FOLDERside/file", []string{"📝 truncate FOLDER/file"}},
	} {
		t.Run(name, func(t *testing.T) {
			directory := filepath.Join(t.TempDir(), "x")
			for _, file := range []string{directory + "/file", directory + "/files", directory + "side/file", directory + "side/files"} {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte("text"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			flags := strings.Fields(strings.ReplaceAll(test.flags, "FOLDER", directory))
			got := fileLines(t, strings.ReplaceAll(test.script, "FOLDER", directory), flags...)
			wantFileLines(t, directory, got, test.want...)
		})
	}
}

var countedReads = regexp.MustCompile(`^📚 read \S+ (?:\+?(\d+)× )?(\d+) bytes$`)

// A thousand reads are a line, or few on a machine that stumbles, and all of them with --every and in JSON.
func TestFileCountsReads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), 1001), 0o644); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("dd if=%s of=/dev/null bs=7 status=none", file) // 143 reads, and one that finds the end
	lines := fileLines(t, script, "--path", file, "--op", "read")
	calls, sum := 0, 0
	for _, line := range lines {
		m := countedReads.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("line %q", line)
		}
		n, _ := strconv.Atoi("0" + m[1])
		b, _ := strconv.Atoi(m[2])
		calls, sum = calls+max(n, 1), sum+b
	}
	if calls != 144 || sum != 1001 || len(lines) > 3 {
		t.Errorf("%d calls, %d bytes in\n%s", calls, sum, strings.Join(lines, "\n"))
	}
	if lines := fileLines(t, script, "--path", file, "--op", "read", "--every"); len(lines) != 144 || lines[0] != "📚 read "+file+" 7 bytes" {
		t.Errorf("--every: %d lines, the first %q", len(lines), lines[0])
	}
	code, stdout, stderr := runPlugin(t, built, "file", "--path", file, "--op", "read", "-o", "json", "--local", "--", "/bin/sh", "-c", script)
	calls, sum = 0, 0
	for line := range strings.Lines(stdout) {
		e := readEvent(t, line)
		if k := e.ProcessKprobe; k != nil {
			calls++
			sum += int(*k.Return.LongArg)
		}
	}
	if code != exit.OK || calls != 144 || sum != 1001 {
		t.Errorf("exit code %d; JSON has %d reads of %d bytes; stderr:\n%s", code, calls, sum, stderr)
	}
}

// mapsFile is the environment variable that makes this test's program map a file.
const mapsFile = "TRACE_SEC_TEST_MAPS"

// Memory that is written into a file is a write of it that no system call shows; reading it is none.
func TestFileMappings(t *testing.T) {
	if file := os.Getenv(mapsFile); file != "" {
		mapFile(t, file)
		return
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("%s=%s %s -test.run=^TestFileMappings$ >/dev/null", mapsFile, file, self)
	wantFileLines(t, "", fileLines(t, script, "--path", file, "--writes"), "📝 mmap-rw "+file)
	wantFileLines(t, "", fileLines(t, script, "--path", file, "--op", "mmap"), "📝 mmap-r "+file, "📝 mmap-rw "+file, "📝 mmap-rw "+file)
}

// mapFile maps a file to be read, to be written by this process alone, and to be written.
func mapFile(t *testing.T, name string) {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, m := range []struct{ protection, flags int }{
		{unix.PROT_READ, unix.MAP_SHARED}, {unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE}, {unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED},
	} {
		memory, err := unix.Mmap(int(file.Fd()), 0, 4, m.protection, m.flags)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Munmap(memory); err != nil {
			t.Fatal(err)
		}
	}
}
