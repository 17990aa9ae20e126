// SPDX-License-Identifier: Apache-2.0

//go:build linux

package harness

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// shortest text that Show abbreviates.
const longText = 200

// Show is an argument in short, with all that is the same in every run: what is not (a socket's cookie) is left out.
func Show(a *event.Argument) string {
	var text string
	switch {
	case a.IntArg != nil:
		text = fmt.Sprint("int ", *a.IntArg)
	case a.UintArg != nil:
		text = fmt.Sprint("uint ", *a.UintArg)
	case a.LongArg != nil:
		text = fmt.Sprint("long ", *a.LongArg)
	case a.SizeArg != nil:
		text = fmt.Sprint("size ", *a.SizeArg)
	case a.StringArg != nil:
		text = "string " + abbreviated(*a.StringArg)
	case a.FileArg != nil:
		text = "file " + file(*a.FileArg)
	case a.PathArg != nil:
		text = "path " + file(*a.PathArg)
	case a.LinuxBinprmArg != nil:
		text = "binprm " + file(event.FileArg{Path: a.LinuxBinprmArg.Path, Flags: a.LinuxBinprmArg.Flags, Permission: a.LinuxBinprmArg.Permission})
	case a.BytesArg != nil:
		text = "bytes " + abbreviated(string(a.BytesArg))
	case a.TruncatedBytesArg != nil:
		text = fmt.Sprintf("bytes %s of %d", abbreviated(string(a.TruncatedBytesArg.BytesArg)), a.TruncatedBytesArg.OrigSize)
	case a.SockArg != nil:
		text = sock(*a.SockArg)
	case a.SkbArg != nil:
		s := a.SkbArg
		text = fmt.Sprintf("skb %s %s %s:%d>%s:%d", s.Family, s.Protocol, s.Saddr, s.Sport, s.Daddr, s.Dport)
	case a.SockaddrArg != nil:
		text = fmt.Sprintf("sockaddr %s %s:%d", a.SockaddrArg.Family, a.SockaddrArg.Addr, a.SockaddrArg.Port)
	case a.SockaddrUnArg != nil:
		text = fmt.Sprintf("sockaddr_un %s %s", a.SockaddrUnArg.Family, a.SockaddrUnArg.Path)
	case a.ErrorArg != nil:
		text = "error " + a.ErrorArg.Message
	default:
		raw, err := json.Marshal(a)
		text = string(raw)
		if err != nil {
			text = err.Error()
		}
	}
	if a.Label != "" {
		text = a.Label + "=" + text
	}
	return text
}

func abbreviated(text string) string {
	if len(text) < longText {
		return text
	}
	return fmt.Sprintf("%s...%s (%d)", text[:16], text[len(text)-16:], len(text))
}

func file(f event.FileArg) string {
	return strings.TrimSpace(strings.Join([]string{abbreviated(f.Path), f.Permission, f.Flags}, " "))
}

func sock(s event.SockArg) string {
	return fmt.Sprintf("sock %s %s %s %s:%s>%s:%s %s", s.Family, s.Type, s.Protocol, s.Saddr, port(s.Sport), s.Daddr, port(s.Dport), s.State)
}

func port(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// Line is an event in short: its arguments, the data and the result.
func Line(e *event.Event) string {
	body := Hooked(e)
	if body == nil {
		return string(e.Kind())
	}
	var all []string
	for i := range body.Args {
		all = append(all, Show(&body.Args[i]))
	}
	for i := range body.Data {
		all = append(all, "data "+Show(&body.Data[i]))
	}
	if e.ProcessKprobe != nil && e.ProcessKprobe.Return != nil {
		all = append(all, "= "+Show(e.ProcessKprobe.Return))
	}
	return strings.Join(all, ", ")
}
