// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// local runs the plugin on this machine, without a cluster.
func local(t *testing.T, prepare func(*exec.Cmd), args ...string) result {
	t.Helper()
	cmd := exec.Command(plugin, append([]string{"exec", "--local"}, args...)...)
	cmd.Env = []string{"LANG=C.UTF-8", "PATH=/usr/bin:/bin", "KUBECONFIG=/nonexistent"}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if prepare != nil {
		prepare(cmd)
	}
	err := cmd.Run()
	return result{code: exitCode(err), stdout: out.String(), stderr: errOut.String()}
}

func TestLocalCommand(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"exit code":  {[]string{"-o", "compact", "--", "sh", "-c", "ls /nowhere; exit 7"}, 7, []string{"/usr/bin/ls /nowhere 2\n", "; exit 7\" 7\n"}},
		"signal":     {[]string{"-o", "compact", "--", "sh", "-c", "kill -9 $$"}, 128 + 9, []string{" SIGKILL\n"}},
		"descendant": {[]string{"-o", "compact", "--", "sh", "-c", "(sleep 0.5; exit 3) & exit 0"}, 0, []string{"sleep 0.5 0\n"}},
		"json":       {[]string{"-o", "jsonpath={.process_exec.process.binary}{\"\\n\"}", "--", "true"}, 0, []string{"/usr/bin/true\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := local(t, nil, test.args...)
			if got.code != test.code {
				t.Errorf("exit code %d, want %d; stderr:\n%s", got.code, test.code, got.stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(got.stdout, want) {
					t.Errorf("no %q in\n%s", want, got.stdout)
				}
			}
		})
	}
}

func TestLocalErrors(t *testing.T) {
	nobody := func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	for name, test := range map[string]struct {
		prepare func(*exec.Cmd)
		args    []string
		want    string
	}{
		"not root":          {nobody, []string{"--", "true"}, "root"},
		"unknown command":   {nil, []string{"--", "no-such-command"}, "no-such-command"},
		"no such process":   {nil, []string{"--pid", "4194303"}, "4194303"},
		"not a cgroup":      {nil, []string{"--cgroup", "/tmp"}, "/tmp"},
		"with cluster flag": {nil, []string{"--pod", "x", "--", "true"}, "--local"},
	} {
		t.Run(name, func(t *testing.T) {
			got := local(t, test.prepare, test.args...)
			if got.code != 1 || !strings.Contains(got.stderr, test.want) || strings.Count(got.stderr, "\n") > 3 {
				t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
			}
		})
	}
}
