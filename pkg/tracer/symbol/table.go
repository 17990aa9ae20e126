// SPDX-License-Identifier: Apache-2.0

package symbol

import (
	"cmp"
	"math"
	"slices"
)

// table is functions by address. Names are in one text: a program may have a hundred thousand.
type table struct {
	functions []function
	names     []byte
}

// function from address on, size bytes long; unknownSize if it reaches to the next. Its name is in the text.
type function struct {
	address, size uint64
	name          uint32
	length        uint16
}

const unknownSize = 0

// add takes a name of at most 64 KiB, until the text has 4 GiB.
func (t *table) add(name []byte, address, size uint64) {
	if len(name) > math.MaxUint16 || len(t.names)+len(name) > math.MaxUint32 {
		return
	}
	t.functions = append(t.functions, function{address, size, uint32(len(t.names)), uint16(len(name))})
	t.names = append(t.names, name...)
}

// sort makes the table ready for find. Of several names for an address the one that was added first is found.
func (t *table) sort() {
	slices.SortStableFunc(t.functions, func(a, b function) int { return cmp.Compare(a.address, b.address) })
	t.functions = slices.Clip(slices.CompactFunc(t.functions, func(a, b function) bool { return a.address == b.address }))
	t.names = slices.Clip(t.names)
}

// find is the function that contains an address, and how far it is from its start.
func (t *table) find(address uint64) (name string, offset uint64, ok bool) {
	i, exact := slices.BinarySearchFunc(t.functions, address, func(f function, a uint64) int { return cmp.Compare(f.address, a) })
	if !exact {
		i--
	}
	if i < 0 {
		return "", 0, false
	}
	// A function may have parts with names of their own, behind which it goes on.
	for last := i; i >= 0 && last-i < mostParts; i-- {
		f := t.functions[i]
		if offset = address - f.address; offset < f.size || f.size == unknownSize && i == last {
			return string(t.names[f.name : f.name+uint32(f.length)]), offset, true
		}
	}
	return "", 0, false
}

// mostParts of a function that are skipped.
const mostParts = 8

// bytes of memory that it takes.
func (t *table) bytes() int {
	const each = 24
	return len(t.functions)*each + len(t.names)
}

// call is the address by which a frame is looked up. All but the first are where a call returns to: the instruction after it,
// which is in the next function if the call was the last of its function.
func call(addresses []uint64, i int) uint64 {
	if i == 0 || addresses[i] == 0 {
		return addresses[i]
	}
	return addresses[i] - 1
}
