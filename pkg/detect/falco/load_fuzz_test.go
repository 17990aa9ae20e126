// SPDX-License-Identifier: Apache-2.0

package falco

import "testing"

// FuzzCompile loads whole files: nothing that they hold may break more than their own rules.
func FuzzCompile(f *testing.F) {
	f.Add(ruleText("r", "evt.type=open and proc.name in (a) and not fd.net=10.0.0.0/8"))
	f.Add("- macro: m\n  condition: evt.num=0\n" + ruleText("r", "m or tolower(fd.name)=x", "  exceptions: [{name: e, fields: proc.name, values: [x]}]"))
	f.Add(ruleText("r", "evt.type=connect and fd.port in (80, https) and proc.aname startswith anyof (x, y)"))
	f.Fuzz(func(t *testing.T, text string) {
		e := loadTexts(Options{Port: func(string) (uint16, bool) { return 0, false }}, text, ruleText("sound", "evt.type=execve"))
		found := false
		for _, r := range e.Rules {
			found = found || r.Name == "sound"
		}
		if !found {
			t.Fatalf("%q: the sound rule is gone: %v", text, e.Problems)
		}
		e.NewEvaluator().Evaluate(eventType(t, "execve"), readShadow(), nil)
		e.NewEvaluator().Evaluate(eventType(t, "open"), readShadow(), nil)
	})
}
