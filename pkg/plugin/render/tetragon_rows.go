// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// functionRow is how the call of a function looks.
type functionRow struct {
	emoji, ascii, word string
	details            func(*event.Event) []piece
	// moved is set where the call is one of many, as reads are: with our look it is what the details say, and calls that move
	// something between the same are counted together.
	moved func(*event.Event) transfer
	// vary, when set, changes the row's symbol and word for an event.
	vary func(e *event.Event, r *row)
}

// tetragonRows are the functions that Tetragon's compact lines know, as it writes them; of system calls without the prefix
// of the architecture. An argument that is missing, or of another type, is left out: Tetragon would fail.
var tetragonRows = map[string]functionRow{
	"sys_write":                 {emoji: "📝", ascii: "w", word: "write", details: transferred, moved: fileBytes},
	"sys_read":                  {emoji: "📚", ascii: "r", word: "read", details: transferred, moved: fileBytes},
	"fd_install":                {emoji: "📬", ascii: ">", word: "open", details: onePath(1)},
	"sys_openat":                {emoji: "📬\ufe0f", ascii: ">", word: "openat", details: onePath(1)},
	"sys_open":                  {emoji: "📬\ufe0f", ascii: ">", word: "open", details: onePath(1)}, // the path is argument 0
	"sys_close":                 {emoji: "📪", ascii: "<", word: "close", details: onePath(0)},
	"sys_mount":                 {emoji: "💾", ascii: "*", word: "mount", details: twoPaths},
	"sys_pivot_root":            {emoji: "💾", ascii: "*", word: "pivot_root", details: twoPaths},
	"sys_setuid":                {emoji: "🔑", ascii: "!", word: "setuid", details: func(e *event.Event) []piece { return attributes(numberOf(e, 0)) }},
	"sys_clock_settime":         {emoji: "⏰", ascii: "*", word: "clock_settime"},
	"proc_exec_connector":       {emoji: "🔧", ascii: "*", word: "proc_exec_connector"},
	"sys_setns":                 {emoji: "🔧", ascii: "*", word: "setns", details: joinedNamespace},
	"tcp_connect":               {emoji: "🔌", ascii: ">", word: "connect", details: func(e *event.Event) []piece { return attributes(tcp(e, 0)) }},
	"tcp_close":                 {emoji: "🧹", ascii: "<", word: "close", details: func(e *event.Event) []piece { return attributes(tcp(e, 0)) }},
	"tcp_sendmsg":               {emoji: "📤", ascii: ">", word: "sendmsg", details: sent},
	"bpf_check":                 {emoji: "🐝", ascii: "!", word: "bpf_load", details: loadedProgram},
	"security_perf_event_alloc": {emoji: "🐝", ascii: "!", word: "perf_event_alloc", details: perfEvent},
	"security_bpf_map_alloc":    {emoji: "🗺", ascii: "*", word: "bpf_map_create", details: createdMap},
	"security_bpf_map_create":   {emoji: "🗺", ascii: "*", word: "bpf_map_create", details: createdMap},
	"security_file_permission":  {emoji: "❓", ascii: "?", word: "security_file_permission", vary: permission, details: permitted, moved: filePermission},
	"security_mmap_file":        {emoji: "❓", ascii: "?", word: "security_mmap_file", vary: mapping, details: onePath(0)},
	"security_path_truncate":    {emoji: "❓", ascii: "?", word: "security_path_truncate", vary: truncation, details: onePath(0)},
	"security_file_truncate":    {emoji: "❓", ascii: "?", word: "security_file_truncate", vary: truncation, details: onePath(0)},
}

// attributes are texts in the tone of what was acted upon.
func attributes(texts ...string) (pieces []piece) {
	for _, t := range texts {
		pieces = append(pieces, piece{toneArgument, t})
	}
	return pieces
}

func onePath(i int) func(*event.Event) []piece {
	return func(e *event.Event) []piece { return attributes(pathOf(e, i)) }
}

