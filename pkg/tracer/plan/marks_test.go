// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// A process that runs already is what its executable is, whatever it calls itself (`exec -a /usr/sbin/sshd /tmp/evil`).
func TestRunningByExecutable(t *testing.T) {
	m := &Marks{}
	bit, err := m.binaries(policy.BinaryFilter{Match: policy.MatchEqual, Values: []string{"/usr/sbin/sshd"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	image := func(tgid uint32, executable, arguments string) *kernel.Image {
		i := &kernel.Image{Executable: executable, Arguments: arguments}
		i.Header.Process = bpf.ProcessTaskKey{Tgid: tgid, Start: uint64(tgid)}
		return i
	}
	states := m.Running([]*kernel.Image{
		image(1, "/usr/sbin/sshd", "sshd: user\x00"), image(2, "/tmp/evil", "/usr/sbin/sshd\x00-D\x00"),
	})
	if states[1].Marks != bit || states[2].Marks != 0 {
		t.Errorf("%+v", states)
	}
}
