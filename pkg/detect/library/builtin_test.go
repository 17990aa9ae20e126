// SPDX-License-Identifier: Apache-2.0

package library

import (
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/rules"
)

func TestBuiltin(t *testing.T) {
	all, err := ReadAll(rules.Files)
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]string{}
	for _, r := range all {
		if other := titles[r.Title]; other != "" {
			t.Errorf("%s and %s have one title", r.ID, other)
		}
		titles[r.Title] = r.ID
	}
	if _, notes := Hooks(all); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
}
