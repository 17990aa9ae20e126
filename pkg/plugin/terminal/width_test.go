// SPDX-License-Identifier: Apache-2.0

package terminal

import "testing"

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, "abc": 3, "日本": 4, "e\u0301": 1, "🚀": 2, "💥 x": 4, "│ ╰─": 4, "⚠️": 2, "☎": 1, "📬️": 3,
	} {
		if got := Width(s); got != want {
			t.Errorf("%q: %d cells, want %d", s, got, want)
		}
	}
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"abcdef", 6, "abcdef"}, {"abcdef", 5, "abcd…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
		{"abc", 0, ""}, {"abc", -1, ""}, {"日本", 1, "…"}, {"🚀🚀", 3, "🚀…"},
	} {
		if got := Truncate(c.in, c.width, "…"); got != c.want {
			t.Errorf("%q in %d cells: got %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

func TestPad(t *testing.T) {
	if got := Pad("日本", 6) + "|" + Pad("abc", 2); got != "日本  |abc" {
		t.Errorf("got %q", got)
	}
}
