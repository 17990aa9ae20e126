// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"encoding/csv"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// AdHoc is a hook of which the command line says where it is and what of it is told.
type AdHoc struct {
	kind hookKind
	hook Hook
	// returned are the filters on what is returned, the others those on arguments.
	filters, returned []Filter
	post              Action
}

// hookKind is one row of the table of what can be hooked.
type hookKind struct {
	name string
	kind policy.HookKind
	// read takes the place from what follows the kind.
	read func(h *AdHoc, place string) error
	// section that the hook belongs to.
	section func(*Policy) *[]Hook
	// returns: what is returned can be had; stacks: stack traces can be.
	returns, stacks bool
}

// kprobe is the kind of a place that names none.
const kprobe = "kprobe"

// hookKinds is the table of what can be hooked.
var hookKinds = [...]hookKind{
	{kprobe, policy.Kprobe, (*AdHoc).function, func(p *Policy) *[]Hook { return &p.Kprobes }, true, true},
	{"tracepoint", policy.Tracepoint, (*AdHoc).tracepoint, func(p *Policy) *[]Hook { return &p.Tracepoints }, false, false},
	{"raw_tracepoint", policy.RawTracepoint, (*AdHoc).rawTracepoint, func(p *Policy) *[]Hook { return &p.Tracepoints }, false, false},
	{"lsm", policy.LSM, (*AdHoc).lsm, func(p *Policy) *[]Hook { return &p.LSMHooks }, false, false},
	{"uprobe", policy.Uprobe, (*AdHoc).uprobe, func(p *Policy) *[]Hook { return &p.Uprobes }, true, false},
	{"usdt", policy.USDT, (*AdHoc).usdt, func(p *Policy) *[]Hook { return &p.USDTs }, false, false},
}

// kindNames are the words that may stand before the colon of a place.
func kindNames() (names []string) {
	for _, k := range hookKinds {
		names = append(names, k.name)
	}
	return names
}

// NewAdHoc reads a place:
//
//	[kprobe:]FUNCTION, sys_NAME for a system call
//	tracepoint:SUBSYSTEM/EVENT, raw_tracepoint:SUBSYSTEM/EVENT
//	lsm:HOOK
//	uprobe:PATH:SYMBOL[+OFFSET], uprobe:PATH:+OFFSET, uprobe:PATH:0xADDRESS
//	usdt:PATH:PROVIDER:NAME
func NewAdHoc(text string) (*AdHoc, error) {
	word, place, given := strings.Cut(text, ":")
	if !given {
		word, place = kprobe, text
	}
	i := slices.IndexFunc(hookKinds[:], func(k hookKind) bool { return k.name == word })
	switch {
	case i < 0:
		if meant := otherSpelling(word, place); meant != "" {
			return nil, fmt.Errorf("%q is no kind of hook: did you mean %s?", word, meant)
		}
		return nil, fmt.Errorf("%q is no kind of hook%s", word, policy.DidYouMean(word, kindNames()))
	case !given && strings.Contains(place, "/") && !syscallName.MatchString(place):
		return nil, slashed(place)
	case place == "":
		return nil, fmt.Errorf("the place is missing: which %s?", word)
	case !given && syscalls.Known(syscalls.Native, place):
		return nil, fmt.Errorf("%s is a system call: sys_%s (a function of the kernel of that name would be kprobe:%s)", place, place, place)
	}
	h := &AdHoc{kind: hookKinds[i]}
	return h, h.kind.read(h, place)
}

// syscallName is how policies write system calls.
var syscallName = regexp.MustCompile(`^((x64|arm64|i386|arm32)/)?(__(x64|arm64|ia32)_(compat_)?)?sys_`)

func (h *AdHoc) function(place string) error {
	h.hook.Call, h.hook.Syscall = place, new(syscallName.MatchString(place))
	return nil
}

var errTracepoint = errors.New("a tracepoint is SUBSYSTEM/EVENT, as in sched/sched_process_exec")

func (h *AdHoc) tracepoint(place string) error {
	subsystem, event, ok := strings.Cut(place, "/")
	if !ok { // as other tools write it
		subsystem, event, ok = strings.Cut(place, ":")
	}
	if !ok {
		return errTracepoint
	}
	h.hook.Subsystem, h.hook.Event = subsystem, event
	return checkSyscallEvent(subsystem, event)
}

