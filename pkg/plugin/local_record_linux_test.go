// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// These tests trace this machine's kernel and need root.

// recorded runs a command that traces a script, and records it.
func recorded(t *testing.T, flags, script string) (file, stdout, stderr string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "x"+recording.Suffix)
	args := append(strings.Fields(flags), "--record", file, "--local", "--", "/bin/sh", "-c", script)
	code, stdout, stderr := runPlugin(t, built, args...)
	if code != exit.OK {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	return file, stdout, stderr
}

// replayed replays a file.
func replayed(t *testing.T, file string, flags ...string) (stdout, stderr string) {
	t.Helper()
	code, stdout, stderr := runPlugin(t, built, append([]string{"replay", file}, flags...)...)
	if code != exit.OK {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	return stdout, stderr
}

const busyScript = `i=0; while [ $i -lt 20 ]; do cat /etc/hostname /etc/passwd >/dev/null; /bin/true "a $i" '<x>&' "$(printf '\033[2J')"; i=$((i+1)); done; cat /nonexistent 2>/dev/null; exit 0`

// What is replayed is byte for byte what was shown.
func TestLocalReplayEqualsLive(t *testing.T) {
	for _, flags := range []string{
		"exec -o json", "exec -o yaml", "exec -o jsonpath={.process_exec.process.arguments}", "exec -o json --fields process.binary,time --event exec",
		"file --prefix /etc --every -o json", "file --prefix /etc -o json --binary cat", "net -o json", "creds -o json", "exec --every -o wide",
		"file --prefix /etc --every -o compact", "exec -o json --exclude args=hostname --redact pass\\w+",
	} {
		t.Run(flags, func(t *testing.T) {
			file, live, _ := recorded(t, flags, busyScript)
			words := strings.Fields(flags)[1:]
			var again []string
			for i := 0; i < len(words); i++ { // what the command alone has
				switch words[i] {
				case "--prefix":
					i++
				default:
					again = append(again, words[i])
				}
			}
			got, _ := replayed(t, file, again...)
			if got != live {
				t.Errorf("%d bytes replayed, %d shown:\n%.2000s\n--- live\n%.2000s", len(got), len(live), got, live)
			}
			if live == "" && !strings.HasPrefix(flags, "net") {
				t.Error("nothing was shown")
			}
		})
	}
}

// Trees go by the time of the events: two replays are equal, whatever the machine does meanwhile.
func TestLocalReplayedTreesAreEqual(t *testing.T) {
	file, _, _ := recorded(t, "file --prefix /etc", busyScript)
	for _, format := range []string{"tree", "compact", "wide"} {
		first, firstErr := replayed(t, file, "-o", format)
		second, secondErr := replayed(t, file, "-o", format)
		if first != second || firstErr != secondErr || len(first) == 0 {
			t.Errorf("%s: two replays differ:\n%s\n---\n%s", format, first, second)
		}
	}
}

// The recording has what filters leave out, and its counts are the kernel's.
func TestLocalFiltersDoNotThinTheRecording(t *testing.T) {
	file, live, stderr := recorded(t, "exec -o json --binary nothing-of-this-name", busyScript)
	if live != "" {
		t.Errorf("shown:\n%s", live)
	}
	report, err := recording.Verify(file)
	if err != nil || !report.Intact() {
		t.Fatalf("%v, %+v", err, report)
	}
	// The oracle is the script: 20 times cat, true and printf's subshell, one more cat, the shell itself.
	all, _ := replayed(t, file, "-o", "json", "--event", "exec")
	if execs := strings.Count(all, "\n"); execs != 1+20*2+1 {
		t.Errorf("%d execs", execs)
	}
	n := report.Trailer.Nodes[0]
	if !report.Trailer.Complete || n.Recorded != n.Written || n.Filtered != n.Recorded || report.Events != n.Written {
		t.Errorf("trailer %+v, %d events", report.Trailer, report.Events)
	}
	if !strings.Contains(stderr, "chain "+report.Chain) {
		t.Errorf("stderr lacks the chain %s:\n%s", report.Chain, stderr)
	}
	folder := filepath.Dir(file)
	if out, err := exec.Command("sh", "-c", "cd "+folder+" && sha256sum -c x.tsec.zst.sha256").CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
	if code, out, _ := runPlugin(t, built, "verify", file); code != exit.OK || !strings.Contains(out, "intact, chain "+report.Chain) {
		t.Errorf("verify: exit code %d\n%s", code, out)
	}
}

// A secret that is to be taken out is in no byte of the recording.
func TestLocalRecordingIsRedacted(t *testing.T) {
	const secret = "geheimnis47"
	file, _, _ := recorded(t, "exec -o json --redact geheim\\w+ --note about-"+secret+" --case "+secret, "SECRET="+secret+" /bin/echo "+secret)
	text, err := exec.Command("zstd", "-dcq", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) || !strings.Contains(string(text), "about-*****") {
		t.Errorf("the recording is\n%s", text)
	}
}

func TestRecordRefusals(t *testing.T) {
	folder := t.TempDir()
	there := filepath.Join(folder, "there"+recording.Suffix)
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, want string }{
		{"--record " + there, "this file exists"},
		{"--record " + folder + "/none/x", "no such file"},
		{"--record /proc/x", "recording:"},
		{"--record-keep 3", "--record FILE names it"},
		{"--record x --record-keep 1", "at least 2"},
		{"--record x --record-max-size many", "want a size"},
		{"--record x --record-max-size 5", "at least 1Mi"},
		{"--record x --record-on never", "want one of finding, enforced"},
		{"--record x --record-before 5s", "is for --record-on"},
	} {
		args := append([]string{"exec", "--local"}, strings.Fields(test.args)...)
		code, out, errOut := runPlugin(t, built, append(args, "--", "touch", folder+"/ran")...)
		if code != exit.Error || out != "" || !strings.Contains(errOut, test.want) {
			t.Errorf("%s: exit code %d, stderr:\n%s", test.args, code, errOut)
		}
	}
	if _, err := os.Stat(folder + "/ran"); err == nil {
		t.Error("the command was started")
	}
}

