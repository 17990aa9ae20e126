// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma/events"
)

// sharedVariable names the directory of rule files that are not part of the repository; without it they are looked for beside it.
const sharedVariable = "TRACE_SEC_SHARED"

// sharedRules loads all public Sigma rules that there are.
func sharedRules(t testing.TB) []*sigma.Rule {
	t.Helper()
	shared := os.Getenv(sharedVariable)
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "..", "shared")
	}
	loaded, err := sigma.Load(t.Context(), []string{filepath.Join(shared, "sigma-rules")}, sigma.Options{Level: "informational", Status: "unsupported", Auditd: true})
	if err != nil {
		t.Fatalf("no Sigma rules to test with: %v\nset $%s to the directory that has sigma-rules/, a copy of parts of rules/linux of github.com/SigmaHQ/sigma", err, sharedVariable)
	}
	return loaded.Rules
}

// Each rule's state, by its file; rules that are not listed are armed.
func TestStatesOfSharedRules(t *testing.T) {
	const ttyReason = "type: records of type TTY are not made of events"
	want := map[string][]string{
		"lnx_auditd_keylogging_with_pam_d.yml":            {"degraded", ttyReason, "type: records of type USER_TTY are not made of events"},
		"lnx_auditd_hidden_binary_execution.yml":          {"degraded", "name: tried on the paths of programs alone, because any opened file could match"},
		"net_connection_lnx_crypto_mining_indicators.yml": {"unsupported", "DestinationHostname: needs DNS answers"},
		"net_connection_lnx_ngrok_tunnel.yml":             {"unsupported", "DestinationHostname: needs DNS answers"},
	}
	rules := events.NewPlan(sharedRules(t), events.Options{}).Rules
	if len(rules) != 112 {
		t.Errorf("%d rules, want 112", len(rules))
	}
	for _, rule := range rules {
		got := append([]string{string(rule.State)}, rule.Reasons...)
		wanted := want[filepath.Base(rule.File)]
		if wanted == nil {
			wanted = []string{"armed"}
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: %q, want %q", filepath.Base(rule.File), got, wanted)
		}
		if rule.State != events.Unsupported && !rule.Needs.Exec && len(rule.Needs.Files)+len(rule.Needs.Network)+len(rule.Needs.Syscalls) == 0 {
			t.Errorf("%s needs nothing", rule.File)
		}
	}
}
