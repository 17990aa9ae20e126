// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/advise"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

// These tests watch this machine's kernel and need root.

// answers runs a script under caps and returns "program CAPABILITY return value" of each event.
func answers(t *testing.T, script string, flags ...string) (all []string) {
	t.Helper()
	args := slices.Concat([]string{"caps", "--local", "-o", "json", "--session-log", "-"}, flags, []string{"--", "/bin/sh", "-c", script})
	_, out, errOut := runPlugin(t, built, args...)
	hello := false
	for _, e := range readEvents(t, out) {
		hello = hello || e.Hello != nil
		k := e.ProcessKprobe
		if k == nil {
			continue
		}
		if k.FunctionName != compose.CapabilityFunction || k.PolicyName != compose.CapabilityPolicy || len(k.Args) != 3 || len(k.Data) != 2 {
			t.Fatalf("event %+v", k)
		}
		all = append(all, fmt.Sprintf("%s %s %d", filepath.Base(k.Process.Binary), k.Args[1].CapabilityArg.Name, *k.Return.IntArg))
	}
	if !hello {
		t.Fatalf("no hello; stderr:\n%s", errOut)
	}
	return all
}

// without is setpriv, which runs a program that can't have capabilities.
func without(capabilities ...string) string {
	return "setpriv --bounding-set=-" + strings.Join(capabilities, ",-") + " "
}

