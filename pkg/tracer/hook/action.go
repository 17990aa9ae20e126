// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// actionBits by kind of action. What has none is done elsewhere (GetUrl, DnsLookup) or needs nothing to be done: files are
// found by their descriptors without being followed.
var actionBits = [...]bpf.HookHookActions{
	policy.Post:                        bpf.HookHookActionsACTION_POST,
	policy.Sigkill:                     bpf.HookHookActionsACTION_KILL,
	policy.Override:                    bpf.HookHookActionsACTION_OVERRIDE,
	policy.Signal:                      bpf.HookHookActionsACTION_SIGNAL,
	policy.TrackSock:                   bpf.HookHookActionsACTION_TRACK_SOCK,
	policy.UntrackSock:                 bpf.HookHookActionsACTION_UNTRACK_SOCK,
	policy.NotifyEnforcer:              bpf.HookHookActionsACTION_NOTIFY_ENFORCER,
	policy.CleanupEnforcerNotification: bpf.HookHookActionsACTION_CLEAN_UP_NOTIFICATION,
	policy.Set:                         bpf.HookHookActionsACTION_SET,
}

// ActionBit is an action as definitions and records of hooks have it; 0 if the kernel has no part in it.
func ActionBit(kind policy.ActionKind) bpf.HookHookActions { return actionBits[kind] }
