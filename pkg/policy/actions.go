// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// actionRow is one row of the vocabulary of matchActions[].action.
type actionRow struct {
	kind ActionKind
	name string
	// enforces: it changes what a process does; armed only when the user asks for enforcement.
	enforces bool
	// hooks that can have it; why says to users of others what to do instead.
	hooks HookKind
	why   string
	// atReturn: it can be a matchReturnAction.
	atReturn bool
	// needs and takes are the parameters that it must have and those that it may have; atProgram those that it may have
	// besides where the hook is a uprobe.
	needs, takes, atProgram []string
	// oneOf takes is needed.
	oneOf bool
}

// actionRows in the order of the kinds.
var actionRows = []actionRow{
	{kind: Post, name: "Post", hooks: anyHook, atReturn: true,
		takes: []string{"rateLimit", "rateLimitScope", "kernelStackTrace", "userStackTrace", "imaHash"}},
	{kind: FollowFD, name: "FollowFD", hooks: function, why: "it follows what a function installs", needs: []string{"argFd", "argName"}},
	{kind: Sigkill, name: "Sigkill", enforces: true, hooks: anyHook, atReturn: true, takes: []string{"argError"}},
	{kind: UnfollowFD, name: "UnfollowFD", hooks: function, why: "it ends what FollowFD began", needs: []string{"argFd"}, takes: []string{"argName"}},
	{kind: Override, name: "Override", enforces: true, hooks: function | LSM | Uprobe, why: "it cannot change what is done there; NotifyEnforcer with spec.enforcers can",
		takes: []string{"argError"}, atProgram: []string{"argRegs", "argNewSymbol", "argNewAddr", "argNewOffset"}, oneOf: true},
	{kind: CopyFD, name: "CopyFD", hooks: function, why: "it continues what FollowFD began", needs: []string{"argFd", "argName"}},
	{kind: GetURL, name: "GetUrl", hooks: anyHook, atReturn: true, needs: []string{"argUrl"}},
	{kind: DNSLookup, name: "DnsLookup", hooks: anyHook, atReturn: true, needs: []string{"argFqdn"}},
	{kind: NoPost, name: "NoPost", hooks: anyHook, atReturn: true},
	{kind: Signal, name: "Signal", enforces: true, hooks: anyHook, atReturn: true, needs: []string{"argSig"}, takes: []string{"argError"}},
	{kind: TrackSock, name: "TrackSock", hooks: inKernel, why: "it knows no sockets", atReturn: true, takes: []string{"argSock"}},
	{kind: UntrackSock, name: "UntrackSock", hooks: inKernel, why: "it knows no sockets", atReturn: true, takes: []string{"argSock"}},
	{kind: NotifyEnforcer, name: "NotifyEnforcer", enforces: true, hooks: inKernel, why: "its note is for functions of the kernel",
		takes: []string{"argError", "argSig"}, oneOf: true},
	{kind: CleanupEnforcerNotification, name: "CleanupEnforcerNotification", hooks: inKernel, why: "its note is for functions of the kernel", atReturn: true},
	{kind: Set, name: "Set", enforces: true, hooks: USDT, why: "only the arguments of a usdt have a place in the program's memory", takes: []string{"argIndex", "argValue"}},
}

// optional are the parameters that the action may have at a hook; of a macro, whose hooks are not known, all.
func (row *actionRow) optional(hook *Hook) []string {
	if hook == nil || hook.Kind == Uprobe {
		return slices.Concat(row.takes, row.atProgram)
	}
	return row.takes
}

func (k ActionKind) row() *actionRow { return &actionRows[k] }

// Enforces says whether the action changes what a process does.
func (k ActionKind) Enforces() bool { return k.row().enforces }

func lookupAction(name string) *actionRow {
	for i := range actionRows {
		if strings.EqualFold(actionRows[i].name, name) {
			return &actionRows[i]
		}
	}
	return nil
}

func actionNames() (names []string) {
	for _, row := range actionRows {
		names = append(names, row.name)
	}
	return names
}

// Enforces says whether the selector has an action that changes what processes do.
func (s *Selector) Enforces() bool {
	enforces := func(a Action) bool { return a.Kind.Enforces() }
	return slices.ContainsFunc(s.Actions, enforces) || slices.ContainsFunc(s.ReturnActions, enforces)
}
