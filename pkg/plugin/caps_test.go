// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

func TestCapsPolicies(t *testing.T) {
	for name, args := range map[string]string{
		"caps":            "",
		"caps-denied":     "--denied --cap syslog --cap CAP_net_Raw",
		"caps-granted":    "--granted --every",
		"caps-everything": "--every --all-checks",
		"caps-advise":     "--advise --duration 5m -o json",
	} {
		t.Run(name, func(t *testing.T) { goldenPolicy(t, name, append([]string{"caps"}, strings.Fields(args)...)...) })
	}
}

func TestCapsRefuses(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"--cap SYS_ADMN", `--cap "SYS_ADMN" is no capability; did you mean SYS_ADMIN?`},
		{"--cap=", `--cap "" is no capability`},
		{"--cap 21", `--cap "21" is no capability`},
		{"--cap SYSLOG,BPF", `--cap "SYSLOG,BPF" is no capability`},
		{"--cap", "--cap needs a value"},
		{"NET_ADMIN", "did you mean --cap NET_ADMIN?"},
		{"--denied --granted", "--denied and --granted exclude each other"},
		{"--denied --granted --cap x", `--cap "x" is no capability`},
		{"--denid", "did you mean --denied?"},
		{"--every x --local", "--local -- x"},
		{"--advise --cap SYSLOG --denied", "--advise needs to see everything: leave out --cap, --denied"},
		{"--advise --granted --every --all-checks --local", "leave out --granted, --every, --all-checks"},
		{"--advise --max-events 5", "leave out --max-events"},
		{"--advise --binary sh --exclude uid=0", "leave out --binary, --exclude"},
		{"--advise --event kprobe", "leave out --event"},
		{"--advise --redact x", "leave out --redact"},
		{"--advise --pid 1", "leave out --pid"},
		{"--advise -o compact", "want -o json, -o yaml, or none for patches"},
		{"--advise -o tree --local -- true", "--advise has no events to show as tree"},
		{"--advise -o jsonpath={.a}", "--advise has no events to show as jsonpath"},
		{"web", "no cluster is configured"},
		{"--advise web", "no cluster is configured"},
	} {
		t.Run(test.args, func(t *testing.T) {
			code, out, errOut := runPlugin(t, built, append([]string{"caps"}, strings.Split(test.args, " ")...)...)
			if code != exit.Error || out != "" || !strings.Contains(errOut, test.want) {
				t.Errorf("exit code %d, want %q, stdout:\n%s\nstderr:\n%s", code, test.want, out, errOut)
			}
		})
	}
}

func TestCapsHelp(t *testing.T) {
	testHelp(t, "caps")
	_, out, _ := runPlugin(t, built, "caps", "--help")
	for _, want := range []string{"--cap CAPABILITY", "--advise", "--print-policy", "--pod NAME"} {
		if !strings.Contains(out, want) {
			t.Errorf("help lacks %q:\n%s", want, out)
		}
	}
	if code, out, _ := runPlugin(t, built, "__complete", "caps", "--cap", "SYS_A"); code != exit.OK || !strings.Contains(out, "SYS_ADMIN\n") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
