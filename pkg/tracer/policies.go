// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/report"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/symbol"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/tracefs"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// policies are the hooks of a session's policies. They belong to the goroutine that reads the ring.
type policies struct {
	set      *hook.Set
	reporter *report.Reporter
	// marks are set when the kernel side notes processes.
	marks *plan.Marks
	// hooks are what became of each, for hello.
	hooks []event.Hook
	// served counts those that have programs.
	served int
	// decoded is used for one record after the other.
	decoded hook.Record
	// unnoted are running processes for which there was no room.
	unnoted uint64
}

// record takes a record of a hook.
func (p *policies) record(raw []byte) error {
	if err := p.decoded.Decode(raw); err != nil {
		return err
	}
	return p.reporter.Record(&p.decoded)
}

// parse reads the policies of a configuration. The plugin has read them too and told the user what is wrong; an error here is
// one of two versions that differ.
func parse(sources []wire.PolicySource) (all []*policy.Policy, err error) {
	for _, source := range sources {
		file, err := policy.Parse(source.Name, strings.NewReader(source.Text))
		if err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		all = append(all, file.Policies...)
	}
	return all, nil
}

// newNode finds out what plans depend on. Mechanisms are tried when a plan first asks for them.
func newNode(types *layout.Kernel, host [10]uint32, probes *hook.Probes, workloads *plan.Workloads, armed bool) (*plan.Node, error) {
	registers, err := layout.RegistersOf(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	spec, err := types.Spec()
	if err != nil {
		return nil, err
	}
	if err := registers.Check(spec); err != nil {
		return nil, fmt.Errorf("registers of this kernel: %w", err)
	}
	return &plan.Node{
		Kernel: types, Registers: registers, HostNamespaces: host, Unavailable: probes.Unavailable, Armed: armed,
		Workloads: workloads,
		Root:      nodeRoot(),
		Functions: tracefs.Functions,
		Places:    symbol.Places,
		Formats: func(subsystem, name string) (*tracefs.Format, error) {
			return tracefs.Read(types, subsystem, name)
		},
	}, nil
}

// nodeRoot is where the node's files are: a tracer in a container sees them through the node's first process.
func nodeRoot() string {
	const first = "/proc/1/"
	own, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return ""
	}
	if nodes, err := os.Readlink(first + "ns/mnt"); err != nil || nodes == own {
		return ""
	}
	return first + "root"
}

// loadPolicies plans and loads what the configuration's policies ask for. It is an error when nothing of them can be served; what
// cannot be is in the hooks with the reason.
func loadPolicies(programs *kernel.Programs, limits Limits, reporter *report.Reporter, all []*policy.Policy, node *plan.Node,
	running func() ([]*kernel.Image, error)) (*policies, error) {
	set, err := hook.NewSet(programs, node.Kernel.Cache(), limits.Processes)
	if err != nil {
		return nil, err
	}
	p := &policies{set: set, reporter: reporter}
	var planned []plan.Hook
	for _, one := range all {
		planned = append(planned, node.Policy(one)...)
		if node.Armed {
			p.enforcers(node, one)
		}
	}
	if err := p.remember(node, running); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	p.load(planned)
	if p.served == 0 && len(p.hooks) > 0 {
		return nil, errors.Join(p.nothing(planned), set.Close())
	}
	return p, nil
}

// remember has the kernel side note what filters ask of processes, those that run already included.
func (p *policies) remember(node *plan.Node, running func() ([]*kernel.Image, error)) error {
	m := node.Marks
	if node.WithoutRuntime {
		images, err := running()
		if err != nil {
			return err
		}
		if m.Runtime, err = runtimeNamespace(images); err != nil {
			return err
		}
	}
	if !m.Needed && m.Runtime == 0 {
		return nil
	}
	if err := p.set.Remember(m.Marking()); err != nil {
		return err
	}
	p.marks = m
	images, err := running() // once more: what was executed in between is noted by neither otherwise
	if err != nil {
		return err
	}
	return p.note(images, func(*kernel.Image) bool { return true })
}

