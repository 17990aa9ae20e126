// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

// Each mistake is a clear error before anything is launched.
func TestDetectMistakes(t *testing.T) {
	const falco, sigma = "detect/testdata/falco.yaml", "detect/testdata/sigma"
	for _, test := range []struct {
		args string
		want string
	}{
		{"web --rules detect/testdata/none.yaml", "none.yaml"},
		{"web --sigma detect/testdata/none", "none"},
		{"web --sigma " + sigma + " --sigma-level hihg", `level "hihg": want one of`},
		{"web --sigma " + sigma + " --sigma-status best", `status "best": want one of`},
		{"web --rules " + falco + " --only copyer", `--only "copyer" names no rule`},
		{"web --rules " + falco + " --except copyer", `--except "copyer" names no rule`},
		{"web --rules " + falco + " --webhook ftp://x", "want a URL of http or https"},
		{"web --rules " + falco + " --webhook=", "want a URL of http or https"},
		{"web --rules detect/testdata/broken.yaml", "broken.yaml:3"},
		{"web --rules " + falco + " --rules detect/testdata/broken.yaml --strict-rules", "broken.yaml:3"},
		{"web --rules " + falco + " --only Off", "no rule can fire: 1 rule: 1 disabled"},
	} {
		code, out, errOut := runPlugin(t, built, append([]string{"detect"}, strings.Fields(test.args)...)...)
		if code != exit.Error || out != "" || !strings.Contains(errOut, test.want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %q", test.args, code, out, errOut, test.want)
		}
	}
	if code, _, errOut := runPlugin(t, built, "exec", "web", "-o", "falco"); code != exit.Error || !strings.Contains(errOut, "kubectl trace-sec detect") {
		t.Errorf("exit code %d, stderr %q", code, errOut)
	}
}

func TestDetectList(t *testing.T) {
	code, out, errOut := runPlugin(t, built, "detect", "--rules", "detect/testdata/falco.yaml", "--sigma", "detect/testdata/sigma", "--list")
	if code != exit.OK || errOut != "" {
		t.Fatalf("exit code %d, stderr %q", code, errOut)
	}
	for _, want := range []string{"high           armed        sigma     A Copier By Sigma", "5 rules:", "windows.yml", "no event has it"} {
		if !strings.Contains(out, want) {
			t.Errorf("the list lacks %q:\n%s", want, out)
		}
	}
}
