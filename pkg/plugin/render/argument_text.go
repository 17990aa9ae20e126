// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// argumentKind is how one kind of argument is written; text says whether the argument is of this kind.
type argumentKind struct {
	name string
	text func(*event.Argument) (string, bool)
}

// when makes a row of the table for a kind that has a pointer.
func when[T any](name string, field func(*event.Argument) *T, text func(*T) string) argumentKind {
	return argumentKind{name, func(a *event.Argument) (string, bool) {
		value := field(a)
		if value == nil {
			return "", false
		}
		return text(value), true
	}}
}

func asText[T any](v *T) string { return fmt.Sprint(*v) }

// argumentKinds is the table of the kinds of arguments.
var argumentKinds = [...]argumentKind{
	when("string", func(a *event.Argument) *string { return a.StringArg }, asText),
	when("int", func(a *event.Argument) *int32 { return a.IntArg }, asText),
	when("skb", func(a *event.Argument) *event.SkbArg { return a.SkbArg }, func(v *event.SkbArg) string {
		return fmt.Sprintf("%s %s %d bytes", protocol(v.Protocol), connection(v.Saddr, v.Sport, v.Daddr, v.Dport), v.Len)
	}),
	when("size", func(a *event.Argument) *uint64 { return a.SizeArg }, asText),
	{"bytes", func(a *event.Argument) (string, bool) { return string(a.BytesArg), a.BytesArg != nil }},
	when("path", func(a *event.Argument) *event.FileArg { return a.PathArg }, fileText),
	when("file", func(a *event.Argument) *event.FileArg { return a.FileArg }, fileText),
	when("bytes", func(a *event.Argument) *event.TruncatedBytesArg { return a.TruncatedBytesArg }, func(v *event.TruncatedBytesArg) string {
		return fmt.Sprintf("%s... (%d of %d bytes)", v.BytesArg, len(v.BytesArg), v.OrigSize)
	}),
	when("sock", func(a *event.Argument) *event.SockArg { return a.SockArg }, func(v *event.SockArg) string {
		return strings.TrimSpace(protocol(v.Protocol) + " " + connection(v.Saddr, v.Sport, v.Daddr, v.Dport) + " " + v.State)
	}),
	when("cred", func(a *event.Argument) *event.Capabilities { return a.CredArg }, capabilitiesText),
	when("long", func(a *event.Argument) *int64 { return a.LongArg }, asText),
	when("bpf_attr", func(a *event.Argument) *event.BpfProgArg { return a.BpfAttrArg }, progText),
	when("perf_event", func(a *event.Argument) *event.PerfEventArg { return a.PerfEventArg }, func(v *event.PerfEventArg) string {
		return strings.TrimSpace(v.Type + " " + v.KprobeFunc)
	}),
	when("bpf_map", func(a *event.Argument) *event.BpfMapArg { return a.BpfMapArg }, mapText),
	when("uint", func(a *event.Argument) *uint32 { return a.UintArg }, asText),
	when("user_namespace", func(a *event.Argument) *event.UserNamespaceArg { return a.UserNamespaceArg }, func(v *event.UserNamespaceArg) string {
		return namespaceText(v.Level, v.Owner, v.Group, v.Ns)
	}),
	when("capability", func(a *event.Argument) *event.CapabilityArg { return a.CapabilityArg }, func(v *event.CapabilityArg) string { return v.Name }),
	when("credentials", func(a *event.Argument) *event.ProcessCredentials { return a.ProcessCredentialsArg }, credentialsText),
	when("user_ns", func(a *event.Argument) *event.UserNamespace { return a.UserNsArg }, func(v *event.UserNamespace) string {
		return namespaceText(v.Level, v.Uid, v.Gid, v.Ns)
	}),
	when("module", func(a *event.Argument) *event.ModuleArg { return a.ModuleArg }, moduleText),
	when("kernel_cap_t", func(a *event.Argument) *string { return a.KernelCapTArg }, asText),
	when("cap_inheritable", func(a *event.Argument) *string { return a.CapInheritableArg }, asText),
	when("cap_permitted", func(a *event.Argument) *string { return a.CapPermittedArg }, asText),
	when("cap_effective", func(a *event.Argument) *string { return a.CapEffectiveArg }, asText),
	when("linux_binprm", func(a *event.Argument) *event.LinuxBinprmArg { return a.LinuxBinprmArg }, func(v *event.LinuxBinprmArg) string {
		return unresolved(v.Path, v.Flags)
	}),
	when("net_dev", func(a *event.Argument) *event.NetDevArg { return a.NetDevArg }, func(v *event.NetDevArg) string { return v.Name }),
	when("bpf_cmd", func(a *event.Argument) *string { return a.BpfCmdArg }, asText),
	when("syscall", func(a *event.Argument) *event.SyscallID { return a.SyscallID }, func(v *event.SyscallID) string { return syscallName(*v) }),
	when("sockaddr", func(a *event.Argument) *event.SockaddrArg { return a.SockaddrArg }, func(v *event.SockaddrArg) string {
		if v.Addr == event.InvalidIP {
			return v.Family
		}
		return endpoint(v.Addr, v.Port)
	}),
	when("bpf_prog", func(a *event.Argument) *event.BpfProgArg { return a.BpfProgArg }, progText),
	when("error", func(a *event.Argument) *event.ErrorArg { return a.ErrorArg }, func(v *event.ErrorArg) string { return v.Message }),
	when("sockaddr_un", func(a *event.Argument) *event.SockaddrUnArg { return a.SockaddrUnArg }, func(v *event.SockaddrUnArg) string { return v.Path }),
}

