// SPDX-License-Identifier: Apache-2.0

package event

import "strings"

// Causes of loss, the keys of Totals.Lost and values of Loss.Cause.
const (
	// LostRing: the kernel's ring buffer was full.
	LostRing = "ring"
	// LostEnforcement: the ring that the kernel has for enforcement events was full. What was denied was denied all the same.
	LostEnforcement = "enforcement_ring"
	// LostWaiting: too many calls waited for what they return, which a policy filters by.
	LostWaiting = "waiting"
	// LostNested: a call was made again within itself, and a policy filters by what the outer one returns.
	LostNested = "nested"
	// LostMissed: the kernel did not run a program because it was already running on that CPU.
	LostMissed = "missed"
	// LostBusy: a record found no room to be put together, because too many programs interrupted each other on that CPU.
	LostBusy = "busy"
	// LostScope: a process could not be noted as a descendant of the traced command (map full), so it is not traced.
	LostScope = "scope"
	// LostQueue: the tracer's output was blocked (full disk, slow log) and its queue was full.
	LostQueue = "queue"
	// LostDecode: the tracer could not make sense of a record.
	LostDecode = "decode"
	// LostWire: frames never arrived: the log was rotated away or cut, and fetching them again failed.
	LostWire = "wire"
	// LostDisplay: the terminal or the pipe was too slow for the events.
	LostDisplay = "display"
	// Throttled events are not lost, but where others are listed by cause they stand under this name (Partial.Throttled).
	LostThrottled = "throttled"
)

// Reasons for a tracer's end, the values of Bye.Reason.
const (
	// ByeStopped: asked to (SIGTERM, or a stop message from the plugin).
	ByeStopped = "stopped"
	// ByeAbandoned: standard input ended or was silent for too long: the plugin is gone.
	ByeAbandoned = "abandoned"
	// ByeDeadline: the time that was asked for is over.
	ByeDeadline = "deadline"
	// ByeFinished: the traced command and its descendants ended.
	ByeFinished = "finished"
	// ByeError: something failed; Bye.Error says what.
	ByeError = "error"
)

// Flag is a bit of the words in Process.Flags.
type Flag uint32

// The flags, in the order in which they are written; the vocabulary is Tetragon's.
const (
	FlagExecve Flag = 1 << iota
	FlagProcFS
	FlagTruncatedArguments
	FlagMiss
	FlagErrorFilename
	FlagErrorArguments
	FlagRootCwd
	FlagErrorCwd
	FlagClone
	FlagInInitTree
	FlagUnknown
)

// flagWords in the order of the bits.
var flagWords = [...]string{"execve", "procFS", "truncArgs", "miss", "errorFilename", "errorArgs", "rootcwd", "errorCWD", "clone", "inInitTree", "unknown"}

// String is the blank-separated list of words.
func (f Flag) String() string {
	var words []string
	for i, word := range flagWords {
		if f&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// ParseFlags reads what String wrote; words that it does not know are ignored.
func ParseFlags(s string) Flag {
	var f Flag
	for have := range strings.FieldsSeq(s) {
		for i, word := range flagWords {
			if have == word {
				f |= 1 << i
			}
		}
	}
	return f
}
