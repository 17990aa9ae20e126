// SPDX-License-Identifier: Apache-2.0

package wording

import (
	"fmt"
	"testing"
)

func TestCounted(t *testing.T) {
	for _, test := range []struct {
		n          int
		noun, want string
	}{{0, "pod", "0 pods"}, {1, "pod", "1 pod"}, {2, "pod", "2 pods"}, {2, "loss", "2 losses"}, {1, "loss", "1 loss"}} {
		if got := Counted(test.n, test.noun); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
		if got := Counted(uint64(test.n), test.noun); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestGrouped(t *testing.T) {
	var g Grouped[int]
	g.Add(2, "b")
	g.Add(1, "a")
	g.Add(2, "a")
	g.Add(2, "b")
	if got, want := fmt.Sprint(g.Keys, g.Names), "[2 1] map[1:[a] 2:[b a]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
