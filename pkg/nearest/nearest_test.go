// SPDX-License-Identifier: Apache-2.0

package nearest

import (
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	for typed, want := range map[string][]string{
		"web":      {"web-1", "web-2"},
		"wbe-1":    {"web-1"},
		"database": {"databse"},
		"zzz":      nil,
		"":         nil,
	} {
		if got := Names(typed, []string{"web-2", "web-1", "databse", "front"}); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", typed, got, want)
		}
	}
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abcd", "badc", 2}} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
