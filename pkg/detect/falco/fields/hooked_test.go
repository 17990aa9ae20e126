// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
)

// hooked is the event of a system call as policies of package hooks have it: with what is told of the thread, and what an open found.
func hooked(name, arguments, returned string) string {
	thread := `{"cap_effective_arg":"0000000000200000","label":"cap_effective"},{"cap_permitted_arg":"0000000000000002","label":"cap_permitted"},` +
		`{"uint_arg":1000,"label":"euid"},{"path_arg":{"path":"/tmp"},"label":"cwd"}`
	return fmt.Sprintf(`{"process_kprobe":{%s,"function_name":"__arm64_sys_%s","args":[%s],"data":[%s],"return":%s},"time":"2026-01-01T00:00:07Z"}`,
		inPod, name, arguments, thread, returned)
}

func TestValuesOfHooks(t *testing.T) {
	const (
		unreadable = `{"error_arg":{"Message":"Bad address for basic type"},"label":"name"}`
		found      = `{"file_arg":{"path":"/etc/shadow","permission":"-rw-r-----"},"label":"resolved"}`
		notFound   = `{"file_arg":{},"label":"resolved"}`
		flags      = `{"int_arg":0,"label":"flags"},{"int_arg":2541,"label":"mode"}`
		folder     = `{"file_arg":{"path":"/srv/data"},"label":"dirfd"},`
		noFolder   = `{"file_arg":{},"label":"dirfd"},`
	)
	relative := hooked("openat", noFolder+`{"string_arg":"shadow","label":"name"},`+flags, found)
	failed := hooked("openat", folder+`{"string_arg":"none","label":"name"},`+flags, notFound)
	lost := hooked("openat", noFolder+unreadable+","+flags, found)
	lostAndFailed := hooked("openat", noFolder+unreadable+","+flags, notFound)
	copied := func(path string) string {
		return hooked("dup2", `{"file_arg":{"path":"`+path+` (deleted)","permission":"srwxrwxrwx"},"label":"resolved"},{"int_arg":4,"label":"oldfd"}`, `{"int_arg":0}`)
	}
	pipe := hooked("dup2", `{"file_arg":{"path":"pipe:","permission":"prw-------"},"label":"resolved"}`, `{"int_arg":0}`)
	toNobody := hooked("sendto", `{"sockaddr_arg":{},"label":"addr"}`, `{"int_arg":1}`)
	for _, test := range []struct{ event, field, want string }{
		{relative, "fd.name", "/tmp/shadow"}, {relative, "resolved fd.name", "/etc/shadow"}, {relative, "evt.arg.name", "/tmp/shadow"},
		{relative, "fd.num", "0"}, {relative, "evt.res", "SUCCESS"}, {relative, "evt.failed", "false"}, {relative, "proc.cwd", "/tmp/"},
		{relative, "evt.arg.mode", "0"}, {relative, "thread.cap_effective", "CAP_SYS_ADMIN"}, {relative, "thread.cap_permitted", "CAP_DAC_OVERRIDE"},
		{relative, "user.uid", "1000"}, {relative, "user.name", "lost"},
		{failed, "fd.name", "/srv/data/none"}, {failed, "resolved fd.name", "/srv/data/none"}, {failed, "fd.num", "-1"}, {failed, "evt.res", "lost"},
		{failed, "evt.failed", "true"}, {failed, "fd.typechar", "f"},
		{lost, "fd.name", "/etc/shadow"}, {lost, "fd.nameraw", "/etc/shadow"}, {lost, "evt.arg.name", "/etc/shadow"},
		{lostAndFailed, "fd.name", "absent"}, {lostAndFailed, "fd.nameraw", "absent"}, {lostAndFailed, "evt.arg.name", "absent"},

		{copied("/TCP"), "fd.type", "ipv4"}, {copied("/UDPv6"), "fd.type", "ipv6"}, {copied("/UNIX-STREAM"), "fd.type", "unix"},
		{copied("/NETLINK"), "fd.type", "other"}, {pipe, "fd.type", "lost"}, {copied("/TCP"), "fd.num", "0"},
		{toNobody, "fd.connected", "true"}, {toNobody, "fd.name_changed", "false"}, {toNobody, "fd.sip", "lost"},

		{hooked("setuid", `{"int_arg":0,"label":"uid"}`, `{"int_arg":0}`), "user.uid", "0"},
		{hooked("setuid", `{"int_arg":0,"label":"uid"}`, `{"int_arg":-1}`), "user.uid", "1000"},
		{hooked("unlinkat", folder+`{"string_arg":"x","label":"name"}`, `{"int_arg":0}`), "fd.name", "/srv/data"},
		{hooked("unlinkat", noFolder+`{"string_arg":"x","label":"name"}`, `{"int_arg":0}`), "fd.name", "absent"},
		{hooked("renameat2", folder+`{"string_arg":"a","label":"oldpath"},{"file_arg":{"path":"/new"},"label":"newdirfd"},{"string_arg":"b","label":"newpath"}`, `{"int_arg":0}`), "evt.arg.oldpath", "/srv/data/a"},
		{hooked("renameat2", folder+`{"string_arg":"a","label":"oldpath"},{"file_arg":{"path":"/new"},"label":"newdirfd"},{"string_arg":"b","label":"newpath"}`, `{"int_arg":0}`), "evt.arg.newpath", "/new/b"},
		// O_DIRECTORY of arm64, which the name of the function tells.
		{hooked("openat", noFolder+`{"string_arg":"/x","label":"name"},{"int_arg":16384,"label":"flags"}`, found), "fd.typechar", "d"},
	} {
		view, name := compare.Lexical, test.field
		if field, resolved := strings.CutPrefix(name, "resolved "); resolved {
			view, name = compare.Resolved, field
		}
		if got := shown(read(t, test.event), name, view); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.field, test.event[len(inPod):], got, test.want)
		}
	}
}
