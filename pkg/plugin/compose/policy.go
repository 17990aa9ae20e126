// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// Policy is a TracingPolicy, to be written. The fields are those of Tetragon's custom resource; Tetragon wants hooks of one
// kind in a policy, so what needs several is several policies.
type Policy struct {
	Name string
	// AllPods: the policy is about pods and not about the node itself.
	AllPods     bool
	Lists       []List
	Kprobes     []Hook
	Tracepoints []Hook
	LSMHooks    []Hook
	Uprobes     []Hook
	USDTs       []Hook
	// Beyond says what the policy cannot know on any kernel, a phrase each; it is no part of the custom resource.
	Beyond []string
}

// List is a list of system calls that hooks refer to as "list:NAME".
type List struct {
	Name string `json:"name"`
	// Type is "syscalls".
	Type   string   `json:"type"`
	Values []string `json:"values"`
}

// Hook is one entry of any of the sections; which fields it may have depends on the section.
type Hook struct {
	// Call of a kprobe: a function, "sys_…" or "list:NAME". Syscall has to be set for kprobes: Tetragon's default is true.
	Call    string `json:"call,omitempty"`
	Syscall *bool  `json:"syscall,omitempty"`
	// Subsystem and Event of a tracepoint; Raw for the arguments of its prototype.
	Subsystem string `json:"subsystem,omitempty"`
	Event     string `json:"event,omitempty"`
	Raw       bool   `json:"raw,omitempty"`
	// Hook of an LSM hook.
	Hook string `json:"hook,omitempty"`
	// Path and one of Symbols, Offsets and Addresses of a uprobe; Path, Provider and Name of a USDT.
	Path      string   `json:"path,omitempty"`
	Symbols   []string `json:"symbols,omitempty"`
	Offsets   []uint64 `json:"offsets,omitempty"`
	Addresses []uint64 `json:"addrs,omitempty"`
	Provider  string   `json:"provider,omitempty"`
	Name      string   `json:"name,omitempty"`
	// InContainer: Path is looked up in the containers of the pods that the policy is about.
	InContainer bool `json:"resolvePathInContainer,omitempty"`

	Message   string     `json:"message,omitempty"`
	Tags      []string   `json:"tags,omitempty"`
	Args      []Argument `json:"args,omitempty"`
	Data      []Argument `json:"data,omitempty"`
	Return    bool       `json:"return,omitempty"`
	ReturnArg *Argument  `json:"returnArg,omitempty"`
	Selectors []Selector `json:"selectors,omitempty"`
	Ignore    *Ignore    `json:"ignore,omitempty"`
}

// Ignore says which failures are none.
type Ignore struct {
	// CallNotFound: a kernel without the function is no error.
	CallNotFound bool `json:"callNotFound,omitempty"`
}

// Argument is an argument, a return value or an entry of data.
type Argument struct {
	Index   int    `json:"index"`
	Type    string `json:"type"`
	Label   string `json:"label,omitempty"`
	Source  string `json:"source,omitempty"`
	Resolve string `json:"resolve,omitempty"`
	// BTFType is the struct that Resolve begins in, where it is another than the function's parameter says.
	BTFType string `json:"btfType,omitempty"`
	// SizeArgIndex counts from 1.
	SizeArgIndex int  `json:"sizeArgIndex,omitempty"`
	ReturnCopy   bool `json:"returnCopy,omitempty"`
}

// Selector is filters of which all have to match, and what is done then; without actions the event is posted.
type Selector struct {
	MatchPIDs           []PIDs         `json:"matchPIDs,omitempty"`
	MatchBinaries       []Binaries     `json:"matchBinaries,omitempty"`
	MatchParentBinaries []Binaries     `json:"matchParentBinaries,omitempty"`
	MatchArgs           []Filter       `json:"matchArgs,omitempty"`
	MatchData           []Filter       `json:"matchData,omitempty"`
	MatchReturnArgs     []Filter       `json:"matchReturnArgs,omitempty"`
	MatchNamespaces     []Namespaces   `json:"matchNamespaces,omitempty"`
	MatchCapabilities   []Capabilities `json:"matchCapabilities,omitempty"`
	MatchActions        []Action       `json:"matchActions,omitempty"`
}

