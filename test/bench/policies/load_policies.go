// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
)

// tenHooks is a policy with as many, of files, sockets and processes.
const tenHooks = files + `
  - {call: security_file_open, syscall: false, args: [{index: 0, type: file}], selectors: [{matchArgs: [{index: 0, operator: Prefix, values: ["%[1]s/"]}]}]}
  - {call: fd_install, syscall: false, args: [{index: 0, type: int}, {index: 1, type: file}], selectors: [{matchArgs: [{index: 1, operator: Postfix, values: [".secret"]}]}]}
  - {call: tcp_connect, syscall: false, args: [{index: 0, type: sock}], selectors: [{matchArgs: [{index: 0, operator: DPort, values: ["443"]}]}]}
  - {call: tcp_close, syscall: false, args: [{index: 0, type: sock}]}
  - {call: security_socket_connect, syscall: false, args: [{index: 0, type: socket}, {index: 1, type: sockaddr}]}
  - {call: security_bprm_check, syscall: false, args: [{index: 0, type: linux_binprm}]}
  - {call: sys_mount, syscall: true, args: [{index: 0, type: string}, {index: 1, type: string}]}`

// loaded is what the part load loads: policies by what people call them, and whether their enforcing actions act.
type loaded struct {
	what     string
	policies []string
	armed    bool
}

// loads are the policies of commands, as their flags make them, and three more.
func loads(w *workload) (all []loaded, err error) {
	denial := compose.Denial{Kill: true}
	for _, command := range []struct {
		what   string
		policy compose.Policy
		armed  bool
	}{
		{"exec", compose.FailedExecs(), false},
		{"file --prefix /etc", compose.File(compose.FilePaths{Prefixes: []string{"/etc"}}, usualOfFiles()), false},
		{"net", compose.Net{Operations: usualOfNet()}.Policy(), false},
		{"creds", compose.Credentials(), false},
		{"caps", compose.CapabilityChecks{}.Policy(), false},
		{"enforce --deny-exec", compose.DenyExec([]string{"/usr/bin/nc"}, denial), true},
		{"enforce --deny-write", compose.DenyWrite([]string{"/etc"}, denial), true},
		{"enforce --deny-connect", compose.DenyConnect([]string{"169.254.169.254/32"}, denial), true},
	} {
		text, err := compose.YAML(command.policy)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", command.what, err)
		}
		all = append(all, loaded{command.what, []string{string(text)}, command.armed})
	}
	return append([]loaded{{"no policy", nil, false}}, append(all,
		loaded{"one hook", []string{policyOf("one", fmt.Sprintf(permissions, w.inside))}, false},
		loaded{"ten hooks", []string{policyOf("ten", fmt.Sprintf(tenHooks, w.inside))}, false})...), nil
}

// usualOfFiles are the operations that the command file watches unless it is told otherwise.
func usualOfFiles() (names []string) {
	for _, o := range compose.FileOperations() {
		if !o.Asked {
			names = append(names, o.Name)
		}
	}
	return names
}

// usualOfNet are those of the command net.
func usualOfNet() (names []string) {
	for _, o := range compose.NetOperations() {
		if !o.Asked {
			names = append(names, o.Name)
		}
	}
	return names
}
