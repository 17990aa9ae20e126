// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// What the programs for old kernels have turns for, OLD_… of bpf/hook_match.h: of one filter.
const (
	oldTexts      = 4096
	oldTextBytes  = 8 * (512 + 4)
	oldAddresses  = 256
	oldOperations = 64
)

// fitsOld says why filters cannot be asked on a kernel without loops by a helper; nil if they can.
func fitsOld(name string, filters []bpf.HookHookFilter, operands []uint64) error {
	for _, f := range filters {
		what, most := "texts", oldTexts
		switch {
		case f.Subject == uint8(bpf.HookFilterSubjectSUBJECT_EXPRESSION):
			what, most = "operations in an expression", oldOperations
		case f.Match == uint8(bpf.HookFilterMatchMATCH_ADDRESS):
			what, most = "address ranges", oldAddresses
		case f.Subject != uint8(bpf.HookFilterSubjectSUBJECT_TEXT):
			continue
		}
		if int(f.Count) > most {
			return fmt.Errorf("%s: a filter with %d %s, on this kernel (without loops in programs, before 5.17) there is time for %d", name, f.Count, what, most)
		}
		if what != "texts" {
			continue
		}
		for _, text := range operands[f.First : f.First+f.Count] {
			if size := text >> 32; size > oldTextBytes {
				return fmt.Errorf("%s: a filter with a text of %d bytes, on this kernel (without loops in programs, before 5.17) there is time for %d", name, size, oldTextBytes)
			}
		}
	}
	return nil
}
