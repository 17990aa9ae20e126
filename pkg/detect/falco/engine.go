// SPDX-License-Identifier: Apache-2.0

// Package falco runs unmodified rule files of Falco on events. Rules are compiled once for all event types that they can hold for;
// events give their values through an interface, so that the package knows nothing of where they come from.
//
// Three things are other than in Falco. Values that are there and could not be delivered make a comparison unknown: an alert that
// depends on one is raised, marked as degraded. Paths have two views, as the process wrote them and as the kernel resolved them: an
// alert is raised if a condition holds in either. And <NA> in a list stands for an absent value. Options.Exact takes the last two back.
//
// The parts, each of which uses those before it: condition (text to tree), catalog (fields, event types, words of numbers), compare
// (values and comparisons), rulefile (YAML to definitions, all mistakes), logic (typed expressions, specialised for an event type),
// output (templates, alerts as text and JSON), this package, prefilter (what a kernel can decide), and fields (values from the
// product's own events, and what can be expected of a rule).
package falco

import (
	"context"
	"net"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/output"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
)

// Matching says how many rules may alert of one event.
type Matching uint8

// The ways.
const (
	// First: the first rule that holds, in the order of first definition.
	First Matching = iota
	// All rules that hold.
	All
)

// Options of an engine.
type Options struct {
	// Exact: paths in the lexical view only, and <NA> is a text.
	Exact bool
	// Strict: one error in any file, and no rule is loaded.
	Strict bool
	// Matching is how many rules may alert of one event.
	Matching Matching
	// Container is what is known of where events come from.
	Container logic.Container
	// NoSuffix leaves out what Falco's default configuration appends to outputs.
	NoSuffix bool
	// Port finds the port of a service by name; nil asks the machine's services.
	Port func(name string) (uint16, bool)
}

// Engine holds compiled rules. It does not change, and several goroutines may use it, each with an Evaluator of its own.
type Engine struct {
	// Rules that were loaded, disabled ones among them, in the order of their first definitions.
	Rules []*Rule
	// Set is what the files define.
	Set *rulefile.Set
	// Problems of the files, in order.
	Problems rulefile.Problems

	options Options
	builder *logic.Builder
	// programs for each event type.
	programs [][]program
	nodes    int // how many results are remembered
}

// Rule is a rule that is compiled.
type Rule struct {
	*rulefile.Rule
	// Number of the rule in Engine.Rules.
	Number int
	// Condition without the exceptions, Whole with them.
	Condition, Whole *logic.Expression
	// Template of its output.
	Template *output.Template
	// Events that it can hold for, of those that can be told.
	Events []*catalog.EventType
	// Untold are event types that it names and that can't be told.
	Untold []string
}

// Load reads, compiles and reports. There is an engine whatever the problems are.
func Load(files []rulefile.File, options Options) *Engine {
	return Compile(rulefile.Load(files), options)
}

// Compile makes an engine of what rule files define.
func Compile(set *rulefile.Set, options Options) *Engine {
	if options.Port == nil {
		options.Port = servicePort
	}
	e := &Engine{Set: set, options: options}
	e.builder = logic.NewBuilder(compare.Options{Exact: options.Exact, Port: options.Port})
	c := &compiler{Engine: e, expander: logic.NewExpander(e.builder, set)}
	c.compile()
	e.Problems = set.Problems.Sorted(set.Files)
	if options.Strict && set.Strict() {
		e.Rules = nil
	}
	e.link()
	return e
}

// servicePort asks the services that the machine knows, which needs no network.
func servicePort(name string) (uint16, bool) {
	for _, network := range []string{"tcp", "udp"} {
		if port, err := net.DefaultResolver.LookupPort(context.Background(), network, name); err == nil {
			return uint16(port), true
		}
	}
	return 0, false
}

// Builder is what the rules' expressions were made by, to derive others from them. It is not to be used while events are evaluated by
// other goroutines.
func (e *Engine) Builder() *logic.Builder { return e.builder }

// Specialise is what is left of a rule for events of one type, exceptions included; Kind Never if the rule can't hold for them.
func (e *Engine) Specialise(r *Rule, event *catalog.EventType) *logic.Expression {
	return e.builder.Specialise(r.Whole, event, e.options.Container)
}

// HostNames are the names that addresses are compared with: who gives values of fd.sip.name and the like has to know their addresses.
func (e *Engine) HostNames() (names []string) {
	seen := map[string]bool{}
	for _, r := range e.Rules {
		for _, atom := range r.Whole.Atoms() {
			if atom.Left.Type != catalog.HostName {
				continue
			}
			for _, name := range atom.Values {
				if !seen[name] {
					seen[name] = true
					names = append(names, name)
				}
			}
		}
	}
	return names
}