// describe is an argument's text, and its label or what kind it is; both empty when it has no value.
func describe(a *event.Argument) (name, text string) {
	for _, k := range argumentKinds {
		if text, ok := k.text(a); ok {
			if a.Label != "" {
				return a.Label, text
			}
			return k.name, text
		}
	}
	return a.Label, ""
}

func fileText(f *event.FileArg) string { return unresolved(f.Path, f.Flags) }

// unresolved shows that a path's first components are missing.
func unresolved(path, flags string) string {
	if strings.Contains(flags, event.PathUnresolved) {
		return "[...]" + path
	}
	return path
}

// protocol is IPPROTO_TCP as tcp.
func protocol(name string) string { return strings.ToLower(strings.TrimPrefix(name, "IPPROTO_")) }

// connection and endpoint put brackets around addresses of IPv6, as one writes them with a port.
func connection(saddr string, sport uint32, daddr string, dport uint32) string {
	return endpoint(saddr, sport) + " -> " + endpoint(daddr, dport)
}

func endpoint(address string, port uint32) string {
	return net.JoinHostPort(address, strconv.FormatUint(uint64(port), 10))
}

func progText(v *event.BpfProgArg) string {
	return fmt.Sprintf("%s %s instruction count %d", v.ProgType, v.ProgName, v.InsnCnt)
}

func mapText(v *event.BpfMapArg) string {
	return fmt.Sprintf("%s %s key size %d value size %d max entries %d", v.MapType, v.MapName, v.KeySize, v.ValueSize, v.MaxEntries)
}

func moduleText(v *event.ModuleArg) string {
	words := []string{v.Name}
	if v.SignatureOk != nil {
		words = append(words, map[bool]string{true: "signed", false: "unsigned"}[*v.SignatureOk])
	}
	for _, t := range v.Tainted {
		words = append(words, strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(t, "TAINT_"), "_MODULE")))
	}
	return strings.Join(words, " ")
}

// capabilitiesText is the effective set: it is what a process may do.
func capabilitiesText(v *event.Capabilities) string {
	if v == nil {
		return ""
	}
	return strings.Join(v.Effective, " ")
}

// credentialsText has the ids that are known, and how many capabilities are in effect.
func credentialsText(v *event.ProcessCredentials) string {
	var words []string
	for _, id := range []struct {
		name  string
		value *uint32
	}{{"uid", v.Uid}, {"gid", v.Gid}, {"euid", v.Euid}, {"egid", v.Egid}} {
		if id.value != nil {
			words = append(words, id.name+" "+number(id.value))
		}
	}
	if v.Caps != nil {
		words = append(words, fmt.Sprintf("%d capabilities", len(v.Caps.Effective)))
	}
	return strings.Join(words, ", ")
}

func namespaceText(level *int32, uid, gid *uint32, ns *event.Namespace) string {
	var words []string
	if level != nil {
		words = append(words, fmt.Sprintf("level %d", *level))
	}
	if uid != nil {
		words = append(words, "uid "+number(uid))
	}
	if gid != nil {
		words = append(words, "gid "+number(gid))
	}
	if ns != nil {
		words = append(words, fmt.Sprintf("namespace %d", ns.Inum))
		if ns.IsHost {
			words = append(words, "of the node")
		}
	}
	return strings.Join(words, " ")
}
