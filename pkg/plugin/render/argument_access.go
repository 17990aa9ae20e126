// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// argument is the i-th of a hook's event, an empty one where there is none: a policy may have asked for anything.
func argument(e *event.Event, i int) *event.Argument {
	if h := e.Hooked(); h != nil && i < len(h.Args) {
		return &h.Args[i]
	}
	return &event.Argument{}
}

func argumentCount(e *event.Event) int {
	if h := e.Hooked(); h != nil {
		return len(h.Args)
	}
	return 0
}

// filePath is the path of an argument that is a file.
func filePath(a *event.Argument) (path string, ok bool) {
	switch {
	case a.FileArg != nil:
		return a.FileArg.Path, true
	case a.PathArg != nil:
		return a.PathArg.Path, true
	case a.LinuxBinprmArg != nil:
		return a.LinuxBinprmArg.Path, true
	}
	return "", false
}

// pathOf is the quoted path of the i-th argument, whether it is a file or text.
func pathOf(e *event.Event, i int) string {
	a := argument(e, i)
	if path, ok := filePath(a); ok {
		return quote(path)
	}
	if a.StringArg != nil {
		return quote(*a.StringArg)
	}
	return ""
}

// paths are the files among the arguments, and where there are none the texts.
func paths(e *event.Event) []string {
	var files, texts []string
	for i := range argumentCount(e) {
		a := argument(e, i)
		if path, ok := filePath(a); ok {
			files = append(files, path)
		} else if a.StringArg != nil {
			texts = append(texts, *a.StringArg)
		}
	}
	if files == nil {
		return texts
	}
	return files
}

// numberOf is the i-th argument in decimal, empty when it is no number.
func numberOf(e *event.Event, i int) string {
	a := argument(e, i)
	if a.SizeArg != nil { // may be beyond int64
		return strconv.FormatUint(*a.SizeArg, 10)
	}
	if n, ok := a.Integer(); ok {
		return strconv.FormatInt(n, 10)
	}
	return ""
}

// tcp is how Tetragon writes both ends of a connection.
func tcp(e *event.Event, i int) string {
	s := argument(e, i).SockArg
	if s == nil {
		return ""
	}
	return fmt.Sprintf("tcp %s:%d -> %s:%d", s.Saddr, s.Sport, s.Daddr, s.Dport)
}

// quote puts a text that has a blank or must be escaped in double quotes, as Tetragon does it.
func quote(s string) string {
	if terminal.Sanitize(s) == s && !strings.Contains(s, " ") {
		return s
	}
	return strconv.Quote(s)
}

// functionName of a hook's event, empty for those that have none.
func functionName(e *event.Event) string {
	switch {
	case e.ProcessKprobe != nil:
		return e.ProcessKprobe.FunctionName
	case e.ProcessLsm != nil:
		return e.ProcessLsm.FunctionName
	}
	return ""
}

// withoutArchitecture is a system call's function as all architectures have it: sys_write.
func withoutArchitecture(function string) string {
	for _, prefix := range [...]string{"__x64_", "__arm64_", "__ia32_"} {
		if rest, ok := strings.CutPrefix(function, prefix); ok && strings.HasPrefix(rest, "sys_") {
			return rest
		}
	}
	return function
}

// returned is the return value, empty when there is none.
func returned(e *event.Event) string {
	if k := e.ProcessKprobe; k != nil && k.Return != nil {
		_, text := describe(k.Return)
		return text
	}
	return ""
}
