// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"strings"
	"testing"
)

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"- rule: r\n  desc: d\n  condition: >\n    a and\n    b\n  output: o\n  priority: INFO\n  tags: [x]\n",
		"- list: l\n  items: [a, '\"b c\"', l]\n- list: l\n  items: [x]\n  override: {items: append}\n",
		"- macro: m\n  condition: 'a ''b'\n- rule: r\n  enabled: false\n",
		"- required_engine_version: 0.57.0\n- required_plugin_versions: [{name: container, version: 0.4.0}]\n",
		"- rule: r\n  desc: d\n  condition: a\n  output: o\n  priority: 1\n  exceptions: [{name: e, fields: [f.g], values: [[x]]}]\n",
		"- &a {macro: m, condition: \"a\\n(\"}\n- *a\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set := Load([]File{{Name: "f", Content: []byte(text)}})
		lines := strings.Count(text, "\n") + 1
		for _, p := range set.Problems {
			if p.Line > lines+1 || p.Line < 0 || p.Column < 0 || p.Caret < 0 || p.Caret > len(p.Snippet) {
				t.Fatalf("%q: %+v", text, p)
			}
		}
		for _, r := range set.Rules {
			for at := range len(r.Condition.String()) + 1 {
				if place := r.Condition.Place(at); place.Line < 1 || place.Line > lines {
					t.Fatalf("%q: byte %d of the condition stands at %s", text, at, place)
				}
			}
		}
		for _, l := range set.Lists {
			set.Values(l)
		}
	})
}
