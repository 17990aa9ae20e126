// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// Bytes that things take, as TestBytes measures them.
const (
	historyBytes     = 256
	changeBytes      = 64
	credentialsBytes = 512
	nameBytes        = 24
)

// bytes is what a process's history takes. Credentials that follow one another or are the parent's count once.
func (t *CredentialTracker) bytes(p *processes.Process, h *history) int {
	n := historyBytes + len(h.execID) + changeBytes*len(h.changes)
	var before *event.ProcessCredentials
	if parent, ok := t.histories.Get(p.Parent()); ok {
		before = parent.changes[len(parent.changes)-1].now
	}
	if h.last.before != nil && h.last.before != before && !slices.ContainsFunc(h.changes, func(c change) bool { return c.now == h.last.before }) {
		n += bytesOf(h.last.before)
	}
	for _, c := range h.changes {
		if c.now != nil && c.now != before {
			n += bytesOf(c.now)
		}
		before = c.now
	}
	return n
}

// bytesOf is what credentials take, the names in them included.
func bytesOf(c *event.ProcessCredentials) int {
	n := credentialsBytes + bytesOfNames(c.Securebits)
	if c.Caps != nil {
		n += bytesOfNames(c.Caps.Permitted) + bytesOfNames(c.Caps.Effective) + bytesOfNames(c.Caps.Inheritable)
	}
	return n
}

func bytesOfNames(names []string) int {
	n := 0
	for _, name := range names {
		n += nameBytes + max(len(name), 16)
	}
	return n
}
