// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// judgedFilters is how many filters of a hook the kernel side can remember, JUDGED_FILTERS of bpf/hook_config.h.
const judgedFilters = 32

// files are the kinds of arguments that an open file is found through.
var files = []bpf.HookArgumentKind{bpf.HookArgumentKindKIND_FD, bpf.HookArgumentKindKIND_FILE, bpf.HookArgumentKindKIND_KIOCB}

// judge has the kernel side remember what filters say of a file's path, if nothing but its path is asked of it, and often.
func (c *compiler) judge() {
	if c.site.seldom {
		return
	}
	if slices.ContainsFunc(c.def.Filters, func(f bpf.HookHookFilter) bool {
		return f.Subject == uint8(bpf.HookFilterSubjectSUBJECT_EXPRESSION) // it may take numbers of all arguments
	}) {
		return
	}
	for place, a := range c.def.Arguments {
		if slices.Contains(files, bpf.HookArgumentKind(a.Kind)) && c.asksForPath(place) {
			c.def.Config.Flags |= uint32(bpf.HookHookFlagsHOOK_JUDGES)
			c.def.Config.Judged = uint32(place)
			return
		}
	}
}

// asksForPath says whether filters ask for the text of an argument, and for nothing else of it.
func (c *compiler) asksForPath(place int) bool {
	asks := false
	for i, f := range c.def.Filters {
		if int(f.Place) != place || f.Subject > uint8(bpf.HookFilterSubjectSUBJECT_DESTINATION) { // of the process
			continue
		}
		if f.Subject != uint8(bpf.HookFilterSubjectSUBJECT_TEXT) || f.Flags&atReturn != 0 || i >= judgedFilters {
			return false
		}
		asks = true
	}
	return asks
}
