// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"reflect"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/internal/sharedrules"
)

func TestSharedFiles(t *testing.T) {
	paths := sharedrules.Paths(t)
	set := Load(Read(paths...))
	for _, p := range set.Problems.Errors() {
		t.Error(p)
	}
	counts := map[string]int{}
	for _, r := range set.Rules {
		counts[r.Place.File]++
	}
	if counts[paths[0]] != sharedrules.Stable || counts[paths[1]] != sharedrules.Incubating {
		t.Errorf("rules: %v", counts)
	}
	parsed := map[string]condition.Expression{}
	for _, r := range set.Rules {
		parsed["rule "+r.Name] = r.Parsed
	}
	for _, m := range set.Macros {
		parsed["macro "+m.Name] = m.Parsed
	}
	for name, e := range parsed {
		printed := condition.String(e)
		again, err := condition.Parse(printed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if condition.String(again) != printed {
			t.Errorf("%s: %s is read as %s", name, printed, condition.String(again))
		}
	}
	// The second file drops uv, and says so by where the list comes from.
	list := set.List("python_package_managers")
	if len(list.Items) != 3 || list.Place.File != paths[1] {
		t.Errorf("python_package_managers: %v of %s", list.Items, list.Place)
	}
	// The other way round the stable files count.
	if list := Load(Read(paths[1], paths[0])).List("python_package_managers"); len(list.Items) != 4 || list.Place.File != paths[0] {
		t.Errorf("python_package_managers, stable rules last: %v of %s", list.Items, list.Place)
	}
	var texts []string
	for _, v := range set.Values(set.List("login_binaries"))[:4] {
		texts = append(texts, v.Text)
	}
	if want := []string{"login", "systemd", "(systemd)", "systemd-logind"}; !reflect.DeepEqual(texts, want) {
		t.Errorf("login_binaries: %q", texts)
	}
}
