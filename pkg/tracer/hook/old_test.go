// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

func TestFitsOldKernels(t *testing.T) {
	filter := func(subject bpf.HookFilterSubject, match bpf.HookFilterMatch, count int) bpf.HookHookFilter {
		return bpf.HookHookFilter{Subject: uint8(subject), Match: uint8(match), Count: uint32(count)}
	}
	for name, test := range map[string]struct {
		filter bpf.HookHookFilter
		// size of each text
		size uint64
		want string
	}{
		"texts":            {filter(bpf.HookFilterSubjectSUBJECT_TEXT, bpf.HookFilterMatchMATCH_PREFIX, 4096), 4128, ""},
		"too many texts":   {filter(bpf.HookFilterSubjectSUBJECT_TEXT, bpf.HookFilterMatchMATCH_EQUAL, 4097), 1, "4097 texts"},
		"a long text":      {filter(bpf.HookFilterSubjectSUBJECT_TEXT, bpf.HookFilterMatchMATCH_EQUAL, 1), 4129, "text of 4129 bytes"},
		"addresses":        {filter(bpf.HookFilterSubjectSUBJECT_SOURCE, bpf.HookFilterMatchMATCH_ADDRESS, 256), 0, ""},
		"many addresses":   {filter(bpf.HookFilterSubjectSUBJECT_SOURCE, bpf.HookFilterMatchMATCH_ADDRESS, 257), 0, "257 address ranges"},
		"an expression":    {filter(bpf.HookFilterSubjectSUBJECT_EXPRESSION, 0, 64), 0, ""},
		"a long one":       {filter(bpf.HookFilterSubjectSUBJECT_EXPRESSION, 0, 65), 0, "65 operations"},
		"ranges, no limit": {filter(bpf.HookFilterSubjectSUBJECT_NUMBER, bpf.HookFilterMatchMATCH_RANGE, 100000), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			operands := make([]uint64, test.filter.Count)
			for i := range operands {
				operands[i] = test.size << 32
			}
			err := fitsOld("hook", []bpf.HookHookFilter{test.filter}, operands)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}
