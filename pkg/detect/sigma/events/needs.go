// SPDX-License-Identifier: Apache-2.0

package events

import (
	"net/netip"
	"reflect"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// Needs are what events a rule needs of a session. Exec events are always told.
type Needs struct {
	// Exec: the rule looks at programs that begin.
	Exec bool
	// Files and Network: one of each list is enough for an event to be needed.
	Files   []FileNeeds
	Network []NetworkNeeds
	// Syscalls are names of system calls, as audit rules name them.
	Syscalls []string
}

// FileNeeds are about events of files: all that it says must hold.
type FileNeeds struct {
	// Operations, of which it is one, see Hooks.
	Operations []Operation
	// OpenFlags are bits of which an open has at least one; 0: any open.
	OpenFlags uint32
	// Paths of which one matches each path that the rule matches; nil: any path may. Where one HasLetters, the kernel can compare
	// it only if it disregards case. Operator is Equals, StartsWith or EndsWith.
	Paths []sigma.Comparison
}

// NetworkNeeds are about connections: all that it says must hold.
type NetworkNeeds struct {
	// Operations: OpConnect, OpAccept.
	Operations []Operation
	// Ports of the destination, of which one is needed; nil: any.
	Ports []uint16
	// NotAddresses are ranges of the destination that the rule never matches; Addresses are those of which one is needed, nil: any.
	NotAddresses, Addresses []netip.Prefix
}

// fileCreations are the operations that file_event is about.
var fileCreations = []Operation{OpOpen, OpCreate, OpRename, OpLink, OpSymlink}

// needsOf is what a rule of one of the three categories needs.
func needsOf(rule *sigma.Rule) Needs {
	switch rule.Source.Category {
	case sigma.FileEvent:
		return Needs{Files: []FileNeeds{{slices.Clone(fileCreations), CreationFlags, pushable(rule, "TargetFilename")}}}
	case sigma.NetworkConnection:
		return Needs{Network: []NetworkNeeds{networkNeeds(rule)}}
	}
	return Needs{Exec: true}
}

// pushable are the comparisons of a path that a kernel can make; nil where they don't cover what the rule matches.
func pushable(rule *sigma.Rule, field string) []sigma.Comparison {
	comparisons, ok := rule.Requires(field)
	if !ok || slices.ContainsFunc(comparisons, func(c sigma.Comparison) bool { return c.Operator == sigma.Contains }) {
		return nil
	}
	return comparisons
}

// only is a record of which the named fields are known, and all others may be anything.
type only map[string]string

// Values implements sigma.Record.
func (o only) Values(name string) sigma.Values {
	if value, ok := o[name]; ok {
		return sigma.Values{Texts: []string{value}}
	}
	return unknown
}

func networkNeeds(rule *sigma.Rule) (n NetworkNeeds) {
	for _, direction := range []struct {
		operation Operation
		initiated string
	}{{OpConnect, "true"}, {OpAccept, "false"}} {
		if rule.Needs(only{"Initiated": direction.initiated}) {
			n.Operations = append(n.Operations, direction.operation)
		}
	}
	if ports, ok := rule.Requires("DestinationPort"); ok {
		n.Ports = allOf(ports, portOf)
	}
	if addresses, ok := rule.Requires("DestinationIp"); ok {
		n.Addresses = allOf(addresses, prefixOf)
	}
	for _, excluded := range rule.Excludes("DestinationIp") {
		if prefix, ok := prefixOf(excluded); ok {
			n.NotAddresses = append(n.NotAddresses, prefix)
		}
	}
	return n
}

// allOf is what convert makes of each comparison, nil if it cannot of one.
func allOf[T any](comparisons []sigma.Comparison, convert func(sigma.Comparison) (T, bool)) (all []T) {
	for _, c := range comparisons {
		value, ok := convert(c)
		if !ok {
			return nil
		}
		all = append(all, value)
	}
	return all
}

func portOf(c sigma.Comparison) (uint16, bool) {
	end, err := netip.ParseAddrPort("0.0.0.0:" + c.Text)
	return end.Port(), err == nil && c.Operator == sigma.Equals
}

// prefixOf is the range of addresses that a comparison is.
func prefixOf(c sigma.Comparison) (netip.Prefix, bool) {
	if c.Operator == sigma.InNetwork {
		return c.Network, true
	}
	address, err := netip.ParseAddr(c.Text)
	if err != nil || c.Operator != sigma.Equals {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(address, address.BitLen()), true
}

// add puts what others need beside it, each once.
func (n *Needs) add(more Needs) {
	n.Exec = n.Exec || more.Exec
	n.Syscalls = with(n.Syscalls, more.Syscalls)
	n.Files = with(n.Files, more.Files)
	n.Network = with(n.Network, more.Network)
}

func with[T any](all, more []T) []T {
	for _, value := range more {
		if !slices.ContainsFunc(all, func(other T) bool { return reflect.DeepEqual(other, value) }) {
			all = append(all, value)
		}
	}
	return all
}
