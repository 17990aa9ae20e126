// SPDX-License-Identifier: Apache-2.0

package render

import (
	"path"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// A tree folds a fork that runs its parent's program and does nothing but start others, as each subshell is: it has no line of its
// own, and what it starts stands below its parent. It is unfolded when it does something itself, ends otherwise than well, or
// outlives its parent.

// foldable says that a process which was just added is such a fork, as far as is known yet.
func (n *treeProcess) foldable() bool { return n.origin == originExisting && n.isFork() }

// isFork says that a process runs its parent's program.
func (n *treeProcess) isFork() bool {
	return n.forkOnly && n.parent.origin <= originExisting && n.binary == n.parent.binary && n.arguments == n.parent.arguments
}

// drawnParent is the process below which one is drawn.
func (n *treeProcess) drawnParent() *treeProcess {
	for n = n.parent; n.folded; n = n.parent {
	}
	return n
}

// below is the depth at which the children of a process are drawn.
func (n *treeProcess) below() int {
	if n.folded {
		return n.drawnDepth
	}
	return n.drawnDepth + 1
}

// unfold gives a process a line of its own.
func (n *treeProcess) unfold() {
	if !n.folded {
		return
	}
	n.folded = false
	for _, c := range n.children {
		c.deepen()
	}
}

// deepen draws a process and its descendants one level deeper.
func (n *treeProcess) deepen() {
	n.drawnDepth++
	for _, c := range n.children {
		c.deepen()
	}
}

// unfoldSurvivors unfolds the forks that outlive a process: something of it goes on.
func (n *treeProcess) unfoldSurvivors() {
	for _, c := range n.children {
		if !c.folded {
			continue
		}
		if c.exited {
			c.unfoldSurvivors()
		} else {
			c.unfold()
		}
	}
}

// command is a program with its arguments, raw.
type command struct{ binary, arguments string }

// starts says that a process which ran this command runs now what its arguments name: env bash x runs bash x.
func (c command) starts(p *event.Process) bool {
	rest, found := strings.CutSuffix(c.arguments, p.Arguments)
	if found && p.Arguments != "" {
		rest, found = strings.CutSuffix(rest, " ")
	}
	name := rest[strings.LastIndexByte(rest, ' ')+1:]
	return found && name != "" && path.Base(name) == path.Base(p.Binary)
}

// findsInterpreter says that it starts p, and that this is all that it was for: it is env, or a script whose first line names env.
func (c command) findsInterpreter(p *event.Process) bool {
	script, _, _ := strings.Cut(p.Arguments, " ")
	return c.starts(p) && (path.Base(c.binary) == "env" || path.Base(c.binary) == path.Base(script))
}
