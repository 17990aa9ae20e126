// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

// These tests trace this machine's kernel and need root. What is done is in a temporary directory, or in namespaces of its own.

// python finds the interpreter itself: a program of another name is a copy of it.
const python = `PY=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))'); `

// call makes a system call by its numbers on x86-64 and arm64; its result is of no matter.
const call = `import ctypes, os
def call(x86, arm, *a): return ctypes.CDLL(None, use_errno=True).syscall({"x86_64": x86, "aarch64": arm}[os.uname().machine], *a)
`

// falcoActs are acts for rules of Falco: a shell script in which D is a directory and PY the interpreter of Python, how often the rule fires
// at it, and one at which it does not fire.
var falcoActs = []struct {
	rule, act string
	times     int
	nearMiss  string
}{
	{
		"Directory traversal monitored file read", `exec $PY -c 'open("/usr/../usr/../etc/passwd")'`, 1,
		`exec $PY -c 'open("/usr/../etc/passwd"); open("/usr/../usr/../dev/null")'`,
	},
	{
		"Read sensitive file untrusted", `$PY -c 'open("/etc/shadow")'; cd /etc; $PY -c 'open("shadow")'; ln -s /etc/shadow $D/l; $PY -c 'open("'$D/l'")'`, 3,
		`cat /etc/passwd; cp $PY $D/passwd; $D/passwd -c 'open("/etc/shadow")'`,
	},
	{"Clear Log Activities", `: > $D/auth.log`, 1, `echo >> $D/auth.log; : > $D/zz.log`},
	{"Create Symlink Over Sensitive Files", `ln -s /etc/shadow $D/s1; ln -s /etc $D/s2`, 2, `ln -s /etc/hostname $D/s3`},
	{
		"Create Hardlink Over Sensitive Files", `$PY -c 'import os; os.link("/etc/shadow", "/proc/none")' || :`, 1,
		`$PY -c 'import os; os.link("/etc/hostname", "/proc/none")' || :`,
	},
	{"Packet socket created in container", `$PY -c 'import socket; socket.socket(17, 3)'`, 1, `$PY -c 'import socket; socket.socket(2, 2)'`},
	{
		"Redirect STDOUT/STDIN to Network Connection in Container",
		`$PY -c 'import os, socket; s = socket.socket(); os.dup2(s.fileno(), 0)'; $PY -c 'import os, socket; s = socket.socket(10, 2); os.dup2(s.fileno(), 2)'`, 2,
		`$PY -c 'import os, socket; s = socket.socket(); os.dup2(s.fileno(), 9); os.dup2(os.pipe()[0], 0); a, b = socket.socketpair(); os.dup2(a.fileno(), 0)'`,
	},
	{
		"Linux Kernel Module Injection Detected", `$PY -c '` + call + `call(175, 105, b"x", 1, b"")'`, 1,
		`setpriv --bounding-set -sys_module $PY -c '` + call + `call(175, 105, b"x", 1, b"")'`,
	},
	{
		"Detect release_agent File Container Escapes", `: > $D/release_agent; : >> $D/release_agent`, 2,
		`: > $D/release_agents; : > $D/file; cat $D/file; setpriv --bounding-set -sys_admin bash -c ": > $D/release_agent"`,
	},
	{
		"PTRACE attached to process", `$PY -c '` + call + `call(101, 117, 16, 4194304, 0, 0); call(101, 117, 0x4206, 4194304, 0, 0)'`, 2,
		`$PY -c '` + call + `call(101, 117, 7, 4194304, 0, 0)'`,
	},
	{
		"PTRACE anti-debug attempt", `$PY -c '` + call + `
if os.fork(): os.wait()
else: call(101, 117, 0, 0, 0, 0); os._exit(0)'`, 1, `$PY -c '` + call + `call(101, 117, 16, 4194304, 0, 0)'`,
	},
	{"Execution from /dev/shm", `F=$(mktemp -p /dev/shm); sh $F; rm $F`, 1, `F=$(mktemp -p /dev/shm); sh $D/none || :; cat $F; rm $F`},
	{"Modify Shell Configuration File", `$PY -c 'open("'$D/.bashrc'", "a")'`, 1, `: > $D/.bashrc; $PY -c 'open("'$D/.bashrc'")'; $PY -c 'open("'$D/bashrc'", "a")'`},
	{
		"Schedule Cron Jobs", `unshare -m sh -c "mount -t tmpfs t /etc/cron.d; $PY -c 'open(\"/etc/cron.d/zz\", \"w\")'"`, 1,
		`unshare -m sh -c "mount -t tmpfs t /etc/cron.d; mkdir /etc/cron.d/zz; ls /etc/cron.d"; : > $D/crontab`,
	},
	{
		"Read ssh information", `unshare -m sh -c "mount -t tmpfs t /root; mkdir /root/.ssh; : > /root/.ssh/x; cat /root/.ssh/x"; unshare -m sh -c "mount -t tmpfs t /root; mkdir /root/.ssh; ls /root/.ssh"`, 2,
		`unshare -m sh -c "mount -t tmpfs t /root; mkdir /root/ssh; : > /root/ssh/x; cat /root/ssh/x; ls /root"`,
	},
	{
		"Change thread namespace", `$PY -c '` + call + `call(308, 268, os.open("/proc/self/ns/uts", 0), 0)'`, 1,
		`cp $PY $D/runc-x; $D/runc-x -c '` + call + `call(308, 268, os.open("/proc/self/ns/uts", 0), 0)'`,
	},
	{"Change namespace privileges via unshare", `setpriv --bounding-set -sys_admin unshare -U true || :`, 1, `unshare -U true`},
	{"Create files below dev", `unshare -m sh -c "mount -t tmpfs t /dev; touch /dev/zz"`, 1, `: > /dev/null; unshare -m sh -c "mount -t tmpfs t /dev/shm; touch /dev/shm/zz"`},
	{"Contact EC2 Instance Metadata Service From Container", metadata("169.254.169.254"), 1, metadata("169.254.169.253")},
	{"Contact cloud metadata service from container", metadata("169.254.169.254"), 1, metadata("169.254.169.253")},
	{
		"Delete or rename shell history",
		`touch $D/.bash_history; mv $D/.bash_history $D/h; touch $D/.bash_history; : > $D/.bash_history; cd $D; rm .bash_history`, 3,
		`touch $D/.bash_history; echo >> $D/.bash_history; cat $D/.bash_history; touch $D/.bash_histor; rm $D/.bash_histor`,
	},
	{"Set Setuid or Setgid bit", `touch $D/f; chmod u+s $D/f; chmod 2755 $D/f; $PY -c 'import os; os.fchmod(os.open("'$D/f'", 0), 0o4755)'`, 3, `touch $D/f; chmod 0755 $D/f; chmod +t $D/f`},
	{"Read environment variable from /proc files", `cat /proc/self/environ > $D/e; cat /proc/$$/environ > $D/e`, 2, `cat /proc/self/cmdline > $D/e`},
	{
		"Adding ssh keys to authorized_keys", `unshare -m sh -c "mount -t tmpfs t /home; mkdir -p /home/x/.ssh; $PY -c 'open(\"/home/x/.ssh/authorized_keys\", \"a\")'"`, 1,
		`unshare -m sh -c "mount -t tmpfs t /home; mkdir -p /home/x/.ssh; $PY -c 'open(\"/home/x/.ssh/other\", \"a\")'; $PY -c 'import os; os.open(\"/home/x/.ssh/other\", 0)'"`,
	},
	{
		"Backdoored library loaded into SSHD (CVE-2024-3094)", `touch $D/liblzma.so.5.6.0; cp $PY $D/sshd; $D/sshd -c 'open("'$D'/liblzma.so.5.6.0")'`, 1,
		`touch $D/liblzma.so.5.6.0 $D/liblzma.so.5.6.2; cp $PY $D/sshd; $D/sshd -c 'open("'$D'/liblzma.so.5.6.2")'; $PY -c 'open("'$D'/liblzma.so.5.6.0")'`,
	},
	{"BPF Program Not Profiled", `$PY -c '` + call + `call(321, 280, 5, None, 0)'`, 1, `$PY -c '` + call + `call(321, 280, 0, None, 0)'`},
	{
		"Non sudo setuid", `setpriv --reuid 65534 --clear-groups perl -e 'use POSIX; POSIX::setuid(1)'`, 1, `perl -e 'use POSIX; POSIX::setuid(0)'`,
	},
}

