// SPDX-License-Identifier: Apache-2.0

package library

import (
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types/ref"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// PolicyPrefix is what the names of the policies begin with whose events are evaluated, before the name of a group.
const PolicyPrefix = "library-"

// values are what conditions are about, of one event.
type values struct {
	kind      int
	subject   *Subject
	file      File
	net       Net
	call      Call
	pod       Pod
	arguments map[string]*event.Argument
	// noted is what a rule noted of what came before.
	noted string
	// made are the variables of expressions that were asked for.
	made map[string]ref.Val
}

// functions are the kinds by the names of their functions, as events have them.
var functions = func() map[string]int {
	all := map[string]int{}
	for k := range kinds {
		for _, h := range kinds[k].hooks {
			all[h.Function] = k
		}
	}
	return all
}()

// callPrefixes are what stands before sys_ in the names of functions that system calls are.
var callPrefixes = []string{"__x64_", "__arm64_", "__ia32_", "__ia32_compat_", "__arm64_compat_"}

// read takes the values of an event; false if no rule can be about it.
func (v *values) read(s *Subject) bool {
	*v = values{subject: s, kind: -1}
	v.call.EUID = -1
	switch hook := s.Event.ProcessKprobe; {
	case s.Event.ProcessExec != nil:
		v.kind = kindOf(kindExec)
	case hook != nil && strings.HasPrefix(hook.PolicyName, PolicyPrefix):
		name := hook.FunctionName
		for _, prefix := range callPrefixes {
			name = strings.TrimPrefix(name, prefix)
		}
		kind, known := functions[name]
		if !known {
			return false
		}
		v.kind = kind
		v.readHook(hook)
	}
	if v.kind < 0 {
		return false
	}
	v.pod = podOf(s.Event.Process())
	return true
}

func (v *values) readHook(hook *event.ProcessKprobe) {
	v.arguments = map[string]*event.Argument{}
	for _, list := range [][]event.Argument{hook.Args, hook.Data} {
		for i := range list {
			v.arguments[list[i].Label] = &list[i]
		}
	}
	if r := hook.Return; r != nil && r.Label != "" {
		v.arguments[r.Label] = r
	}
	v.file.Path, v.file.Written, v.file.NewPath = v.text(labelPath), v.text(labelWritten), v.text(labelNewPath)
	v.file.Target, v.file.Source, v.file.Filesystem = v.text(labelTarget), v.text(labelSource), v.text(labelFilesystem)
	for _, n := range []struct {
		label string
		to    *int64
	}{
		{labelMode, &v.file.Mode}, {labelRequest, &v.call.Request}, {labelPID, &v.call.PID}, {labelFlags, &v.call.Flags}, {labelCommand, &v.call.Command},
		{labelFD, &v.call.FD}, {labelNewFD, &v.call.NewFD}, {labelDomain, &v.call.Domain}, {labelType, &v.call.Type}, {labelSignal, &v.call.Signal}, {labelEUID, &v.call.EUID},
	} {
		if number, known := v.number(n.label); known {
			*n.to = number
		}
	}
	v.readOpen(hook)
	v.readNet()
	if a := v.arguments[labelCapabilities]; a != nil && a.CapEffectiveArg != nil {
		if set, err := strconv.ParseUint(*a.CapEffectiveArg, 16, 64); err == nil {
			v.call.Capabilities = event.CapabilitySet(set)
		}
	}
}

// text of a label, empty if it is not told.
func (v *values) text(label string) string {
	a := v.arguments[label]
	switch {
	case a == nil:
		return ""
	case a.StringArg != nil:
		return *a.StringArg
	case a.FileArg != nil:
		return a.FileArg.Path
	case a.PathArg != nil:
		return a.PathArg.Path
	case a.SockaddrUnArg != nil:
		return a.SockaddrUnArg.Path
	}
	return ""
}

func (v *values) number(label string) (int64, bool) { return v.arguments[label].Integer() }

// fileTypes are the types of files by the first letter of ls.
var fileTypes = map[byte]string{'-': "file", 'd': "directory", 'b': "block", 'c': "character", 's': "socket", 'p': "pipe", 'l': "link"}

// readOpen says how a file is opened. The flags of openat2 are not known: it counts as reading and as writing.
func (v *values) readOpen(hook *event.ProcessKprobe) {
	if kinds[v.kind].name == "mknod" {
		v.file.Type = map[int64]string{modeBlock: "block", modeCharacter: "character", modePipe: "pipe", modeSocket: "socket"}[v.file.Mode&modeType]
	}
	if kinds[v.kind].name != kindOpen {
		return
	}
	if a := v.arguments[labelPath]; a != nil && a.FileArg != nil && a.FileArg.Permission != "" {
		v.file.Type = fileTypes[a.FileArg.Permission[0]]
	}
	flags, known := v.number(labelFlags)
	switch {
	case strings.HasSuffix(hook.FunctionName, "sys_creat"):
		flags = openWriteOnly | openCreate | openTruncate
	case !known:
		v.file.Read, v.file.Write = true, true
		return
	}
	if flags&openPathOnly != 0 { // the file is only named
		return
	}
	access := flags & openAccess
	v.file.Read = access == 0 || access == openReadWrite
	v.file.Write = access == openWriteOnly || access == openReadWrite
	v.file.Create, v.file.Truncate = flags&openCreate != 0, flags&openTruncate != 0
}

// families of the other ends that conditions have names for.
var families = map[string]string{"AF_INET": "ipv4", "AF_INET6": "ipv6", "AF_UNIX": "unix"}

func (v *values) readNet() {
	if a := v.arguments[labelAddress]; a != nil && a.SockaddrArg != nil {
		v.net.Family = families[a.SockaddrArg.Family]
		if v.net.Family == "ipv4" || v.net.Family == "ipv6" {
			v.net.Address, v.net.Port = a.SockaddrArg.Addr, int64(a.SockaddrArg.Port)
		}
	}
	if v.net.Family == "unix" {
		v.net.Path = v.text(labelUnix)
	}
	if socket := v.text(labelSocket); socket != "" { // as the kernel calls it: /TCP, /UDPv6
		v.net.Protocol = protocol(strings.TrimPrefix(socket, "/"))
	}
	if a := v.arguments[labelListener]; a != nil && a.SockArg != nil {
		v.net.Family, v.net.Port = families[a.SockArg.Family], int64(a.SockArg.Sport)
		v.net.Protocol = protocol(strings.TrimPrefix(a.SockArg.Protocol, "IPPROTO_"))
	}
}

// protocol is what conditions call it; empty for one that they have no name for.
func protocol(kernel string) string {
	for _, name := range []string{"tcp", "udp"} {
		if len(kernel) >= len(name) && strings.EqualFold(kernel[:len(name)], name) {
			return name
		}
	}
	return ""
}