func twoPaths(e *event.Event) []piece { return attributes(pathOf(e, 0), pathOf(e, 1)) }

func transferred(e *event.Event) []piece {
	bytes := numberOf(e, 2)
	if bytes != "" {
		bytes += " bytes"
	}
	return attributes(pathOf(e, 0), bytes)
}

func sent(e *event.Event) []piece {
	bytes := "0"
	if n := numberOf(e, 1); n != "" {
		bytes = n
	}
	return []piece{{toneArgument, tcp(e, 0)}, {tonePlain, "bytes " + bytes}}
}

// joinable are the kinds of namespaces that setns names.
var joinable = map[int64]string{
	0: "any", 0x80: "time", 0x20000: "mnt", 0x2000000: "cgroup", 0x4000000: "uts", 0x8000000: "ipc", 0x10000000: "user", 0x20000000: "pid", 0x40000000: "net",
}

func joinedNamespace(e *event.Event) []piece {
	name := ""
	if n, ok := argument(e, 1).Integer(); ok {
		name = joinable[n]
	}
	return []piece{{tonePlain, name}}
}

func loadedProgram(e *event.Event) []piece {
	a := argument(e, 0)
	if p := a.BpfAttrArg; p != nil {
		return attributes(progText(p))
	}
	if p := a.BpfProgArg; p != nil {
		return attributes(progText(p))
	}
	return attributes("")
}

func perfEvent(e *event.Event) []piece {
	if p := argument(e, 0).PerfEventArg; p != nil {
		return attributes(p.Type + " " + p.KprobeFunc)
	}
	return attributes("")
}

func createdMap(e *event.Event) []piece {
	if m := argument(e, 0).BpfMapArg; m != nil {
		return attributes(mapText(m))
	}
	return attributes("")
}

// permission has the mask of security_file_permission as its second argument.
func permission(e *event.Event, r *row) {
	switch mask, _ := argument(e, 1).Integer(); mask {
	case 2:
		r.emoji, r.ascii, r.word = "📝", "w", "write"
	case 4:
		r.emoji, r.ascii, r.word = "📚", "r", "read"
	}
}

func permitted(e *event.Event) []piece {
	if argumentCount(e) < 2 {
		return attributes("")
	}
	return attributes(pathOf(e, 0))
}

func mapping(e *event.Event, r *row) {
	if argumentCount(e) < 2 {
		return
	}
	r.emoji, r.ascii, r.word = "📝", "*", "mmap-"
	protection, _ := argument(e, 1).Integer()
	for bit, letter := range "rwx" {
		if protection&(1<<bit) != 0 {
			r.word += string(letter)
		}
	}
}

func truncation(e *event.Event, r *row) {
	if argumentCount(e) > 0 {
		r.emoji, r.ascii, r.word = "📝", "w", "truncate"
	}
}

func loaderDetails(e *event.Event) []piece {
	var pieces []piece
	if id := e.ProcessLoader.Buildid; len(id) > 0 {
		pieces = append(pieces, piece{tonePlain, fmt.Sprintf("%x", id)})
	}
	return append(pieces, piece{toneCaution, quote(e.ProcessLoader.Path)})
}

func uprobeDetails(e *event.Event) []piece {
	return attributes(quote(e.ProcessUprobe.Path), quote(e.ProcessUprobe.Symbol))
}

func usdtDetails(e *event.Event) []piece {
	u := e.ProcessUsdt
	return attributes(quote(u.Path), quote(u.Provider), quote(u.Name))
}

func lsmDetails(e *event.Event) []piece { return attributes(e.ProcessLsm.FunctionName) }

func functionDetails(e *event.Event) []piece { return []piece{{tonePlain, functionName(e)}} }

func tracepointDetails(e *event.Event) []piece {
	return []piece{{tonePlain, e.ProcessTracepoint.Subsys}, {tonePlain, e.ProcessTracepoint.Event}}
}
