// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// sharedVariable names the directory of rule files that are not part of the repository; without it they are looked for beside it.
const sharedVariable = "TRACE_SEC_SHARED"

// sharedRules is the directory of public Sigma rules.
func sharedRules(t testing.TB) string {
	t.Helper()
	shared := os.Getenv(sharedVariable)
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	rules := filepath.Join(shared, "sigma-rules")
	if _, err := os.Stat(rules); err != nil {
		t.Fatalf("no Sigma rules to test with: %v\nset $%s to the directory that has sigma-rules/, a copy of parts of rules/linux of github.com/SigmaHQ/sigma", err, sharedVariable)
	}
	return rules
}

// everything loads rules of each level and status.
var everything = sigma.Options{Level: "informational", Status: "unsupported", Auditd: true}

func TestSharedRulesLoad(t *testing.T) {
	for folder, want := range map[string]int{
		"process_creation": 74, "file_event": 5, "network_connection": 3,
		"auditd": 30, "auditd/execve": 17, "auditd/path": 6, "auditd/syscall": 4, "": 112,
	} {
		loaded, err := sigma.Load(t.Context(), []string{filepath.Join(sharedRules(t), folder)}, everything)
		if err != nil {
			t.Fatal(err)
		}
		if len(loaded.Rules) != want || len(loaded.Refusals) != 0 {
			t.Errorf("%q: %d rules, want %d; refused: %v", folder, len(loaded.Rules), want, loaded.Refusals)
		}
		for _, rule := range loaded.Rules {
			if rule.ID == "" || rule.Title == "" || rule.Author == "" || !rule.Level.Known() || !rule.Status.Known() || len(rule.Tags) == 0 || len(rule.References) == 0 && rule.Level == "" {
				t.Errorf("%s: not all that an alert carries: %+v", rule.File, rule)
			}
		}
	}
}
