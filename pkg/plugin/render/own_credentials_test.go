// SPDX-License-Identifier: Apache-2.0

package render

import (
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// credentials of one user id and one group id, and one set of capabilities.
func credentials(uid, euid, gid uint32, capabilities ...string) *event.ProcessCredentials {
	return &event.ProcessCredentials{
		Uid: &uid, Euid: &euid, Suid: &euid, Fsuid: &euid, Gid: &gid, Egid: &gid, Sgid: &gid, Fsgid: &gid,
		Caps: &event.Capabilities{Permitted: capabilities, Effective: capabilities}, UserNs: &event.UserNamespace{Level: new(int32(0))},
	}
}

func TestChangesOfCredentials(t *testing.T) {
	user, root := credentials(1001, 1001, 1002), credentials(0, 0, 0, "CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SYS_ADMIN", "CAP_BPF")
	nested := credentials(1001, 1001, 1002, "CAP_CHOWN")
	nested.UserNs.Level = new(int32(1))
	limited := credentials(1001, 1001, 1002)
	limited.Caps.Permitted = []string{"CAP_CHOWN", "CAP_KILL"}
	other := credentials(1001, 1001, 1002)
	other.Fsuid, other.Securebits = new(uint32(7)), []string{"SecBitKeepCaps"}
	other.Caps.Inheritable = []string{"CAP_KILL"}
	for _, test := range []struct {
		before, after *event.ProcessCredentials
		rises         bool
		want          string
	}{
		{user, credentials(1001, 0, 1002, "CAP_CHOWN"), true, "🔑 creds euid,suid 1001 -> 0 +CAP_CHOWN"},
		{credentials(1001, 0, 1002), credentials(1002, 1002, 1002), false, "🔑 creds uid 1001 -> 1002 euid,suid 0 -> 1002"},
		{user, root, true, "🔑 creds uid,euid,suid 1001 -> 0 gid,egid,sgid 1002 -> 0 +CAP_SYS_ADMIN,CAP_SETUID,CAP_CHOWN and 2 more"},
		{root, user, false, "🔑 creds uid,euid,suid 0 -> 1001 gid,egid,sgid 0 -> 1002 -CAP_SYS_ADMIN,CAP_SETUID,CAP_CHOWN and 2 more"},
		{user, nested, true, "🔑 creds user namespace level 0 -> 1 +CAP_CHOWN"},
		{limited, nested, true, "🔑 creds user namespace level 0 -> 1 -CAP_KILL effective +CAP_CHOWN"},
		{nested, func() *event.ProcessCredentials {
			c := *limited
			c.UserNs = nested.UserNs
			c.Caps = &event.Capabilities{Permitted: []string{"CAP_CHOWN"}}
			return &c
		}(), false, "🔑 creds effective -CAP_CHOWN"},
		{user, other, false, "🔑 creds fsuid 1001 -> 7 inheritable +CAP_KILL securebits +SecBitKeepCaps"},
		{user, user, false, "🔑 creds unchanged, uid 1001, gid 1002, euid 1001, egid 1002, 0 capabilities"},
		{nil, user, false, "🔑 creds uid 1001, gid 1002, euid 1001, egid 1002, 0 capabilities (before: not known)"},
	} {
		e := kprobe("commit_creds", event.Argument{ProcessCredentialsArg: test.after})
		e.Credentials = &event.CredentialsChange{Before: test.before, Rises: test.rises}
		if got := shownDetails(e); got != test.want {
			t.Errorf("%s\nwant %s", got, test.want)
		}
		if alarm := rowOf(e, ownLook).tone == toneAlarm; alarm != test.rises {
			t.Errorf("%s: stands out: %t", test.want, alarm)
		}
		if r := rowOf(e, tetragonsLook); r.word != "syscall" || r.tone != toneEvent {
			t.Error("the compact line is not Tetragon's")
		}
	}
}