// note has the kernel side note running processes that it does not know: of those that executed their programs before they came
// into the scope it was not told.
func (p *policies) note(images []*kernel.Image, wanted func(*kernel.Image) bool) error {
	if p.marks == nil {
		return nil
	}
	states := p.marks.Running(images)
	for _, i := range images {
		if !wanted(i) {
			continue
		}
		err := p.set.Note(i.Header.Process.Tgid, states[i.Header.Process.Tgid])
		if errors.Is(err, unix.E2BIG) {
			p.unnoted++
		} else if err != nil {
			return err
		}
	}
	return nil
}

// runtimeNamespace is the mount namespace of the container runtime: that of the process that watches over the tracer's own
// container, its parent.
func runtimeNamespace(images []*kernel.Image) (uint32, error) {
	if own := ownImage(images); own >= 0 {
		for _, i := range images {
			if i.Header.Process == images[own].Header.Parent {
				return i.Namespaces.Mnt, nil
			}
		}
	}
	return 0, errors.New("the container runtime cannot be told from containers: the process that runs the tracer's is not seen")
}

// enforcers makes the functions that a policy names as enforcers heed notes.
func (p *policies) enforcers(node *plan.Node, one *policy.Policy) {
	for _, call := range one.Enforcers {
		became := event.Hook{Name: "enforcer " + call.String(), Policy: one.Name}
		function, err := node.FunctionOf(call)
		var by hook.Mechanism
		if err == nil {
			by, err = p.set.LoadEnforcer(function)
		}
		if err != nil {
			became.Refused = strings.ReplaceAll(err.Error(), "\n", "; ") + "; signals are sent where the notification comes from"
		} else {
			became.Backend, became.Tier, became.Prevents = string(by), string(by.Tier()), true
		}
		p.hooks = append(p.hooks, became)
	}
}

// beginPolicies loads the policies of the configuration. Programs may run from here on; records wait in the ring.
func (s *session) beginPolicies() error {
	all, err := parse(s.Config.Policies)
	if err != nil || len(all) == 0 {
		return err
	}
	workloads, err := plan.NumberWorkloads(all, s.Config.Narrowed)
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	node, err := newNode(s.types, namespaceNumbers(s.table.HostNamespaces), s.probes, workloads, s.Config.Enforce && !s.Config.Monitor)
	if err != nil {
		return err
	}
	node.Marks = plan.NewMarks(all)
	node.WithoutRuntime = s.Config.WithoutRuntime
	node.Containers = s.containers
	s.programsInContainers = looksIntoContainers(all)
	reporter := report.New(report.Config{Table: s.table, Architecture: runtime.GOARCH, Symbols: s.symbols(), BuildIDs: symbol.NewBuildIDs("/proc"), WithoutRuntime: s.Config.WithoutRuntime})
	s.needed = neededLater(all)
	s.policies, err = loadPolicies(s.programs, s.Limits, reporter, all, node, s.tasks.All)
	return errors.Join(err, node.Close())
}

// symbols names the addresses of stacks.
type symbols struct {
	kernel    *symbol.Kernel
	processes *symbol.Processes
}

func (s *session) symbols() symbols {
	hidden := func(err error) {
		s.output.notice(event.Notice{Level: event.LevelWarning, Subject: "stacks", Text: err.Error()})
	}
	return symbols{symbol.NewKernel(hidden), symbol.NewProcesses("/proc")}
}

// Kernel implements report.Symbolizer. Addresses are left out: they would give away where the kernel has been loaded.
func (s symbols) Kernel(addresses []uint64) []event.StackTraceEntry {
	stack := s.kernel.Stack(addresses)
	for i := range stack {
		stack[i].Address = 0
	}
	return stack
}

// User implements report.Symbolizer.
func (s symbols) User(pid uint32, addresses []uint64) []event.StackTraceEntry {
	return s.processes.Stack(pid, addresses)
}
