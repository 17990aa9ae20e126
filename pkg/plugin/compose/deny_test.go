// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// What is forbidden is written as policies that Tetragon reads too.
func TestDenials(t *testing.T) {
	for name, d := range map[string]Denial{"deny": {}, "deny-kill": {Kill: true}} {
		text, err := YAML(
			DenyExec([]string{"/usr/bin/nc", "/tmp/", "/bin/sh"}, d),
			DenyWrite([]string{"/etc", "/usr/lib"}, d),
			DenyConnect([]string{"169.254.169.254/32", "fd00::/8"}, d),
		)
		if err != nil {
			t.Fatal(err)
		}
		file, err := policy.Parse(name, bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range file.Policies {
			if !p.Acts() {
				t.Errorf("%s: policy %s enforces nothing", name, p.Name)
			}
			for i := range p.Hooks {
				for _, s := range p.Hooks[i].Selectors {
					if len(s.Actions) != 1 || !s.Actions[0].Kind.Enforces() || len(s.Args) == 0 {
						t.Errorf("%s: a selector of %s does %v to %d filters", name, p.Hooks[i].Name(), s.Actions, len(s.Args))
					}
				}
			}
		}
		golden.Check(t, filepath.Join("testdata", name+".yaml"), text)
	}
}
