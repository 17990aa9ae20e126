// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"strings"
	"testing"
)

func TestCapabilityName(t *testing.T) {
	for text, want := range map[string]string{
		"SYS_ADMIN": "CAP_SYS_ADMIN", "cap_net_raw": "CAP_NET_RAW", "Cap_Bpf": "CAP_BPF", "checkpoint_restore": "CAP_CHECKPOINT_RESTORE",
		"DAC_OVERRIDE": "CAP_DAC_OVERRIDE",
	} {
		if got, err := CapabilityName(text); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": `"" is no capability`, "CAP_": `"CAP_" is no capability`, "SYS_ADMN": "did you mean SYS_ADMIN?", "CAP_CAP_BPF": "is no capability",
		"12": `"12" is no capability`, "ALL": `"ALL" is no capability`, "SYS ADMIN": "did you mean SYS_ADMIN?",
	} {
		if got, err := CapabilityName(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v, want %q", text, got, err, want)
		}
	}
}