func TestCapsLocal(t *testing.T) {
	const (
		granted = "chroot CAP_SYS_CHROOT 0"
		denied  = "chroot CAP_SYS_CHROOT -1"
	)
	both := "chroot / true; " + without("sys_chroot") + "chroot / true; true"
	for name, test := range map[string]struct {
		script string
		flags  []string
		want   []string
	}{
		"both":                  {both, []string{"--cap", "sys_chroot"}, []string{granted, denied}},
		"denied":                {both, []string{"--cap", "SYS_CHROOT", "--denied"}, []string{denied}},
		"granted":               {both, []string{"--cap", "CAP_SYS_CHROOT", "--granted"}, []string{granted}},
		"of another capability": {both, []string{"--cap", "SYS_BOOT", "--cap", "syslog"}, nil},
		// what seed 003 has; setting the level is asked for whatever dmesg_restrict says
		"syslog": {without("syslog", "sys_admin") + "dmesg --console-level 4; true", []string{"--cap", "syslog"}, []string{"dmesg CAP_SYSLOG -1"}},
		"two":    {without("kill") + "chroot / true; " + without("sys_chroot") + "chroot / true", []string{"--cap", "sys_chroot", "--cap", "kill"}, []string{granted, denied}},
		// three times by one process, whose limit was lowered before
		"repeats":       {raises, []string{"--cap", "sys_resource"}, []string{"sh CAP_SYS_RESOURCE -1"}},
		"every":         {raises, []string{"--cap", "sys_resource", "--every"}, slices.Repeat([]string{"sh CAP_SYS_RESOURCE -1"}, 3)},
		"every granted": {raises, []string{"--cap", "sys_resource", "--every", "--granted"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := answers(t, test.script, test.flags...); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

const raises = `exec setpriv --bounding-set=-sys_resource /bin/sh -c "ulimit -H -c 0; for i in 1 2 3; do ulimit -H -c 1; done 2>/dev/null; true"`

// A process that gives its capabilities away is told of again: the answer is another.
func TestCapsAfterAChange(t *testing.T) {
	script := `exec setpriv --bounding-set=-kill sh -c "chroot / sh -c 'exec setpriv --bounding-set=-sys_chroot chroot / true'"`
	got := answers(t, script, "--cap", "sys_chroot")
	if want := []string{"chroot CAP_SYS_CHROOT 0", "chroot CAP_SYS_CHROOT -1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// overlay mounts one whose only file belongs to nobody, and is in the lower directory.
func overlay(t *testing.T) (merged, upper string) {
	t.Helper()
	root := t.TempDir()
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(root, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(root, "lower", "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	if err := os.Chown(file, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	merged = filepath.Join(root, "merged")
	if err := unix.Mount("overlay", merged, "overlay", 0, fmt.Sprintf("lowerdir=%s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", root)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(merged, 0); err != nil {
			t.Error(err)
		}
	})
	return merged, filepath.Join(root, "upper", "file")
}

// What an overlay file system does with its mounter's rights is no right of who writes there.
func TestCapsOfTheMounter(t *testing.T) {
	for name, flags := range map[string][]string{"hidden": nil, "all checks": {"--all-checks"}} {
		t.Run(name, func(t *testing.T) {
			merged, upper := overlay(t)
			script := "cd " + merged + "; exec setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'echo more >> file'"
			got := answers(t, script, append(flags, "--granted", "--cap", "chown", "--cap", "fowner", "--cap", "sys_admin")...)
			if text, err := os.ReadFile(upper); err != nil || string(text) != "textmore\n" {
				t.Fatalf("the file was not copied up: %q, %v", text, err)
			}
			if told := slices.Contains(got, "sh CAP_CHOWN 0"); told != (flags != nil) {
				t.Errorf("what the mounter may is told of: %t: %q", told, got)
			}
		})
	}
}

func TestCapsAdvise(t *testing.T) {
	script := "chroot / true; " + without("syslog", "sys_admin") + "dmesg --console-level 4; unshare --user --map-root-user chroot / true; true"
	for _, format := range []string{"", "json", "yaml"} {
		t.Run("format "+format, func(t *testing.T) {
			args := []string{"caps", "--advise", "--local"}
			if format != "" {
				args = append(args, "-o", format)
			}
			code, out, errOut := runPlugin(t, built, append(args, "--", "/bin/sh", "-c", script)...)
			if code != exit.OK {
				t.Fatalf("exit code %d; stderr:\n%s", code, errOut)
			}
			checkAdvice(t, format, out)
		})
	}
}

func checkAdvice(t *testing.T, format, out string) {
	t.Helper()
	switch format {
	case "":
		for _, want := range []string{"used     SYS_CHROOT         /usr/sbin/chroot (uid 0)\n", "denied   SYSLOG             /usr/bin/dmesg (uid 0)\n", "    - SYS_CHROOT\n", "    drop:\n    - ALL\n"} {
			if !strings.Contains(out, want) {
				t.Errorf("advice lacks %q:\n%s", want, out)
			}
		}
		if strings.Contains(out, "INCOMPLETE") {
			t.Errorf("something is missing:\n%s", out)
		}
	case "yaml":
		if !strings.Contains(out, "\n        add:\n") || !strings.Contains(out, "        - SYS_CHROOT\n") {
			t.Errorf("advice:\n%s", out)
		}
	case "json":
		var a advise.Advice
		if err := json.Unmarshal([]byte(out), &a); err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		if !a.Complete || len(a.Nodes) != 1 || len(a.Workloads) != 1 || len(a.Workloads[0].Containers) != 1 {
			t.Fatalf("advice:\n%s", out)
		}
		c := a.Workloads[0].Containers[0]
		if slices.Contains(c.SecurityContext.Capabilities.Add, "SYSLOG") || !slices.Contains(c.SecurityContext.Capabilities.Add, "SYS_CHROOT") {
			t.Errorf("advice:\n%s", out)
		}
	}
}

// The kernel asks for CAP_SYS_ADMIN at each mmap and fork, only to know it: that is not told.
func TestCapsAudited(t *testing.T) {
	if got, want := answers(t, "unshare --mount true", "--cap", "sys_admin"), []string{"unshare CAP_SYS_ADMIN 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := answers(t, "unshare --mount true", "--cap", "sys_admin", "--all-checks", "--every"); len(got) < 10 {
		t.Errorf("all checks are %q", got)
	}
}
