// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/process"
)

func showCredentials(to *event.Argument, a *Argument, m *Machine) bool {
	var v bpf.ProcessCredentials // struct credentials, which the records of images have too
	_, ok := cut(&v, a.Raw)
	if ok {
		to.ProcessCredentialsArg = process.Credentials(v, m.UserNamespace)
	}
	return ok
}

func noCredentials(to *event.Argument) { to.ProcessCredentialsArg = &event.ProcessCredentials{} }

func showUserNamespace(to *event.Argument, a *Argument, m *Machine) bool {
	v := &bpf.HookUserNamespaceValue{}
	if _, ok := cut(v, a.Raw); !ok {
		return false
	}
	to.UserNsArg = &event.UserNamespace{
		Level: &v.Level, Uid: &v.Uid, Gid: &v.Gid,
		Ns: &event.Namespace{Inum: v.Inum, IsHost: v.Inum == m.UserNamespace},
	}
	return true
}

func noUserNamespace(to *event.Argument) { to.UserNsArg = &event.UserNamespace{} }

// program makes a row's show from where the argument of an event has its BPF program.
func program(set func(*event.Argument, *event.BpfProgArg)) func(*event.Argument, *Argument, *Machine) bool {
	return func(to *event.Argument, a *Argument, _ *Machine) bool {
		var v bpf.HookBpfProgramValue
		_, ok := cut(&v, a.Raw)
		if ok {
			set(to, &event.BpfProgArg{ProgType: event.ProgTypeName(v.Type), InsnCnt: v.Instructions, ProgName: name(v.Name)})
		}
		return ok
	}
}

func bpfAttrArg(to *event.Argument, p *event.BpfProgArg) { to.BpfAttrArg = p }
func bpfProgArg(to *event.Argument, p *event.BpfProgArg) { to.BpfProgArg = p }

func noBpfAttr(to *event.Argument) { to.BpfAttrArg = &event.BpfProgArg{} }
func noBpfProg(to *event.Argument) { to.BpfProgArg = &event.BpfProgArg{} }

func showBpfMap(to *event.Argument, a *Argument, _ *Machine) bool {
	var v bpf.HookBpfMapValue
	_, ok := cut(&v, a.Raw)
	if ok {
		to.BpfMapArg = &event.BpfMapArg{
			MapType: event.MapTypeName(v.Type), KeySize: v.KeySize, ValueSize: v.ValueSize, MaxEntries: v.MaxEntries, MapName: name(v.Name),
		}
	}
	return ok
}

func noBpfMap(to *event.Argument) { to.BpfMapArg = &event.BpfMapArg{} }

func showPerfEvent(to *event.Argument, a *Argument, _ *Machine) bool {
	var v bpf.HookPerfEventValue
	function, ok := cut(&v, a.Raw)
	if ok {
		to.PerfEventArg = &event.PerfEventArg{
			KprobeFunc: text(function), Type: event.PerfTypeName(v.Type), Config: v.Config, ProbeOffset: v.ProbeOffset,
		}
	}
	return ok
}

func noPerfEvent(to *event.Argument) { to.PerfEventArg = &event.PerfEventArg{} }

func showModule(to *event.Argument, a *Argument, _ *Machine) bool {
	var v bpf.HookModuleValue
	module, ok := cut(&v, a.Raw)
	if ok {
		to.ModuleArg = &event.ModuleArg{
			Name: text(module), SignatureOk: new(v.SignatureOk != 0), Tainted: event.TaintNames(v.Taints),
		}
	}
	return ok
}

func noModule(to *event.Argument) { to.ModuleArg = &event.ModuleArg{} }
