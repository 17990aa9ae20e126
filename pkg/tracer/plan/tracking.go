// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// tracks says whether a policy has sockets tracked: then all its hooks on sockets are attributed to whose they are.
func tracks(p *policy.Policy) bool {
	return slices.ContainsFunc(p.Hooks, func(h policy.Hook) bool { return h.ReturnArgAction != nil || tracksArgument(&h) })
}

// tracksArgument says whether who calls the hook becomes the owner of a socket that it is given.
func tracksArgument(h *policy.Hook) bool {
	for _, s := range h.Selectors {
		if slices.ContainsFunc(append(slices.Clone(s.Actions), s.ReturnActions...), func(a policy.Action) bool { return a.Kind == policy.TrackSock }) {
			return true
		}
	}
	return false
}

// track has the kernel side look for the owner of the socket that a hook is about, and note that of one it returns.
func (c *compiler) track(p *policy.Policy) {
	if !tracks(p) {
		return
	}
	flags := &c.def.Config.Flags
	place := slices.IndexFunc(c.places, func(p Place) bool {
		return p.Role == Argument && p.Type.Class&(policy.ClassSocket|policy.ClassPacket) != 0
	})
	// Where the caller becomes the owner it is no other's call: what is known of the address may be of a socket that is gone.
	if place >= 0 && !tracksArgument(c.hook) {
		*flags |= uint32(bpf.HookHookFlagsHOOK_TRACKS_SOCKETS)
		c.def.Config.SockPlace = uint32(place)
	}
	if action := c.hook.ReturnArgAction; action != nil && c.hook.ReturnArg != nil {
		if action.Kind == policy.TrackSock {
			*flags |= uint32(bpf.HookHookFlagsHOOK_TRACKS_RESULT)
		} else {
			*flags |= uint32(bpf.HookHookFlagsHOOK_UNTRACKS_RESULT)
		}
	}
}
