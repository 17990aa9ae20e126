// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// userIDs and groupIDs of credentials, in one order.
func userIDs(c *event.ProcessCredentials) []*uint32 {
	return []*uint32{c.Uid, c.Euid, c.Suid, c.Fsuid}
}

func groupIDs(c *event.ProcessCredentials) []*uint32 {
	return []*uint32{c.Gid, c.Egid, c.Sgid, c.Fsgid}
}

// same says whether credentials are equal in all that is told of both.
func same(a, b *event.ProcessCredentials) bool {
	if a == nil || b == nil {
		return a == b
	}
	is := func(x, y *uint32) bool { return x == nil || y == nil || *x == *y }
	return slices.EqualFunc(userIDs(a), userIDs(b), is) && slices.EqualFunc(groupIDs(a), groupIDs(b), is) &&
		slices.Equal(a.Securebits, b.Securebits) && sameSets(a.Caps, b.Caps) && sameNamespace(a.UserNs, b.UserNs)
}

func sameSets(a, b *event.Capabilities) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(a.Permitted, b.Permitted) && slices.Equal(a.Effective, b.Effective) && slices.Equal(a.Inheritable, b.Inheritable)
}

func sameNamespace(a, b *event.UserNamespace) bool {
	switch {
	case a == nil || b == nil:
		return true
	case a.Ns != nil && b.Ns != nil && a.Ns.Inum != b.Ns.Inum:
		return false
	}
	return a.Level == nil || b.Level == nil || *a.Level == *b.Level
}

// rises says whether an id became 0, or capabilities were gained.
func rises(before, after *event.ProcessCredentials) bool {
	became := func(x, y []*uint32) bool {
		for i := range x {
			if x[i] != nil && y[i] != nil && *x[i] != 0 && *y[i] == 0 {
				return true
			}
		}
		return false
	}
	if became(userIDs(before), userIDs(after)) || became(groupIDs(before), groupIDs(after)) {
		return true
	}
	if after.Caps == nil {
		return false
	}
	var had event.Capabilities
	if before.Caps != nil {
		had = *before.Caps
	}
	return gains(had.Permitted, after.Caps.Permitted) || gains(had.Effective, after.Caps.Effective)
}

func gains(before, after []string) bool {
	return slices.ContainsFunc(after, func(name string) bool { return !slices.Contains(before, name) })
}

// becomes says whether a user id became one of some, or has become it if before is not known.
func becomes(before, after *event.ProcessCredentials, some []uint32) bool {
	for i, id := range userIDs(after) {
		if id == nil || !slices.Contains(some, *id) {
			continue
		}
		if before == nil || userIDs(before)[i] == nil || *userIDs(before)[i] != *id {
			return true
		}
	}
	return false
}