// metadata connects to an address in a network of its own.
func metadata(address string) string {
	return `unshare -n sh -c "ip link set lo up; ip address add ` + address + `/32 dev lo; $PY -c 'import socket; l = socket.create_server((\"` + address + `\", 80)); socket.create_connection((\"` + address + `\", 80))'"`
}

func TestDetectLocalFalcoActs(t *testing.T) {
	rules := falcoRuleFiles(t)
	for _, a := range falcoActs {
		t.Run(a.rule, func(t *testing.T) {
			if got := timesDetected(t, rules, a.rule, a.act); got != a.times {
				t.Errorf("fired %d times, want %d", got, a.times)
			}
			if got := timesDetected(t, rules, a.rule, a.nearMiss); got != 0 {
				t.Errorf("fired %d times at what it is not about", got)
			}
		})
	}
}

// falcoRuleFiles are Falco's own files and one that has all processes count as those of a container.
func falcoRuleFiles(t *testing.T) (flags []string) {
	t.Helper()
	folder := os.Getenv("TRACE_SEC_SHARED")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	own := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(own, []byte("- macro: container\n  condition: (container.id exists)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(folder, "falco-rules", "falco_rules.yaml"), filepath.Join(folder, "falco-rules", "falco-incubating_rules.yaml"), own} {
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("Falco's rule files are needed (falcosecurity/rules): set TRACE_SEC_SHARED to a folder that has them: %v", err)
		}
		flags = append(flags, "--rules", file)
	}
	return flags
}

// timesDetected is how often a rule fires at a script.
func timesDetected(t *testing.T, rules []string, rule, script string) (times int) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("D", t.TempDir())
	args := slices.Concat([]string{"detect"}, rules, []string{"--local", "--strict", "-o", "json", "--", bash, "-ec", python + script})
	code, stdout, stderr := runPlugin(t, built, args...)
	if code != exit.OK {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	for line := range strings.Lines(stdout) {
		e := readEvent(t, line)
		for _, d := range e.Detections {
			if d.Rule == rule {
				times++
			}
		}
	}
	return times
}
