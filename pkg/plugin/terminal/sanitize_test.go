// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSanitize(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", `/bin/sh -c "echo a\tb"`, `/bin/sh -c "echo a\tb"`},
		{"scripts", "日本語 żółć עברית 🚀", "日本語 żółć עברית 🚀"},
		{"combining", "e\u0301", "e\u0301"},
		{"line feed and tab", "a\nb\tc\r", `a\nb\tc\r`},
		{"escape sequence", "\x1b[2J\x1b]0;x\a", `\x1b[2J\x1b]0;x\a`},
		{"NUL, DEL", "\x00\x7f", `\x00\x7f`},
		{"C1", "\u009b31m\u0085", `\u009b31m\u0085`},
		{"bidi override and isolates", "\u202egnp.exe\u2066\u2069\u200f\u061c", `\u202egnp.exe\u2066\u2069\u200f\u061c`},
		{"line and paragraph separators", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"zero width", "a\u200bb\u200d\ufeff\u00ad", `a\u200bb\u200d\ufeff\u00ad`},
		{"blanks that are not blanks", "a\u00a0b\u3000\u2800\u3164", `a\u00a0b\u3000\u2800\u3164`},
		{"variation selectors", "a\ufe0f\U000e0100", `a\ufe0f\U000e0100`},
		{"tags, private use, unassigned", "\U000e0041\ue000\U0010ffff\u0378", `\U000e0041\ue000\U0010ffff\u0378`},
		{"invalid UTF-8", "a\xff\xc3(\x9b", `a\xff\xc3(\x9b`},
		{"surrogate half", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"mark with nothing before", "\u0301x", `\u0301x`},
		{"heap of marks", "a" + strings.Repeat("\u0301", 6), "a" + strings.Repeat("\u0301", 4) + `\u0301\u0301`},
		{"a broken character that was decoded already", "\ufffd", "\ufffd"},
	} {
		if got := Sanitize(c.in); got != c.want {
			t.Errorf("%s: got %+q, want %+q", c.name, got, c.want)
		}
	}
}

func TestSanitizeASCII(t *testing.T) {
	if got, want := SanitizeASCII("é日\x1b🚀 x"), `\u00e9\u65e5\x1b\U0001f680 x`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzSanitize(f *testing.F) {
	for _, seed := range []string{"", "plain", "\x1b[31m", "\u202e", "\xff\xfe", "e\u0301\u0301", "日本\u2028", `\x1b`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := Sanitize(in)
		if !utf8.ValidString(out) {
			t.Errorf("%q: not UTF-8: %q", in, out)
		}
		for _, r := range out {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
				t.Errorf("%q: %U came through", in, r)
			}
		}
		if again := Sanitize(out); again != out {
			t.Errorf("%q: not idempotent: %q, then %q", in, out, again)
		}
		if len(out) > 4*len(in) {
			t.Errorf("%q: grew from %d to %d bytes", in, len(in), len(out))
		}
		if ascii := SanitizeASCII(in); strings.IndexFunc(ascii, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			t.Errorf("%q: not ASCII: %q", in, ascii)
		}
		if cut := Truncate(out, 20, "…"); Width(cut) > 20 {
			t.Errorf("%q: %d cells, want at most 20", cut, Width(cut))
		}
		if head, rest := Split(out, 20); head+rest != out || Width(head) > 20 || (head == "" && out != "") {
			t.Errorf("%q: split into %q and %q", out, head, rest)
		}
	})
}
