// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"slices"
	"strings"
	"testing"
)

func TestOnlyAndExcept(t *testing.T) {
	for _, test := range []struct {
		only, except string // words with a bar between them
		want         string // names of the rules that are left
		err          string
	}{
		{"", "", "A Copier By Sigma|A copier runs|A secret is opened|Nobody has this|Off", ""},
		{"T1005", "", "A Copier By Sigma|A copier runs", ""},
		{"t1005", "test", "A Copier By Sigma", ""},
		{"test", "", "A copier runs", ""},
		{"6A0E3D0A-0001-4000-8000-000000000001", "", "A Copier By Sigma", ""},
		{"a COPIER runs|critical", "", "A copier runs|A secret is opened", ""},
		{"high+", "", "A Copier By Sigma|A secret is opened|Nobody has this", ""},
		{"", "high+|informational", "A copier runs", ""},
		{"A copier run", "", "", `--only "A copier run" names no rule`},
		{"", "T9999", "", `--except "T9999" names no rule`},
		{"worst+", "", "", `--only "worst+"`},
	} {
		words := func(text string) []string {
			return slices.DeleteFunc(strings.Split(text, "|"), func(word string) bool { return word == "" })
		}
		r, err := Load(t.Context(), Options{Files: []string{"testdata/falco.yaml"}, Sigma: []string{"testdata/sigma"}, Only: words(test.only), Except: words(test.except)})
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%+v: error %v", test, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		var left []string
		for _, rule := range r.All {
			left = append(left, rule.Name)
		}
		slices.Sort(left)
		if got := strings.Join(left, "|"); got != test.want {
			t.Errorf("%+v: left are %s", test, got)
		}
		it := execOf("/bin/cp", "x")
		if said, want := r.Stage(nil, false).Pass(it), slices.Contains(left, "A copier runs"); said != want {
			t.Errorf("%+v: said something: %t", test, said)
		}
	}
}
