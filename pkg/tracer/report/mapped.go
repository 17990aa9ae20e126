// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"container/list"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

// mostMapped is how many mapped files are remembered, of all processes together: Tetragon's number.
const mostMapped = 1024

// mappedFile is what a process is told to have mapped. The id is that of the process since it executed its program, which loads
// its libraries anew.
type mappedFile struct{ execID, path, buildID string }

// mappedFiles are those that were told last: a program maps a file again when it changes the protection of a part, and no more is
// learnt from that.
type mappedFiles struct {
	recent *list.List // of mappedFile
	known  map[mappedFile]*list.Element
}

func newMappedFiles() mappedFiles {
	return mappedFiles{recent: list.New(), known: map[mappedFile]*list.Element{}}
}

// repeats says whether a file was told already, and remembers it.
func (m *mappedFiles) repeats(f mappedFile) bool {
	if element, ok := m.known[f]; ok {
		m.recent.MoveToFront(element)
		return true
	}
	m.known[f] = m.recent.PushFront(f)
	if m.recent.Len() > mostMapped {
		delete(m.known, m.recent.Remove(m.recent.Back()).(mappedFile))
	}
	return false
}

// mappedInode keeps the number of the file.
func (c *call) mappedInode(a *hook.Argument) {
	if inode, ok := a.Inode(); ok {
		c.inode = inode
	}
}

// repeatsMapping says whether a mapping was told already, and looks for the build id if the kernel has not told it. One is told once
// more when its build id is known at last.
func (r *Reporter) repeatsMapping(c *call, l *event.ProcessLoader) bool {
	if !c.readsBuildID && r.BuildIDs != nil && len(l.Path) > 0 {
		l.Buildid = r.BuildIDs.Of(c.pid, l.Path, c.inode)
	}
	return r.mapped.repeats(mappedFile{c.output.Event.ProcessID, l.Path, string(l.Buildid)})
}

// loaderBody: the path is that of the file among the arguments, the build id the buffer, which is empty for a file without one.
func loaderBody(c *call, e *event.Event) {
	l := &event.ProcessLoader{Handling: c.handling()}
	for i := range c.arguments {
		switch a := &c.arguments[i]; {
		case a.FileArg != nil:
			l.Path = a.FileArg.Path
		case a.BytesArg != nil:
			c.readsBuildID = true
			if len(a.BytesArg) > 0 && len(a.BytesArg) <= executable.LongestBuildID {
				l.Buildid = a.BytesArg
			}
		}
	}
	e.ProcessLoader = l
}
