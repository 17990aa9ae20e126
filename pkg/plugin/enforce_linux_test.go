// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
)

// These tests enforce policies in this machine's kernel, on commands of their own, and need root.

// enforceLocally runs a script with what args forbid, and returns what was enforced.
func enforceLocally(t *testing.T, script string, args ...string) (enforced []*event.Event, stderr string) {
	t.Helper()
	args = append(append([]string{"enforce"}, args...), "--local", "-o", "json", "--", "/bin/sh", "-c", script)
	code, stdout, stderr := runPlugin(t, built, args...)
	if code != 7 {
		t.Fatalf("exit code %d, want the script's; stderr:\n%s", code, stderr)
	}
	for line := range strings.Lines(stdout) {
		e := new(readEvent(t, line))
		if len(render.Enforced(e)) > 0 {
			enforced = append(enforced, e)
		}
	}
	return enforced, stderr
}

// statuses is a script that runs each command in a shell of its own and writes its status into a file.
func statuses(file string, commands ...string) string {
	var script strings.Builder
	for _, command := range commands {
		script.WriteString("/bin/sh -c '" + command + "; exit $?'; echo $? >>" + file + "\n")
	}
	return script.String() + "exit 7"
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// Who writes what must not be written is killed (or denied, where the kernel can), is told and counted; what is near it is not
// touched, and afterwards all is as before.
func TestEnforceLocally(t *testing.T) {
	directory, seen, missed := twoFiles(t)
	status := filepath.Join(t.TempDir(), "status")
	write := func(file string) string { return "echo more >>" + file }
	script := statuses(status, write(seen), write(missed), "cat "+seen+" >/dev/null", "mkdir "+directory+"/new")
	enforced, stderr := enforceLocally(t, script, "--deny-write", directory+"/", "--kill", "--yes")
	if got := strings.Join(lines(t, status), " "); got != "137 0 0 137" {
		t.Errorf("statuses %s; stderr:\n%s", got, stderr)
	}
	if len(enforced) != 2 {
		t.Errorf("%d enforcements were told, want 2", len(enforced))
	}
	for _, want := range []string{"to be enforced for 10m", "but not covered on any kernel: a hard link from before", "ENFORCED 2 Sigkill on ", "by policy deny-write"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr)
		}
	}
	if out, err := exec.Command("/bin/sh", "-c", write(seen)).CombinedOutput(); err != nil {
		t.Errorf("still enforced: %v: %s", err, out)
	}
}

func TestEnforceMonitors(t *testing.T) {
	directory, seen, _ := twoFiles(t)
	status := filepath.Join(t.TempDir(), "status")
	enforced, stderr := enforceLocally(t, statuses(status, "echo more >>"+seen), "--deny-write", directory, "--monitor")
	if got := strings.Join(lines(t, status), " "); got != "0" || len(enforced) != 0 {
		t.Errorf("statuses %s, %d enforcements", got, len(enforced))
	}
	if !strings.Contains(stderr, "WOULD HAVE ENFORCED 1 Override on ") || !strings.Contains(stderr, "nothing is enforced") || strings.Contains(stderr, "to be enforced") {
		t.Errorf("stderr:\n%s", stderr)
	}
}

// A program is known by the path that it is started by, and by the one that symbolic links lead to.
func TestEnforceNoExec(t *testing.T) {
	directory := t.TempDir()
	status := filepath.Join(t.TempDir(), "status")
	program, link, other := filepath.Join(directory, "program"), filepath.Join(directory, "link"), filepath.Join(directory, "program2")
	text, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{program, other} {
		if err := os.WriteFile(file, text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	enforced, stderr := enforceLocally(t, statuses(status, program, link, other), "--deny-exec", program, "--deny-exec", link, "--kill", "-y")
	if got := strings.Join(lines(t, status), " "); got != "137 137 0" {
		t.Errorf("statuses %s; stderr:\n%s", got, stderr)
	}
	if len(enforced) != 2 {
		t.Errorf("%d enforcements were told, want one of each", len(enforced))
	}
	if !strings.Contains(stderr, "but not covered on any kernel: a copy of the program") {
		t.Errorf("what a path does not tell is not said before:\n%s", stderr)
	}
}

func TestEnforceNoConnect(t *testing.T) {
	bash, err := exec.LookPath("bash") // its /dev/tcp connects
	if err != nil {
		t.Fatal(err)
	}
	status := filepath.Join(t.TempDir(), "status")
	connect := func(address string) string { return "exec " + bash + ` -c ": </dev/tcp/` + address + `/1"` }
	enforced, stderr := enforceLocally(t, statuses(status, connect("127.0.0.9"), connect("127.0.1.9")), "--deny-connect", "127.0.0.0/24", "--kill", "--yes")
	if got := lines(t, status); len(got) != 2 || got[0] != "137" || got[1] == "137" {
		t.Errorf("statuses %s; stderr:\n%s", got, stderr)
	}
	if len(enforced) != 1 {
		t.Errorf("%d enforcements were told, want 1", len(enforced))
	}
}

// What can't be denied here is refused before anything begins, unless killing will do.
func TestEnforceOnlyWhatCanBe(t *testing.T) {
	directory, seen, _ := twoFiles(t)
	code, _, stderr := runPlugin(t, built, "enforce", "--deny-write", directory, "--yes", "--local", "--", "/bin/sh", "-c", "echo >>"+seen+" && exit 7")
	wants := []string{"Override can't be carried out", "--kill kills instead"}
	if strings.Contains(stderr, "denied (EPERM)") {
		wants = []string{"ENFORCED 1 Override"}
	}
	for _, want := range wants {
		if code == 7 || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, want %q in stderr:\n%s", code, want, stderr)
		}
	}
}