// A full disk is said at once, the screen goes on, and the command ends with 3; what was written can be read.
func TestLocalRecordOnFullDisk(t *testing.T) {
	folder := t.TempDir()
	if err := unix.Mount("none", folder, "tmpfs", 0, "size=16k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(folder, unix.MNT_DETACH) })
	file := filepath.Join(folder, "x.ndjson")
	code, live, stderr := runPlugin(t, built, "exec", "-o", "json", "--record", file, "--local", "--", "/bin/sh", "-c", busyScript)
	if code != exit.Incomplete || !strings.Contains(stderr, "no space left") || !strings.Contains(stderr, "tracing goes on without it") {
		t.Errorf("exit code %d, stderr:\n%s", code, stderr)
	}
	if events := strings.Count(live, "\n"); events != 2*(1+20*2+1)+20 { // and the ends of 20 forks
		t.Errorf("%d events shown", events)
	}
	if code, _, stderr := runPlugin(t, built, "replay", file); code != exit.Incomplete || !strings.Contains(stderr, "INCOMPLETE") {
		t.Errorf("replay: exit code %d, stderr:\n%s", code, stderr)
	}
}

// record keeps programs, files that are changed, connections, credentials and what rules say, in a file that the time names.
func TestLocalRecordVerb(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	rules := filepath.Join(folder, "rules.yaml")
	const text = "- rule: Touched\n  desc: d\n  condition: evt.type = execve and proc.name = touch\n  output: touched\n  priority: ERROR\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	script := `echo x > changed; touch touched; /nonexistent/program 2>/dev/null; setpriv --reuid=65534 --clear-groups true; perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in(1, inet_aton("127.0.0.1")))'; exit 0`
	code, out, stderr := runPlugin(t, built, "record", "--rules", rules, "--local", "--", "/bin/sh", "-c", script)
	if code != exit.OK || out != "" {
		t.Fatalf("exit code %d\n%s%s", code, out, stderr)
	}
	files, err := filepath.Glob("*" + recording.Suffix)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %q", err, files)
	}
	report, err := recording.Verify(files[0])
	if err != nil || !report.Intact() {
		t.Fatalf("%v, %+v", err, report)
	}
	shown, _ := replayed(t, files[0], "-o", "compact")
	for _, want := range []string{"process ", "exit ", "write   ", folder + "/changed", "/nonexistent/program", "creds ", "127.0.0.1:1", "touch touched"} {
		if !strings.Contains(shown, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if t.Failed() {
		t.Logf("shown:\n%s", shown)
	}
	lines, err := exec.Command("zstd", "-dcq", files[0]).Output()
	if err != nil || strings.Count(string(lines), `{"finding":{"language":"falco","rule":"Touched"`) != 1 {
		t.Errorf("%v, findings in\n%.500s", err, lines)
	}
}
