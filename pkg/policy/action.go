// SPDX-License-Identifier: Apache-2.0

package policy

import "time"

// ActionKind is what an action does.
type ActionKind uint8

// The kinds, in the order of Tetragon's KPROBE_ACTION_*.
const (
	Post ActionKind = iota
	FollowFD
	Sigkill
	UnfollowFD
	Override
	CopyFD
	GetURL
	DNSLookup
	NoPost
	Signal
	TrackSock
	UntrackSock
	NotifyEnforcer
	CleanupEnforcerNotification
	Set
)

// String is the action's name in a policy.
func (k ActionKind) String() string { return k.row().name }

// RateLimitScope is what is counted together by a rate limit.
type RateLimitScope uint8

// The scopes.
const (
	RateLimitThread RateLimitScope = iota
	RateLimitProcess
	RateLimitGlobal
)

// Action with its parameters; those that its kind has not are zero.
type Action struct {
	Position
	Kind ActionKind

	// RateLimit of Post: a repeat within this time is not posted; 0 for no limit.
	RateLimit                             time.Duration
	RateLimitScope                        RateLimitScope
	KernelStackTrace, UserStackTrace, IMA bool

	// Error that Override and NotifyEnforcer make the function fail with, and Sigkill where the hook can deny; a Signal denies
	// nothing, so its error has no effect. 1 to 4095 (MAX_ERRNO), 0 if the action has none, with the sign that the policy
	// writes, which says nothing of errors: functions return them with a minus.
	Error int32
	// Signal number of Signal and NotifyEnforcer; 0 for none.
	Signal uint32
	// Registers, NewSymbol, NewAddress and NewOffset are what Override does to a program.
	Registers             []RegisterAssignment
	NewSymbol             string
	NewAddress, NewOffset uint64

	// FD and Name of FollowFD, UnfollowFD and CopyFD, Sock of TrackSock and UntrackSock, Index of Set: places in the hook's
	// Args; -1 where the policy names none. CopyFD copies from FD to Name.
	FD, Name, Sock, Index int
	// Value that Set writes.
	Value uint32

	// URL of GetURL, Domain of DNSLookup.
	URL, Domain string
}

// RegisterAssignment sets a register when a program's function is entered: to Source + Offset, or with Dereference to the
// memory there; without Source to Offset.
type RegisterAssignment struct {
	Register    Register
	Source      Register
	Offset      int64
	Dereference bool
}
