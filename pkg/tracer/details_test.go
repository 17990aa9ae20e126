// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// TestDetails: credentials, capabilities and namespaces are what /proc shows the process itself.
func TestDetails(t *testing.T) {
	needRoot(t)
	for name, attributes := range map[string]*syscall.SysProcAttr{
		"root":              {},
		"another user":      {Credential: &syscall.Credential{Uid: 1234, Gid: 2345}},
		"namespaces of own": {Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID},
		"a user namespace": {Cloneflags: syscall.CLONE_NEWUSER, Credential: &syscall.Credential{},
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 10}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 10}}},
	} {
		t.Run(name, func(t *testing.T) {
			var proc bytes.Buffer
			command := exec.Command("/bin/sh", "-c", `while read -r line; do echo "$line"; done < /proc/self/status; read -r auid < /proc/self/loginuid; echo "Auid: $auid"; ls -l /proc/self/ns`)
			command.SysProcAttr, command.Stdout, command.Stderr = attributes, &proc, os.Stderr
			c := config(wire.Targets{})
			c.Process = wire.ProcessDetail{Capabilities: true, Namespaces: true, Credentials: true}
			r := trace(t, Options{Config: c, Command: command})
			checkDetails(t, r.execs()[0].Process(), proc.String())
		})
	}
}

func checkDetails(t *testing.T, p *event.Process, proc string) {
	t.Helper()
	field := func(name string) string {
		match := regexp.MustCompile(`(?m)^` + name + `:\s*(.*)$`).FindStringSubmatch(proc)
		if match == nil {
			t.Fatalf("/proc shows no %s:\n%s", name, proc)
		}
		return match[1]
	}
	c := p.ProcessCredentials
	if c.UserNs.Ns.IsHost { // inside another one /proc shows other numbers
		if got, want := fmt.Sprintf("%d\t%d\t%d\t%d", *c.Uid, *c.Euid, *c.Suid, *c.Fsuid), field("Uid"); got != want {
			t.Errorf("uids %s, want %s", got, want)
		}
		if got, want := fmt.Sprintf("%d\t%d\t%d\t%d", *c.Gid, *c.Egid, *c.Sgid, *c.Fsgid), field("Gid"); got != want {
			t.Errorf("gids %s, want %s", got, want)
		}
	} else if *c.Uid != 100000 || *c.UserNs.Level != 1 || *c.UserNs.Uid != 0 {
		t.Errorf("uid %d in user namespace %+v", *c.Uid, c.UserNs)
	}
	for name, set := range map[string][]string{"CapPrm": p.Cap.Permitted, "CapEff": p.Cap.Effective, "CapInh": p.Cap.Inheritable} {
		if got, want := len(set), strings.Count(fmt.Sprintf("%b", hexadecimal(t, field(name))), "1"); got != want {
			t.Errorf("%s: %d capabilities (%v), want %d", name, got, set, want)
		}
	}
	if got := fmt.Sprint(*p.Auid); got != field("Auid") {
		t.Errorf("auid %s, want %s", got, field("Auid"))
	}
	for name, namespace := range map[string]*event.Namespace{
		"uts": p.Ns.Uts, "ipc": p.Ns.Ipc, "mnt": p.Ns.Mnt, "pid": p.Ns.Pid, "net": p.Ns.Net, "cgroup": p.Ns.Cgroup, "user": p.Ns.User, "time": p.Ns.Time,
	} {
		match := regexp.MustCompile(name + `:\[(\d+)\]`).FindStringSubmatch(proc)
		if match == nil {
			t.Errorf("/proc shows no namespace %s:\n%s", name, proc)
			continue
		}
		if fmt.Sprint(namespace.Inum) != match[1] {
			t.Errorf("namespace %s: %+v, want %s", name, namespace, match[1])
		}
		own, err := os.Readlink("/proc/self/ns/" + name)
		must(t, err)
		if namespace.IsHost != (own == fmt.Sprintf("%s:[%s]", name, match[1])) { // these tests run in the host's namespaces
			t.Errorf("namespace %s: host is %v, and this test is in %s", name, namespace.IsHost, own)
		}
	}
}

func hexadecimal(t *testing.T, digits string) (n uint64) {
	t.Helper()
	if _, err := fmt.Sscanf(digits, "%x", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