func (h *AdHoc) rawTracepoint(place string) error {
	h.hook.Raw = true
	return h.tracepoint(place)
}

// checkSyscallEvent finds misspelled names of system calls in those of tracepoints.
func checkSyscallEvent(subsystem, event string) error {
	if subsystem != "syscalls" {
		return nil
	}
	for _, prefix := range [...]string{"sys_enter_", "sys_exit_"} {
		if name, ok := strings.CutPrefix(event, prefix); ok && !syscalls.Known(syscalls.Native, syscalls.Canonical(syscalls.Native, name)) {
			return fmt.Errorf("there is no system call %s%s", name, policy.DidYouMean(name, syscalls.Names(syscalls.Native)))
		}
	}
	return nil
}

func (h *AdHoc) lsm(place string) error {
	for _, prefix := range [...]string{"security_", "bpf_lsm_"} {
		if name, ok := strings.CutPrefix(place, prefix); ok {
			return fmt.Errorf("%s is a function of the kernel: the hook is lsm:%s", place, name)
		}
	}
	h.hook.Hook = place
	return nil
}

// inFile cuts off the last parts of PATH:PART…; a path may have colons.
func (h *AdHoc) inFile(place, form string, parts int) (all []string, err error) {
	for range parts {
		at := strings.LastIndexByte(place, ':')
		if at < 0 {
			return nil, errors.New("want " + form)
		}
		place, all = place[:at], append([]string{place[at+1:]}, all...)
	}
	if !path.IsAbs(place) {
		return nil, fmt.Errorf("%q is not an absolute path: want %s", place, form)
	}
	if slices.Contains(all, "") {
		return nil, errors.New("want " + form)
	}
	h.hook.Path = place
	return all, nil
}

func (h *AdHoc) uprobe(place string) error {
	parts, err := h.inFile(place, "uprobe:/PATH:FUNCTION", 1)
	if err != nil {
		return err
	}
	symbol := parts[0]
	number, isOffset := strings.CutPrefix(symbol, "+")
	if !isOffset && !strings.HasPrefix(symbol, "0x") {
		h.hook.Symbols = []string{symbol}
		return nil
	}
	n, err := strconv.ParseUint(number, 0, 64)
	switch {
	case err != nil:
		return fmt.Errorf("%q is neither a function, nor an offset in the file (+0x1000), nor an address (0x401000)", symbol)
	case isOffset:
		h.hook.Offsets = []uint64{n}
	default:
		h.hook.Addresses = []uint64{n}
	}
	return nil
}

func (h *AdHoc) usdt(place string) error {
	parts, err := h.inFile(place, "usdt:/PATH:PROVIDER:NAME", 2)
	if err != nil {
		return err
	}
	h.hook.Provider, h.hook.Name = parts[0], parts[1]
	return nil
}

// inProgram says whether the place is in the file of a program.
func (h *AdHoc) inProgram() bool { return h.kind.kind&(policy.Uprobe|policy.USDT) != 0 }

// InContainers has the path of a program looked up in the containers of the pods that are traced, and not on the node.
func (h *AdHoc) InContainers() { h.hook.InContainer = h.inProgram() }

// Argument adds INDEX:TYPE[:LABEL] to what is told.
func (h *AdHoc) Argument(text string) error {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) < 2 {
		return errors.New("want INDEX:TYPE or INDEX:TYPE:LABEL, as in 0:string")
	}
	index, err := strconv.ParseUint(parts[0], 10, 16)
	if err != nil {
		return fmt.Errorf("%q is not the place of an argument: they count from 0", parts[0])
	}
	if err := h.checkType(parts[1]); err != nil {
		return err
	}
	a := Argument{Index: int(index), Type: parts[1]}
	if len(parts) == 3 {
		a.Label = parts[2]
	}
	h.hook.Args = append(h.hook.Args, a)
	return nil
}

// Return has the returned value told.
func (h *AdHoc) Return(text string) error {
	if !h.kind.returns {
		return fmt.Errorf("of %s nothing is seen that it returns", h.what())
	}
	if err := h.checkType(text); err != nil {
		return err
	}
	h.hook.Return, h.hook.ReturnArg = true, &Argument{Type: text}
	if h.inProgram() { // there it is the last of the arguments
		h.hook.ReturnArg.Label = returnedValue
	}
	return nil
}

