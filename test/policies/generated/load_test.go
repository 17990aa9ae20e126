// SPDX-License-Identifier: Apache-2.0

//go:build linux

package generated

import (
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
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

// loader loads policies in a scope in which nothing is.
type loader struct {
	programs  *kernel.Programs
	types     *layout.Kernel
	registers *layout.Registers
	probes    *hook.Probes
}

func newLoader(t testing.TB) *loader {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test loads programs into the kernel: run it as root")
	}
	l := &loader{types: layout.NewKernel(), probes: hook.NewProbes()}
	var err error
	if l.registers, err = layout.RegistersOf(runtime.GOARCH); err != nil {
		t.Fatal(err)
	}
	if l.programs, err = kernel.Load(kernel.Scope{Processes: true, Types: l.types.Cache()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.programs.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// FuzzLoad: each hook of whatever policy has a way that the kernel takes, or says why there is none; and what the kernel's
// verifier says is nothing that a user ever sees.
func FuzzLoad(f *testing.F) {
	l := newLoader(f)
	for seed := range uint64(24) {
		f.Add(random(seed), seed%2 == 1)
	}
	f.Fuzz(func(t *testing.T, bytes []byte, armed bool) {
		text := generate(bytes)
		parsed, err := policy.Parse("generated.yaml", strings.NewReader(text))
		if err != nil {
			return // FuzzParse has its eye on that
		}
		for _, p := range parsed.Policies {
			l.policy(t, text, p, armed)
		}
	})
}

// TestMostAreAllowed: a generator of policies that are refused by their text alone would test nothing.
func TestMostAreAllowed(t *testing.T) {
	const policies = 400
	allowed, why := 0, error(nil)
	for seed := range uint64(policies) {
		if _, err := policy.Parse("generated.yaml", strings.NewReader(generate(random(seed)))); err != nil {
			why = err
		} else {
			allowed++
		}
	}
	if allowed < policies*2/3 {
		t.Errorf("%d of %d policies are allowed; one is not: %v", allowed, policies, why)
	}
}

func random(seed uint64) []byte {
	source := rand.New(rand.NewPCG(seed, 0))
	bytes := make([]byte, 64+source.IntN(400))
	for i := range bytes {
		bytes[i] = byte(source.Uint32())
	}
	return bytes
}

func (l *loader) policy(t *testing.T, text string, p *policy.Policy, armed bool) {
	workloads, err := plan.NumberWorkloads([]*policy.Policy{p}, armed)
	if err != nil {
		t.Fatal(err)
	}
	node := &plan.Node{
		Kernel: l.types, Registers: l.registers, Unavailable: l.probes.Unavailable, Armed: armed, Workloads: workloads, Marks: &plan.Marks{},
		Functions: tracefs.Functions, Places: symbol.Places,
		Formats: func(subsystem, name string) (*tracefs.Format, error) { return tracefs.Read(l.types, subsystem, name) },
	}
	set, err := hook.NewSet(l.programs, l.types.Cache(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(set.Close(), node.Close()); err != nil {
			t.Error(err)
		}
	}()
	hooks := node.Policy(p)
	if node.Marks.Needed {
		reasonable(t, text, set.Remember(node.Marks.Marking()))
	}
	for i := range hooks {
		h := &hooks[i]
		if len(h.Ways)+len(h.Refused) == 0 {
			t.Errorf("%s: neither a way nor a reason for\n%s", h.Name, text)
		}
		for _, r := range h.Refused {
			reasonable(t, text, r.Reason)
		}
		for _, way := range h.Ways {
			for _, d := range way.Definitions {
				loaded, err := set.Load(d)
				if err == nil {
					err = set.Remove(loaded)
				}
				reasonable(t, text, err)
			}
		}
	}
}

// reasonable are errors that somebody who wrote a policy can do something with.
func reasonable(t *testing.T, text string, err error) {
	t.Helper()
	var refused *hook.VerifierError
	switch {
	case err == nil:
	case errors.As(err, &refused):
		log := refused.Cause.Log
		t.Errorf("%v\n%v\n%s\nfor\n%s", err, refused.Cause, strings.Join(log[max(0, len(log)-40):], "\n"), text)
	case len(err.Error()) < len("no way"):
		t.Errorf("%q is no reason, for\n%s", err, text)
	}
}
