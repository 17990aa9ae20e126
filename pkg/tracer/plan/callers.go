// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/symbol"
)

// calledBy is a value when one of some functions called, and else 0. Where the kernel does not show where they are, it is
// always 0, and what is not seen then is said.
func calledBy(value uint32, functions []string, unseen string) seen {
	return func(n *Node, _ *equal) (source, error) {
		places, err := n.Places(functions...)
		switch {
		case err != nil:
		case len(places) == 0:
			err = fmt.Errorf("the kernel has none of %s", strings.Join(functions, ", "))
		case 2*len(places) > hook.MaxWalk:
			err = fmt.Errorf("the kernel has %d functions of these names, %d at most can be told apart: %s", len(places), hook.MaxWalk/2, strings.Join(functions, ", "))
		default:
			var from source
			if from, err = callers(value, places); err == nil {
				return from, nil
			}
		}
		from := constant(0)
		from.note = fmt.Sprintf("%s: %v", unseen, err)
		return from, nil //nolint:nilerr // the note has it
	}
}

func callers(value uint32, places []symbol.Place) (source, error) {
	base := slices.MinFunc(places, func(a, b symbol.Place) int { return cmp.Compare(a.Address, b.Address) }).Address
	from := source{HookHookArgument: bpf.HookHookArgument{
		Source: uint8(bpf.HookValueSourceFROM_CALLERS), Offset: value, Constant: base, Scale: uint32(2 * len(places)),
	}}
	for i, place := range places {
		distance := place.Address - base
		if distance > math.MaxUint32 || place.Size > math.MaxUint32 {
			return source{}, fmt.Errorf("functions of the kernel are too far from each other")
		}
		from.Walk[2*i], from.Walk[2*i+1] = uint32(distance), uint32(place.Size)
	}
	return from, nil
}
