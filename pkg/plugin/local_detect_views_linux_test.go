// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

// readers is a rule file about who opens secret in a directory.
const readers = `
- rule: Secret opened
  desc: one file, by its path
  condition: evt.type in (open, openat, openat2, creat) and fd.num >= 0 and fd.name = %[1]s/secret
  output: opened %%fd.name
  priority: NOTICE
- rule: Secret not opened
  desc: one file that is not there
  condition: evt.type in (open, openat, openat2, creat) and fd.num = -1 and fd.name = %[1]s/none
  output: not opened %%fd.name
  priority: NOTICE
`

// A path is compared as it was written and as the kernel found it; what cannot be compared in the kernel is compared afterwards.
func TestDetectLocalViews(t *testing.T) {
	d := secretDirectory(t)
	for name, test := range map[string]struct {
		script string
		want   []string // rule and view
		exact  []string // with --falco-exact
	}{
		"as it is":         {`: < secret`, []string{"Secret opened"}, []string{"Secret opened"}},
		"absolute":         {`: < $D/secret`, []string{"Secret opened"}, []string{"Secret opened"}},
		"detour":           {`: < $D/sub/../secret; : < $D//./secret`, []string{"Secret opened", "Secret opened"}, []string{"Secret opened", "Secret opened"}},
		"another folder":   {`cd sub; : < ../secret`, []string{"Secret opened"}, []string{"Secret opened"}},
		"symbolic link":    {`: < link; : < $D/link`, []string{"Secret opened resolved", "Secret opened resolved"}, nil},
		"linked folder":    {`: < $D/folder/secret`, []string{"Secret opened resolved"}, nil},
		"not there":        {`(: < $D/none) || :; (: < none) || :`, []string{"Secret not opened", "Secret not opened"}, []string{"Secret not opened", "Secret not opened"}},
		"something else":   {`: < $D/secrets; : < sub/secret`, nil, nil},
		"a copy of a link": {`cp -P link sub/link2; : < sub/link2`, []string{"Secret opened resolved"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			script := "D=" + d + "; cd $D; " + test.script
			if got := detected(t, d, script); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := detected(t, d, script, "--falco-exact"); !slices.Equal(got, test.exact) {
				t.Errorf("exact: got %q, want %q", got, test.exact)
			}
		})
	}
}

// What the kernel can decide does not leave it.
func TestDetectLocalVolume(t *testing.T) {
	d := secretDirectory(t)
	const opens = 20_000
	events, out := detections(t, d, fmt.Sprintf(`i=0; while [ $i -lt %d ]; do : < /etc/hostname; i=$((i + 1)); done; : < %s/secret`, opens, d))
	if len(events) != 1 {
		t.Errorf("%d detections", len(events))
	}
	// The shell, its end, the file that it opened, and what its loader opens by a relative path or before the name is in memory.
	if left := sum(t, out, `"shown":`) + sum(t, out, `"filtered":`); left > opens/1000 {
		t.Errorf("%d events left the kernel", left)
	}
}

// sum of a count in the summary, which is the last line.
func sum(t *testing.T, out, field string) (n int) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	_, rest, found := strings.Cut(lines[len(lines)-1], field)
	if _, err := fmt.Sscan(rest[:strings.IndexAny(rest+",", ",}")], &n); !found || err != nil {
		t.Fatalf("no %s in %s: %v", field, lines[len(lines)-1], err)
	}
	return n
}

// secretDirectory has what the tests open.
func secretDirectory(t *testing.T) string {
	t.Helper()
	d, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"secret", "secrets", "sub/secret"} {
		if err := os.WriteFile(filepath.Join(d, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"link": filepath.Join(d, "secret"), "folder": d} {
		if err := os.Symlink(target, filepath.Join(d, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(d, "rules.yaml"), fmt.Appendf(nil, readers, d), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// detected are rules and views in the order of the events.
func detected(t *testing.T, directory, script string, flags ...string) (found []string) {
	t.Helper()
	all, _ := detections(t, directory, script, flags...)
	for _, d := range all {
		found = append(found, strings.TrimSpace(d.Rule+" "+d.View))
	}
	return found
}

// detections of the rules of a directory at a script.
func detections(t *testing.T, directory, script string, flags ...string) (found []event.Detection, stdout string) {
	t.Helper()
	args := slices.Concat([]string{"detect", "--rules", filepath.Join(directory, "rules.yaml"), "--local", "--strict", "-o", "json", "--session-log", "-"}, flags, []string{"--", "/bin/sh", "-c", script})
	code, stdout, stderr := runPlugin(t, built, args...)
	if code != exit.OK {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	for _, e := range readEvents(t, stdout) {
		found = append(found, e.Detections...)
	}
	return found, stdout
}
