// SPDX-License-Identifier: Apache-2.0

package policy

// Kind is what a document calls itself.
type Kind string

// The kinds. ExecPolicy is of Tetragon's first drafts: rules on the start of programs, all of which have to match.
const (
	TracingPolicy           Kind = "TracingPolicy"
	TracingPolicyNamespaced Kind = "TracingPolicyNamespaced"
	ExecPolicy              Kind = "ExecPolicy"
)

// Mode is whether enforcing actions act.
type Mode string

// The modes of option policy-mode; ModeUnset where the policy does not say.
const (
	ModeUnset   Mode = ""
	ModeEnforce Mode = "enforce"
	ModeMonitor Mode = "monitor"
)

// OverrideMethod is the way in which a return value is overridden, if the policy insists on one.
type OverrideMethod string

// The methods of option override-method.
const (
	OverrideAny    OverrideMethod = ""
	OverrideFmod   OverrideMethod = "fmod-ret"
	OverrideReturn OverrideMethod = "override-return"
)

// Policy is one document, complete and checked.
type Policy struct {
	Position
	Kind Kind
	Name string
	// Namespace of a TracingPolicyNamespaced, empty if the document does not say: then it is the caller's.
	Namespace string
	Scope     Scope
	Hooks     []Hook
	// Enforcers are the functions at which a note left by NotifyEnforcer takes effect.
	Enforcers []Call
	Options   Options
}

// Scope is what a policy or a selector applies to. Without any selector: to everything, the host included, in the
// namespace if the policy has one.
type Scope struct {
	// Pods selects by labels; nil selects all. The pod's namespace is the label NamespaceLabel.
	Pods *LabelSelector
	// Containers selects by the keys ContainerName and ContainerRepo; nil selects all.
	Containers *LabelSelector
	// Host: processes outside of pods too, although Pods or Containers is set.
	Host bool
	// Nodes selects by labels; nil selects all.
	Nodes *LabelSelector
}

// Keys that label selectors of a policy may use beside the labels of pods.
const (
	NamespaceLabel = "io.kubernetes.pod.namespace"
	ContainerName  = "name"
	ContainerRepo  = "repo"
)

// Selects says whether the scope is less than everything.
func (s Scope) Selects() bool { return s.Pods != nil || s.Containers != nil || s.Nodes != nil }

// IncludesHost says whether processes outside of pods are in the scope.
func (s Scope) IncludesHost() bool { return s.Host || s.Pods == nil && s.Containers == nil }

// Options of spec.options.
type Options struct {
	DisableKprobeMulti, DisableUprobeMulti bool
	OverrideMethod                         OverrideMethod
	Mode                                   Mode
	// SleepablePreloadSize in bytes, 0 if unset.
	SleepablePreloadSize int
}

// Acts says whether some action of the policy changes what processes do when the policy is enforced.
func (p *Policy) Acts() bool { return p.Options.Mode != ModeMonitor && len(p.Enforcing()) > 0 }

// Enforcing lists the names of the actions in the policy that change what processes do, each once.
func (p *Policy) Enforcing() (names []string) {
	seen := map[ActionKind]bool{}
	for i := range p.Hooks {
		for _, a := range p.Hooks[i].actions() {
			if row := a.Kind.row(); row.enforces && !seen[a.Kind] {
				seen[a.Kind] = true
				names = append(names, row.name)
			}
		}
	}
	return names
}
