// SPDX-License-Identifier: Apache-2.0

package events

import (
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// record is an event as rules of a category see it. The values of a field live until the next is asked for.
type record struct {
	options *Options
	// category is the rules'.
	category string
	event    *event.Event
	process  *event.Process
	parent   *event.Process
	// executable is the file that the process loaded, empty when it is its binary or not known.
	executable string
	file       fileChange
	connection connection
	memory     memory
	words      []string
}

// reset makes the record one of an event.
func (r *record) reset(category string, e *event.Event) {
	r.category, r.event, r.process, r.parent = category, e, e.Process(), e.Parent()
	r.executable = e.Executable
	if r.executable == "" {
		r.executable = r.loaded(r.process)
	}
}

// loaded is the file that a process loaded, as far as the caller knows.
func (r *record) loaded(p *event.Process) string {
	if p == nil || r.options.Executable == nil {
		return ""
	}
	return r.options.Executable(p)
}

// Values implements sigma.Record.
func (r *record) Values(name string) sigma.Values {
	at, known := fieldPlaces[name]
	if !known || !fieldTable[at].of(r.category) {
		return sigma.Values{}
	}
	return fieldTable[at].values(r, &r.memory)
}

func imageOf(r *record, m *memory) sigma.Values { return r.images(m, r.process, r.executable) }

func parentImage(r *record, m *memory) sigma.Values { return r.images(m, r.parent, r.loaded(r.parent)) }

// images are a program's names, the one that it chose itself among them if that is wanted.
func (r *record) images(m *memory, p *event.Process, executable string) sigma.Values {
	v := m.images(p, executable)
	if r.options.AppletNames && r.options.Argv != nil && p != nil {
		if words, _ := r.options.Argv(p); len(words) > 0 && words[0] != "" {
			m.claimed = append(m.claimed[:0], "/"+path.Base(words[0]))
			v.Claimed = m.claimed
		}
	}
	return v
}

func commandLineOf(r *record, m *memory) sigma.Values {
	return r.commandLine(m, r.process, r.executable)
}

func parentCommandLine(r *record, m *memory) sigma.Values {
	return r.commandLine(m, r.parent, r.loaded(r.parent))
}

func (r *record) commandLine(m *memory, p *event.Process, executable string) sigma.Values {
	a := argv(r.words, p, executable, r.options)
	if r.options.Argv == nil {
		r.words = a.words
	}
	return m.commandLine(a)
}

// user is the name of the effective user, or the number where the name is not known.
func user(r *record, m *memory) sigma.Values {
	if r.process == nil || r.process.Uid == nil {
		return unknown
	}
	uid, name := *r.process.Uid, ""
	switch {
	case r.options.UserName != nil:
		name = r.options.UserName(r.process, uid)
	case uid == 0:
		name = "root"
	}
	if name == "" {
		name = strconv.FormatUint(uint64(uid), 10)
	}
	return m.whole(name)
}

func loginID(r *record, m *memory) sigma.Values {
	if r.process == nil || r.process.Auid == nil {
		return unknown
	}
	return m.whole(strconv.FormatUint(uint64(*r.process.Auid), 10))
}

// directory is the working directory without a slash at its end, unless it is the root.
func directory(r *record, m *memory) sigma.Values {
	if r.process == nil || r.process.Cwd == "" {
		return unknown
	}
	v := m.whole(r.process.Cwd)
	if trimmed := strings.TrimRight(r.process.Cwd, "/"); trimmed != "" {
		v = m.whole(trimmed)
	}
	if event.ParseFlags(r.process.Flags)&event.FlagErrorCwd != 0 {
		v.Cut = sigma.CutStart | sigma.CutEnd
	}
	return v
}

func targetFilename(r *record, m *memory) sigma.Values { return m.paths(r.file.path, r.file.asked) }

// paths are the names of one file. What stands before the names of a path that has too many components is missing.
func (m *memory) paths(file filePath, asked string) sigma.Values {
	v := m.whole()
	if file.path != "" {
		v = m.whole(strings.TrimSuffix(file.path, deleted))
	}
	if asked != "" && asked != file.path {
		v.Texts = append(v.Texts, asked)
		m.texts = v.Texts
	}
	if len(v.Texts) == 0 {
		return unknown
	}
	if file.unresolved {
		v.Cut = sigma.CutStart
	}
	return v
}

func destinationIP(r *record, m *memory) sigma.Values   { return m.address(r.connection.destination()) }
func sourceIP(r *record, m *memory) sigma.Values        { return m.address(r.connection.source()) }
func destinationPort(r *record, m *memory) sigma.Values { return m.port(r.connection.destination()) }
func sourcePort(r *record, m *memory) sigma.Values      { return m.port(r.connection.source()) }

func (m *memory) address(e netip.AddrPort) sigma.Values {
	if !e.Addr().IsValid() {
		return unknown
	}
	return m.whole(e.Addr().String())
}

func (m *memory) port(e netip.AddrPort) sigma.Values {
	if e.Port() == 0 {
		return unknown
	}
	return m.whole(strconv.FormatUint(uint64(e.Port()), 10))
}

func initiated(r *record, m *memory) sigma.Values {
	return m.whole(strconv.FormatBool(!r.connection.incoming))
}

func protocol(r *record, m *memory) sigma.Values {
	if r.connection.protocol == "" {
		return unknown
	}
	return m.whole(r.connection.protocol)
}

func destinationName(r *record, m *memory) sigma.Values {
	if r.options.HostName == nil || r.connection.incoming || !r.connection.remote.Addr().IsValid() {
		return sigma.Values{}
	}
	if name := r.options.HostName(r.event, r.connection.remote.Addr()); name != "" {
		return m.whole(name)
	}
	return sigma.Values{}
}