// PIDs is a filter on process ids.
type PIDs struct {
	Operator       string   `json:"operator"`
	Values         []uint32 `json:"values"`
	IsNamespacePID bool     `json:"isNamespacePID,omitempty"`
	FollowForks    bool     `json:"followForks,omitempty"`
}

// Binaries is a filter on the paths of programs.
type Binaries struct {
	Operator       string   `json:"operator"`
	Values         []string `json:"values"`
	FollowChildren bool     `json:"followChildren,omitempty"`
}

// Filter is a filter on an argument, a return value or an entry of data.
type Filter struct {
	Index    int      `json:"index"`
	Operator string   `json:"operator"`
	Values   []string `json:"values,omitempty"`
	// Place, unless it is nil, is the argument's in the hook's list, instead of Index: for one of several with the same index.
	Place *int `json:"-"`
}

// MarshalJSON implements json.Marshaler.
func (f Filter) MarshalJSON() ([]byte, error) {
	type plain Filter
	if f.Place == nil {
		return json.Marshal(plain(f))
	}
	return json.Marshal(struct {
		Args     []int    `json:"args"`
		Operator string   `json:"operator"`
		Values   []string `json:"values,omitempty"`
	}{[]int{*f.Place}, f.Operator, f.Values})
}

// Namespaces is a filter on a kernel namespace.
type Namespaces struct {
	Namespace string   `json:"namespace"`
	Operator  string   `json:"operator"`
	Values    []string `json:"values"`
}

// Capabilities is a filter on a set of capabilities of the thread: it has one of them.
type Capabilities struct {
	// Type is the set, "Effective" or "Permitted".
	Type     string   `json:"type"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

// Action is what is done when a selector matches.
type Action struct {
	Action string `json:"action"`
	// ArgSig is the number of the signal of Signal, ArgError the negative errno of Override.
	ArgSig   uint32 `json:"argSig,omitempty"`
	ArgError int32  `json:"argError,omitempty"`
	// RateLimit of Post: "5", "5s", "1m"; RateLimitScope is "thread", "process" or "global".
	RateLimit        string `json:"rateLimit,omitempty"`
	RateLimitScope   string `json:"rateLimitScope,omitempty"`
	UserStackTrace   bool   `json:"userStackTrace,omitempty"`
	KernelStackTrace bool   `json:"kernelStackTrace,omitempty"`
}

// document is the custom resource.
type document struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   map[string]string `json:"metadata"`
	Spec       spec              `json:"spec"`
}

type spec struct {
	// PodSelector without labels is all pods.
	PodSelector *struct{} `json:"podSelector,omitempty"`
	Lists       []List    `json:"lists,omitempty"`
	Kprobes     []Hook    `json:"kprobes,omitempty"`
	Tracepoints []Hook    `json:"tracepoints,omitempty"`
	LSMHooks    []Hook    `json:"lsmhooks,omitempty"`
	Uprobes     []Hook    `json:"uprobes,omitempty"`
	USDTs       []Hook    `json:"usdts,omitempty"`
}

// pods is the selector of the pods; nil for all processes.
func (p *Policy) pods() *struct{} {
	if !p.AllPods {
		return nil
	}
	return &struct{}{}
}

// YAML writes policies as documents of one text.
func YAML(policies ...Policy) ([]byte, error) {
	var all bytes.Buffer
	for i, p := range policies {
		text, err := yaml.Marshal(document{
			APIVersion: "cilium.io/v1alpha1", Kind: "TracingPolicy", Metadata: map[string]string{"name": p.Name},
			Spec: spec{p.pods(), p.Lists, p.Kprobes, p.Tracepoints, p.LSMHooks, p.Uprobes, p.USDTs},
		})
		if err != nil {
			return nil, fmt.Errorf("write policy %s: %w", p.Name, err)
		}
		if i > 0 {
			all.WriteString("---\n")
		}
		all.Write(text)
	}
	return all.Bytes(), nil
}
