// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"strings"
	"testing"
)

// oneBreak writes every end of a line that YAML 1.1 has as one byte.
var oneBreak = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"- rule: r\n  desc: d\n  condition: >\n    a and\n    b\n  output: o\n  priority: INFO\n  tags: [x]\n",
		"- list: l\n  items: [a, '\"b c\"', l]\n- list: l\n  items: [x]\n  override: {items: append}\n",
		"- macro: m\n  condition: 'a ''b'\n- rule: r\n  enabled: false\n",
		"- required_engine_version: 0.57.0\n- required_plugin_versions: [{name: container, version: 0.4.0}]\n",
		"- rule: r\n  desc: d\n  condition: a\n  output: o\n  priority: 1\n  exceptions: [{name: e, fields: [f.g], values: [[x]]}]\n",
		"- rule: r\r\r  desc: d\r\n  condition: |\u0085    a a\u2028  output: o\u2029  priority: 1\n",
		"\r\r\rer_vesion. 0.57.0s- required_plugin_version\n:",
		"- &a {macro: m, condition: \"a\\n(\"}\n- *a\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set := Load([]File{{Name: "f", Content: []byte(text)}})
		lines := strings.Count(oneBreak.Replace(text), "\n") + 1
		for _, p := range set.Problems {
			if p.Line > lines+1 || p.Line < 0 || p.Column < 0 || p.Caret < 0 || p.Caret > len(p.Snippet) {
				t.Fatalf("%q: %+v", text, p)
			}
		}
		for _, r := range set.Rules {
			length := len(r.Condition.String())
			for at := 0; at <= length; at += 1 + length/200 { // each place is counted off from the beginning
				if place := r.Condition.Place(at); place.Line < 1 || place.Line > lines {
					t.Fatalf("%q: byte %d of the condition stands at %s", text, at, place)
				}
				if snippet, caret := r.Condition.Snippet(at); caret < 0 || caret > len(snippet) {
					t.Fatalf("%q: byte %d of the condition is byte %d of %q", text, at, caret, snippet)
				}
			}
		}
		for _, l := range set.Lists {
			set.Values(l)
		}
	})
}
