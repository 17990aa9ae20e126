// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"strings"
	"testing"
)

func TestFill(t *testing.T) {
	networks := map[string][]string{PodNetworks: {"10.1.0.0/24", "10.2.0.0/24"}, ServiceNetworks: {"10.96.0.0/12"}}
	asked := map[string]int{}
	values := func(name string) ([]string, error) {
		asked[name]++
		return networks[name], nil
	}
	for text, want := range map[string]string{
		"nothing":                                  "nothing",
		"a\n  - ${PODCIDR}\r\nb":                   "a\n  - \"10.1.0.0/24\"\n  - \"10.2.0.0/24\"\r\nb",
		"  - '${PODCIDR}' # ${PODCIDR}":            "  - \"10.1.0.0/24\"\n  - \"10.2.0.0/24\" # ${PODCIDR}",
		`[127.0.0.1, "${PODCIDR}",${SERVICECIDR}]`: `[127.0.0.1, "10.1.0.0/24", "10.2.0.0/24","10.96.0.0/12"]`,
		"# ${PODCIDR}\n- ${OTHER}":                 "# ${PODCIDR}\n- ${OTHER}",
	} {
		if got, err := Fill(text, values); err != nil || got != want {
			t.Errorf("%q: %q, want %q; %v", text, got, want, err)
		}
	}
	clear(asked)
	text := hookText(Kprobe, "{index: 0, type: sock}", "matchArgs: [{index: 0, operator: NotDAddr, values: [\"${PODCIDR}\", ${SERVICECIDR}, ${PODCIDR}]}]")
	filled, err := Fill(text, values)
	if err != nil || asked[PodNetworks] != 1 || asked[ServiceNetworks] != 1 {
		t.Fatalf("%v, asked %v", err, asked)
	}
	if h := parse(t, filled); len(h.Selectors[0].Args[0].Addresses) != 5 {
		t.Errorf("%v", h.Selectors[0].Args[0].Addresses)
	}
	if _, err := Fill(text, func(string) ([]string, error) { return nil, errors.New("forbidden") }); err == nil || err.Error() != "forbidden" {
		t.Errorf("%v", err)
	}
	if _, err := Fill(text, func(string) ([]string, error) { return nil, nil }); err == nil || !strings.Contains(err.Error(), "${PODCIDR}: there are no such networks") {
		t.Errorf("%v", err)
	}
}
