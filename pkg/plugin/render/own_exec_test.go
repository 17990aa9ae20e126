// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// execFails is an exec that a shell tries in vain.
func execFails(returned int32, args ...event.Argument) *event.Event {
	e := kprobe("__x64_sys_execve", args...)
	e.NodeName = "n"
	e.ProcessKprobe.Process = &event.Process{ExecID: "c2hlbGw=", Pid: new(uint32(7)), Binary: "/bin/sh"}
	e.ProcessKprobe.Return = &event.Argument{IntArg: new(returned)}
	return e
}

func asString(s string) event.Argument { return event.Argument{StringArg: &s} }

func TestFailedExecs(t *testing.T) {
	const enoent, eperm = -2, -1
	search := []*event.Event{
		execFails(enoent, asString("/usr/local/bin/nmap")), execFails(enoent, asString("/usr/bin/nmap")), execFails(eperm, asString("/bin/nmap")),
	}
	for _, test := range []struct {
		name   string
		o      Options
		events []*event.Event
		want   []string
	}{
		{"one", Options{OwnWords: true}, search[:1], []string{"🚫 exec-failed n /bin/sh /usr/local/bin/nmap ENOENT"}},
		{"a search", Options{OwnWords: true}, search, []string{"🚫 exec-failed n /bin/sh nmap 2× ENOENT", "🚫 exec-failed n /bin/sh /bin/nmap EPERM"}},
		{"each", Options{OwnWords: true, Every: true}, search[:2], []string{"🚫 exec-failed n /bin/sh /usr/local/bin/nmap ENOENT", "🚫 exec-failed n /bin/sh /usr/bin/nmap ENOENT"}},
		{"as Tetragon", Options{}, search[:1], []string{"❓ syscall n /bin/sh __x64_sys_execve"}},
		{"hostile", Options{OwnWords: true}, []*event.Event{execFails(-8, asString("/tmp/a b\x1b[2J\u202e"))}, []string{`🚫 exec-failed n /bin/sh "/tmp/a b\x1b[2J\u202e" ENOEXEC`}},
		{"a descriptor", Options{OwnWords: true}, []*event.Event{execFails(-8, event.Argument{IntArg: new(int32(5))}, asString(""))}, []string{"🚫 exec-failed n /bin/sh descriptor 5 ENOEXEC"}},
		{"not read", Options{OwnWords: true}, []*event.Event{execFails(-14, event.Argument{ErrorArg: &event.ErrorArg{Message: "Bad address"}})}, []string{"🚫 exec-failed n /bin/sh ? EFAULT"}},
		{"succeeds", Options{OwnWords: true}, []*event.Event{execFails(0, asString("/bin/ls"))}, []string{"🚀 execve  n /bin/sh /bin/ls"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			test.o.Format, test.o.Out = "compact", pipe
			item := observed()
			r, err := New(&out, test.o)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range test.events {
				if err := r.Take(item(e)); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"); !slices.Equal(got, test.want) {
				t.Errorf("%s: got\n%s\nwant\n%s", test.name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}
