// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

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
	if (entry&returned)&bpf.HookHookActionsACTION_POST == 0 && s.Enforces() {
		entry, returned = entry|bpf.HookHookActionsACTION_POST, returned|bpf.HookHookActionsACTION_POST
		c.notes = append(c.notes, "NoPost is not heeded beside actions that enforce: what is enforced is told all the same")
	}
	entry |= c.beginAnew(s)
	out.Actions, out.ReturnActions = uint16(entry), uint16(returned)
	if entry&bpf.HookHookActionsACTION_POST == 0 {
		out.ReturnActions &^= uint16(bpf.HookHookActionsACTION_POST)
	}
	return out, nil
}

// actionList compiles a list; it is posted unless the list says otherwise.
func (c *compiler) actionList(list []policy.Action, out *bpf.HookHookSelector) (bits bpf.HookHookActions, err error) {
	bits = bpf.HookHookActionsACTION_POST
	outside := false
	for _, a := range list {
		outside = outside || a.Kind == policy.GetURL || a.Kind == policy.DNSLookup
		bits |= hook.ActionBit(a.Kind)
		switch a.Kind {
		case policy.NoPost:
			bits &^= bpf.HookHookActionsACTION_POST
		case policy.Post:
			c.post(a, &bits, out)
		case policy.Override, policy.NotifyEnforcer:
			if err := c.registers(a); err != nil {
				return bits, at0(a.Position, err)
			}
			out.Error = c.errorNumber(a.Error)
			out.Signal = max(out.Signal, a.Signal)
		case policy.Sigkill:
			if a.Error != 0 && out.Error == 0 { // that of an Override beside it is the function's
				out.Error = c.errorNumber(a.Error)
			}
		case policy.Signal:
			out.Signal = a.Signal
			if a.Error != 0 {
				c.notes = append(c.notes, "argError of Signal has no effect, a signal denies nothing: for that add Override")
			}
		case policy.TrackSock, policy.UntrackSock:
			if a.Sock < 0 {
				return bits, fmt.Errorf("%s: %s: argSock is missing", a.Position, a.Kind)
			}
			out.Place = uint8(a.Sock)
		case policy.Set:
			if place := c.def.Arguments[a.Index]; place.Source != uint8(bpf.HookValueSourceFROM_USER_MEMORY) {
				return bits, fmt.Errorf("%s: Set: this argument is not in the program's memory", a.Position)
			}
			out.Place, out.Value = uint8(a.Index), a.Value
			if c.armed {
				c.def.Config.Flags |= uint32(bpf.HookHookFlagsHOOK_SETS)
			}
		}
	}
	if outside && bits&bpf.HookHookActionsACTION_POST == 0 {
		bits |= bpf.HookHookActionsACTION_POST
		c.notes = append(c.notes, "NoPost is not heeded beside GetUrl and DnsLookup: who does them has to be told")
	}
	if bits&bpf.HookHookActionsACTION_KILL != 0 && out.Error == 0 {
		out.Error = -int32(unix.EPERM) // where the hook can deny it does, so that nothing happens before death
	}
	return bits, nil
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
	if a.IMA && c.site.entry.Stage != hook.Hashing {
		c.notes = append(c.notes, c.node.noHash(c.site))
	}
}
