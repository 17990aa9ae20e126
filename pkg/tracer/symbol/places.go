// SPDX-License-Identifier: Apache-2.0

package symbol

import (
	"slices"
)

// Place is where a function is: its address and how many bytes there are to the next.
type Place struct{ Address, Size uint64 }

// Places are those of the kernel's functions of these names: none for a name that it has not, several for one that it has
// several times. The error wraps ErrHidden when the kernel does not show them.
func Places(names ...string) ([]Place, error) {
	t, err := readKallsyms(kallsyms)
	if err != nil {
		return nil, err
	}
	return t.places(names), nil
}

func (t *table) places(names []string) (places []Place) {
	for i := range t.functions {
		f := &t.functions[i]
		if !slices.Contains(names, string(t.names[f.name:f.name+uint32(f.length)])) {
			continue
		}
		size := f.size
		if size == unknownSize {
			size = longestKernelFunction
			if i+1 < len(t.functions) {
				size = min(size, t.functions[i+1].address-f.address)
			}
		}
		places = append(places, Place{f.address, size})
	}
	return places
}
