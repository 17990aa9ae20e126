// SPDX-License-Identifier: Apache-2.0

package advise

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
)

// check is one capability check.
type check struct {
	capability string
	granted    bool
	// namespace is the user namespace in which the capability was asked for, own that of the process when it began.
	namespace, own namespace
	// foreign: it was not about the credentials of the process, but those with which the kernel acted in its place.
	foreign bool
}

// namespace is a user namespace. Level counts from 0, that of the machine; the number 0 is one that is not known.
type namespace struct {
	number uint32
	level  int32
	host   bool
}

// readCheck reads the event of a capability check; nil for another event.
func readCheck(e *event.Event) *check {
	k := e.ProcessKprobe
	if k == nil || k.FunctionName != compose.CapabilityFunction || k.Return == nil || k.Return.IntArg == nil {
		return nil
	}
	c := &check{granted: *k.Return.IntArg == 0, foreign: Foreign(e)}
	for i := range k.Args {
		switch a := &k.Args[i]; {
		case a.CapabilityArg != nil && a.CapabilityArg.Value != nil:
			c.capability = capabilityName(*a.CapabilityArg.Value)
		case a.UserNsArg != nil && a.UserNsArg.Ns != nil:
			c.namespace = namespace{number: a.UserNsArg.Ns.Inum, host: a.UserNsArg.Ns.IsHost}
			if a.UserNsArg.Level != nil {
				c.namespace.level = *a.UserNsArg.Level
			}
		}
	}
	if p := e.Process(); p != nil && p.Ns != nil && p.Ns.User != nil {
		c.own = namespace{number: p.Ns.User.Inum, host: p.Ns.User.IsHost}
	}
	if c.capability == "" {
		return nil
	}
	return c
}

// capabilityName is the name as a pod's security context has it, without CAP_. Events have theirs after Tetragon, with a
// slip in it.
func capabilityName(number int32) string {
	if known := event.CapabilityNames(); 0 <= number && int(number) < len(known) {
		return known[number]
	}
	return fmt.Sprint(number)
}

// Foreign says that a capability check was about other credentials than those of the process, as it is while the kernel does
// in its place what the mount of an overlay file system needs.
func Foreign(e *event.Event) bool {
	k := e.ProcessKprobe
	if k == nil || k.FunctionName != compose.CapabilityFunction || len(k.Data) <= compose.CapabilitiesOwn {
		return false
	}
	asked, own := k.Data[compose.CapabilitiesAsked].CapEffectiveArg, k.Data[compose.CapabilitiesOwn].CapEffectiveArg
	return asked != nil && own != nil && *asked != *own
}
