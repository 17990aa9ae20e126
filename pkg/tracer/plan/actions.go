// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// actionBits by the kind of action; what has none is done elsewhere (GetUrl, DnsLookup) or needs nothing to be done: files
// are found by their descriptors without being followed.
var actionBits = map[policy.ActionKind]bpf.HookHookActions{
	policy.Sigkill:                     bpf.HookHookActionsACTION_KILL,
	policy.Signal:                      bpf.HookHookActionsACTION_SIGNAL,
	policy.Override:                    bpf.HookHookActionsACTION_OVERRIDE,
	policy.NotifyEnforcer:              bpf.HookHookActionsACTION_NOTIFY_ENFORCER,
	policy.CleanupEnforcerNotification: bpf.HookHookActionsACTION_CLEAN_UP_NOTIFICATION,
	policy.TrackSock:                   bpf.HookHookActionsACTION_TRACK_SOCK,
	policy.UntrackSock:                 bpf.HookHookActionsACTION_UNTRACK_SOCK,
	policy.Set:                         bpf.HookHookActionsACTION_SET,
}

// actions compiles those of a selector.
func (c *compiler) actions(s *policy.Selector) (bpf.HookHookSelector, error) {
	var out bpf.HookHookSelector
	entry, err := c.actionList(s.Actions, &out)
	if err != nil {
		return out, err
	}
	returned, err := c.actionList(s.ReturnActions, &out)
	if err != nil {
		return out, err
	}
	out.Actions, out.ReturnActions = uint16(entry), uint16(returned)
	if entry&bpf.HookHookActionsACTION_POST == 0 {
		out.ReturnActions &^= uint16(bpf.HookHookActionsACTION_POST)
	}
	return out, nil
}

// actionList compiles a list; it is posted unless the list says otherwise.
func (c *compiler) actionList(list []policy.Action, out *bpf.HookHookSelector) (bits bpf.HookHookActions, err error) {
	bits = bpf.HookHookActionsACTION_POST
	for _, a := range list {
		bits |= actionBits[a.Kind]
		switch a.Kind {
		case policy.NoPost:
			bits &^= bpf.HookHookActionsACTION_POST
		case policy.Post:
			c.post(a, &bits, out)
		case policy.Override, policy.NotifyEnforcer:
			if len(a.Registers) > 0 || a.NewSymbol != "" || a.NewAddress+a.NewOffset != 0 {
				return bits, fmt.Errorf("%s: Override of registers and addresses: the kernel programs cannot do it", a.Position)
			}
			out.Error = errorNumber(a.Error)
			out.Signal = max(out.Signal, a.Signal)
		case policy.Signal:
			out.Signal = a.Signal
		case policy.TrackSock, policy.UntrackSock:
			out.Place = uint8(max(a.Sock, 0))
		case policy.Set:
			out.Place, out.Value = uint8(a.Index), a.Value
		}
	}
	if bits&bpf.HookHookActionsACTION_KILL != 0 && out.Error == 0 {
		out.Error = -int32(unix.EPERM) // where the hook can deny it does, so that nothing happens before death
	}
	return bits, nil
}

// errorNumber is what a function is made to return: policies write it with either sign.
func errorNumber(n int32) int32 {
	if n > 0 {
		return -n
	}
	return n
}

// longestRateLimit in ns: a century.
const longestRateLimit = math.MaxInt64 / 3

func (c *compiler) post(a policy.Action, bits *bpf.HookHookActions, out *bpf.HookHookSelector) {
	if a.KernelStackTrace {
		*bits |= bpf.HookHookActionsACTION_KERNEL_STACK
	}
	if a.UserStackTrace {
		*bits |= bpf.HookHookActionsACTION_USER_STACK
	}
	if a.RateLimit > 0 {
		out.RateInterval = uint64(min(a.RateLimit.Nanoseconds(), longestRateLimit))
		out.RateScope = uint8(a.RateLimitScope)
		c.def.RateLimited = true
	}
	if a.IMA {
		c.notes = append(c.notes, "imaHash: the hash is not read")
	}
}
