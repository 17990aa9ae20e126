// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

func TestCredsPolicy(t *testing.T) {
	for _, args := range []string{"", "--every", "--rises", "--to-uid 0 --to-uid 1000", "--binary su"} {
		goldenPolicy(t, "creds", append([]string{"creds"}, strings.Fields(args)...)...)
	}
}

func TestCredsRefuses(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"--to-uid root", "want numbers"},
		{"--to-uid -1", "want numbers"},
		{"--to-uid 4294967295", "user ids are below 4294967295"},
		{"--every --rises", "--every and --rises exclude each other"},
		{"--every --to-uid 0", "--every and --to-uid exclude each other"},
		{"--process-credentials=false", "it is not known what a process had before"},
		{"--rise", "did you mean --rises?"},
	} {
		code, stdout, stderr := runPlugin(t, built, append([]string{"creds", "--local"}, strings.Fields(test.args)...)...)
		if code != exit.Error || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit code %d, want %q, stderr:\n%s", test.args, code, test.want, stderr)
		}
	}
}