// checkType lists the types that there are.
func (h *AdHoc) checkType(name string) error {
	kinds := h.kind.kind
	if h.hook.Syscall != nil && *h.hook.Syscall { // it is given what a program can pass
		kinds = policy.Uprobe
	}
	t := policy.LookupArgumentType(name)
	if t != nil && t.Hooks&kinds != 0 {
		return nil
	}
	var names []string
	for _, t := range policy.ArgumentTypes() {
		if t.Hooks&kinds != 0 {
			names = append(names, t.Name)
		}
	}
	if t != nil {
		return fmt.Errorf("type %s is not for %s\ntypes there: %s", name, h.what(), strings.Join(names, ", "))
	}
	return fmt.Errorf("unknown type %q%s\ntypes there: %s", name, policy.DidYouMean(name, names), strings.Join(names, ", "))
}

// what the place is, in words.
func (h *AdHoc) what() string {
	switch {
	case h.hook.Syscall == nil:
		return "a place of kind " + h.kind.name
	case *h.hook.Syscall:
		return "a system call, which is given numbers and addresses"
	}
	return "a function of the kernel"
}

// returnedValue stands for the index of what is returned.
const returnedValue = "return"

// Match adds a filter INDEX:OPERATOR[:VALUE,…]; return instead of the index is the returned value. Values with commas stand in
// double quotes.
func (h *AdHoc) Match(text string) error {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) < 2 {
		return errors.New("want INDEX:OPERATOR:VALUE[,VALUE], as in 0:Prefix:/etc/,/usr/")
	}
	f := Filter{Operator: parts[1]}
	if len(parts) == 3 && parts[2] != "" {
		records, err := csv.NewReader(strings.NewReader(parts[2])).ReadAll()
		switch {
		case err != nil:
			return fmt.Errorf("values: %w", err)
		case len(records) != 1:
			return errors.New("values: a value that has a line feed stands in double quotes")
		}
		f.Values = records[0]
	}
	if parts[0] == returnedValue {
		if h.hook.ReturnArg == nil {
			return errors.New("nothing says what type is returned: --return is missing")
		}
		h.returned = append(h.returned, f)
		return nil
	}
	index, err := strconv.ParseUint(parts[0], 10, 16)
	if err != nil {
		return fmt.Errorf("%q is neither the index of an argument nor the word %s", parts[0], returnedValue)
	}
	f.Index = int(index)
	if !slices.ContainsFunc(h.hook.Args, func(a Argument) bool { return a.Index == f.Index }) {
		return fmt.Errorf("nothing says of what type argument %d is: --arg %d:TYPE is missing", index, index)
	}
	h.filters = append(h.filters, f)
	return nil
}

// Stacks are the words of Stack.
var Stacks = []string{"kernel", "user"}

// Stack has the events carry a stack trace.
func (h *AdHoc) Stack(word string) error {
	switch {
	case !slices.Contains(Stacks, word):
		return fmt.Errorf("%q: want %s", word, strings.Join(Stacks, " or "))
	case !h.kind.stacks:
		return fmt.Errorf("events of %s have no stack traces, only those of functions of the kernel and system calls", h.what())
	case word == Stacks[0]:
		h.post.KernelStackTrace = true
	default:
		h.post.UserStackTrace = true
	}
	return nil
}

// RateLimit has the same call told once in a time ("5s").
func (h *AdHoc) RateLimit(text string) { h.post.RateLimit = text }

// Policy is the policy of the hook.
func (h *AdHoc) Policy() Policy {
	hook := h.hook
	s := Selector{MatchArgs: h.filters, MatchReturnArgs: h.returned}
	if h.post != (Action{}) {
		h.post.Action = "Post"
		s.MatchActions = []Action{h.post}
	}
	if len(s.MatchArgs)+len(s.MatchReturnArgs)+len(s.MatchActions) > 0 {
		hook.Selectors = []Selector{s}
	}
	p := Policy{Name: "hook", AllPods: hook.InContainer}
	section := h.kind.section(&p)
	*section = []Hook{hook}
	return p
}
