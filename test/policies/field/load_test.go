// SPDX-License-Identifier: Apache-2.0

//go:build linux

package field

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/symbol"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/tracefs"
)

// folderVariable names another folder of policies for TestEveryWayLoads than testdata.
const folderVariable = "TRACE_SEC_POLICIES"

// TestEveryWayLoads: each hook of each policy in the folder is loaded and attached in each way that the kernel has for it, so
// that no kernel's verifier refuses one of them, and a hook without a way says why. The log is the report. Of testdata, of which
// other tests load the best ways, -short loads one way of each kind.
func TestEveryWayLoads(t *testing.T) {
	l := newLoader(t)
	from, folder := os.Getenv(folderVariable), "$D"
	if from == "" {
		from, folder, l.sample = "testdata", newFolder(t, ""), testing.Short()
	}
	files, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := policy.Parse(file, strings.NewReader(strings.ReplaceAll(string(content), "$D", folder)))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range parsed.Policies {
				l.policy(t, p)
			}
		})
	}
}

// loader loads hooks as the tracer does, in a scope in which nothing is.
type loader struct {
	types  *layout.Kernel
	probes *hook.Probes
	// loaded are the definitions that were loaded before, by all that is in them: what is the same is not loaded again.
	loaded map[string]error
	set    *hook.Set
	// sample: no more than one way of each kind is loaded.
	sample bool
	kinds  map[string]bool
}

func newLoader(t *testing.T) *loader {
	t.Helper()
	programs, err := kernel.Load(kernel.Scope{Processes: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, programs) })
	l := &loader{types: layout.NewKernel(), probes: hook.NewProbes(), loaded: map[string]error{}, kinds: map[string]bool{}}
	if l.set, err = hook.NewSet(programs, l.types.Cache(), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, l.set) })
	return l
}

type closer interface{ Close() error }

func closed(t *testing.T, c closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func (l *loader) node(t *testing.T, p *policy.Policy, armed bool) *plan.Node {
	t.Helper()
	workloads, err := plan.NumberWorkloads([]*policy.Policy{p}, false)
	if err != nil {
		t.Fatal(err)
	}
	registers, err := layout.RegistersOf(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	return &plan.Node{
		Kernel: l.types, Registers: registers, Unavailable: l.probes.Unavailable, Armed: armed, Workloads: workloads, Marks: &plan.Marks{}, Places: symbol.Places,
		Formats: func(subsystem, name string) (*tracefs.Format, error) { return tracefs.Read(l.types, subsystem, name) },
	}
}

// policy loads its hooks, those that enforce something armed too.
func (l *loader) policy(t *testing.T, p *policy.Policy) {
	armed := []bool{false}
	if enforces(p) {
		armed = append(armed, true)
	}
	for _, armed := range armed {
		node := l.node(t, p, armed)
		hooks := node.Policy(p)
		if node.Marks.Needed && l.isNew("marks") {
			if err := l.set.Remember(node.Marks.Marking()); err != nil {
				t.Error(explained(err))
			}
		}
		for i := range hooks {
			l.hook(t, &hooks[i], armed)
		}
		closed(t, node)
	}
}

func enforces(p *policy.Policy) bool {
	for i := range p.Hooks {
		for _, s := range p.Hooks[i].Selectors {
			for _, a := range append(slices.Clip(s.Actions), s.ReturnActions...) {
				if a.Kind.Enforces() {
					return true
				}
			}
		}
	}
	return false
}

// isNew says whether what is of this kind is to be loaded.
func (l *loader) isNew(kind string) bool {
	before := l.kinds[kind]
	l.kinds[kind] = true
	return !l.sample || !before
}

// hook loads each way of a hook, and logs what becomes of it.
func (l *loader) hook(t *testing.T, h *plan.Hook, armed bool) {
	name := h.Name
	if armed {
		name += " (armed)"
	}
	said, served := []string{}, false
	for _, way := range h.Ways {
		if !l.isNew(fmt.Sprint(way.Backend, way.Via, armed)) {
			said, served = append(said, "perhaps by "+way.Backend), true
			continue
		}
		line := "also "
		if !served {
			line = "by "
		}
		line += way.Backend
		if err := l.way(t, &way); err != nil {
			line = "not by " + way.Backend + ": " + err.Error()
		} else {
			served = true
			line += describe(&way)
		}
		said = append(said, line)
	}
	for _, r := range h.Refused {
		said = append(said, "not by "+r.Backend+": "+r.Reason.Error())
	}
	state := "refused"
	if served {
		state = "served"
	}
	if len(said) == 0 {
		t.Errorf("%s: refused without a reason", name)
	}
	t.Logf("HOOK\t%s\t%s\t%s\t%s", h.Policy.Name, name, state, strings.Join(said, " | "))
}

func describe(w *plan.Way) (text string) {
	if w.Via != "" {
		text += ", via " + w.Via
	}
	if w.Prevents {
		text += ", prevents"
	}
	for _, note := range w.Notes {
		text += "; note: " + note
	}
	return text
}

func (l *loader) way(t *testing.T, w *plan.Way) error {
	for _, d := range w.Definitions {
		key := fmt.Sprint(*d)
		err, before := l.loaded[key]
		if !before {
			err = load(l.set, d)
			l.loaded[key] = err
		}
		if err == nil {
			continue
		}
		if _, ok := errors.AsType[*hook.VerifierError](err); ok {
			t.Error(explained(err))
		}
		return err
	}
	return nil
}

func load(set *hook.Set, d *hook.Definition) error {
	loaded, err := set.Load(d)
	if err != nil {
		return err
	}
	return set.Remove(loaded)
}

// explained is an error with the end of what the verifier says.
func explained(err error) error {
	var refused *hook.VerifierError
	if !errors.As(err, &refused) {
		return err
	}
	log := refused.Cause.Log
	return fmt.Errorf("%w\n%w\n%s", err, refused.Cause, strings.Join(log[max(0, len(log)-60):], "\n"))
}
