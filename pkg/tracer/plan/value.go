// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// Bytes of a buffer that are read: what Tetragon reads, and with maxData what a record has room for (HOOK_MARGIN).
const (
	bufferBytes     = 4096
	mostBufferBytes = 8192
)

// value is an argument in the kernel side's terms, with the type that it turned out to have.
type value struct {
	layout bpf.HookHookArgument
	typ    *policy.ArgumentType
	// beside has to be read as well, and lacks cannot be compared; see source.
	beside *source
	lacks  *lack
}

// value compiles an argument or an entry of data.
func (c *compiler) value(a *policy.Argument) (value, error) {
	if c.site.part != nil && a.Source == "" && len(a.Resolve) > 0 {
		if from, ok, err := c.site.part(a.Index, layout.Spelled(a.Resolve)); ok || err != nil {
			v, typeErr := c.typed(a, a.Type, from)
			return v, errors.Join(err, typeErr)
		}
	}
	start, err := c.origin(a)
	if err != nil {
		return value{}, err
	}
	from, root := start.from, start.declared
	if len(a.Resolve) == 0 || a.Source == policy.SourceRegisters {
		t := a.Type
		if t.Class == policy.ClassAuto {
			if c.site.fieldType != nil {
				t, err = c.site.fieldType(a.Index)
				if err != nil {
					return value{}, fmt.Errorf("type auto: %w", err)
				}
				return c.typed(a, t, from)
			}
			if root == nil {
				return value{}, fmt.Errorf("type auto: the kernel does not say what this argument is; give it a type")
			}
			if t, err = layout.TypeFor(root); err != nil {
				return value{}, fmt.Errorf("type auto: %w", err)
			}
		}
		if root != nil && !from.override {
			if err := layout.Check(root, t); err != nil {
				return value{}, err
			}
		}
		if c.site.fits != nil {
			if err := c.site.fits(a.Index, t); err != nil {
				return value{}, err
			}
		}
		return c.typed(a, t, narrowed(from, root, t))
	}
	if root == nil {
		return value{}, fmt.Errorf("resolve: the kernel does not say what this argument is; give it a btfType")
	}
	return c.resolved(a, start)
}

// narrowed cuts a number that the kernel declares with fewer bytes than the policy reads: what stands above them in a register may be
// anything (a umode_t in Linux 5.10).
func narrowed(from source, declared btf.Type, t *policy.ArgumentType) source {
	const whole = 4 // compilers put what is longer into all of the register, or its half
	number, ok := btf.UnderlyingType(declared).(*btf.Int)
	if !ok || number.Size >= whole || 8*int(number.Size) >= t.Bits || from.ShiftLeft != 0 || from.override {
		return from
	}
	from.ShiftLeft = uint8(64 - 8*number.Size)
	from.ShiftRight = from.ShiftLeft
	from.Flags = signed(from.Flags, number.Encoding == btf.Signed)
	return from
}

// origin is where the first word of an argument stands.
type origin struct {
	from source
	// declared is the word's type, nil if nobody says it.
	declared btf.Type
	// spec is the type information that declared is of.
	spec *btf.Spec
}

func (c *compiler) origin(a *policy.Argument) (origin, error) {
	switch a.Source {
	case policy.SourceTask:
		return c.task()
	case policy.SourceRegisters:
		return c.register(a)
	}
	from, err := c.site.word(a.Index)
	if err != nil {
		return origin{}, err
	}
	if a.BTFType != "" {
		return c.btfType(a, from)
	}
	o := origin{from: from, spec: c.site.spec}
	if c.site.parameter == nil {
		return o, nil
	}
	needed := a.Type.Class == policy.ClassAuto || len(a.Resolve) > 0
	if o.declared, err = c.site.parameter(a.Index); err != nil && !needed {
		o.declared, err = nil, nil
	}
	return o, err
}

// task is the current task, whose layout only the kernel knows, also where the hook is in a program.
func (c *compiler) task() (origin, error) {
	o := origin{from: source{kernel: true, HookHookArgument: bpf.HookHookArgument{Source: uint8(bpf.HookValueSourceFROM_TASK)}}}
	var err error
	if o.spec, err = c.node.Kernel.Spec(); err != nil {
		return o, err
	}
	o.declared, err = layout.Struct(o.spec, "task_struct")
	return o, err
}

func (c *compiler) register(a *policy.Argument) (origin, error) {
	if c.site.register == nil {
		return origin{}, fmt.Errorf("%s does not see the registers", c.site.backend)
	}
	register, err := c.node.Registers.Named(a.Register)
	if err != nil {
		return origin{}, err
	}
	from := c.site.register(register)
	from.ShiftLeft = uint8(64 - 8*register.Size)
	from.ShiftRight = from.ShiftLeft
	return origin{from: from}, nil
}

// btfType is a word that points at what the policy says.
func (c *compiler) btfType(a *policy.Argument, from source) (origin, error) {
	spec, err := c.site.spec, c.site.untyped
	if a.BTFTypeModule != "" {
		spec, err = c.node.Kernel.Module(a.BTFTypeModule)
	}
	if err != nil {
		return origin{}, fmt.Errorf("btfType %s: %w", a.BTFType, err)
	}
	target, err := layout.Struct(spec, a.BTFType)
	return origin{from: from, declared: &btf.Pointer{Target: target}, spec: spec}, err
}

// resolved compiles the way from an argument to a field.
func (c *compiler) resolved(a *policy.Argument, start origin) (value, error) {
	walk, err := layout.Resolve(start.spec, start.declared, a.Resolve)
	if err != nil {
		return value{}, err
	}
	t := a.Type
	if t.Class == policy.ClassAuto {
		if t, err = walk.ArgumentType(); err != nil {
			return value{}, fmt.Errorf("type auto: %w", err)
		}
	}
	if err := layout.Check(walk.Declared, t); err != nil {
		return value{}, err
	}
	if len(walk.Offsets) > hook.MaxWalk {
		return value{}, fmt.Errorf("resolve: %d pointers, at most %d can be followed", len(walk.Offsets), hook.MaxWalk)
	}
	v, err := c.typed(a, t, start.from)
	if err != nil {
		return v, err
	}
	if v.layout.Source == uint8(bpf.HookValueSourceFROM_SLOT) && len(walk.Offsets) > 0 {
		v.layout.Source = uint8(bpf.HookValueSourceFROM_CONTEXT) // with pointers that may be NULL the verifier lets nothing be computed
	}
	v.layout.Steps = uint8(copy(v.layout.Walk[:], walk.Offsets))
	v.layout.Size = uint8(min(max(walk.Size, 1), word))
	number := isNumber(v.layout.Kind)
	switch {
	case walk.ByAddress:
		v.layout.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_ADDRESS)
		v.layout.ShiftLeft, v.layout.ShiftRight = 0, 0
	case !number:
		v.layout.ShiftLeft, v.layout.ShiftRight = 0, 0
	case walk.BitSize > 0:
		v.layout.ShiftLeft, v.layout.ShiftRight = uint8(64-walk.BitOffset-walk.BitSize), uint8(64-walk.BitSize)
		v.layout.Flags = signed(v.layout.Flags, walk.Signed)
	case int(walk.Size)*8 < t.Bits:
		v.layout.ShiftLeft = uint8(64 - 8*walk.Size)
		v.layout.ShiftRight = v.layout.ShiftLeft
		v.layout.Flags = signed(v.layout.Flags, walk.Signed)
	}
	return v, nil
}

func isNumber(kind uint8) bool {
	return kind == uint8(bpf.HookArgumentKindKIND_NUMBER) || kind == uint8(bpf.HookArgumentKindKIND_SYSCALL)
}

// typed compiles the word that a source gives as a value of a type.
func (c *compiler) typed(a *policy.Argument, t *policy.ArgumentType, from source) (value, error) {
	kind, flags, ok := hook.Layout(t)
	if !ok {
		return value{}, fmt.Errorf("type %s cannot be read by a hook", t)
	}
	if err := c.node.builtFor(kind, t); err != nil {
		return value{}, err
	}
	l := from.HookHookArgument
	if !from.override {
		l.Kind = kind
	}
	if t.Name == "dentry" && !from.override {
		if from.beside = c.directory(a); from.beside == nil {
			c.notes = append(c.notes, "the path of a dentry begins where its file system is mounted")
		}
	}
	if from.note != "" {
		c.notes = append(c.notes, from.note)
	}
	l.Flags |= flags
	l.Beside = hook.Nowhere
	if l.Source != uint8(bpf.HookValueSourceFROM_USER_MEMORY) {
		l.Index = hook.Nowhere
	}
	l.Maximum = bufferBytes
	if a.MaxData {
		l.Maximum = mostBufferBytes
		c.notes = append(c.notes, fmt.Sprintf("maxData: at most %d bytes of the buffer are sent", mostBufferBytes))
	}
	if c.site.user && !from.kernel && t.Name != "const_buf" {
		l.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_USER)
	}
	if isNumber(l.Kind) && l.Source == uint8(bpf.HookValueSourceFROM_CONTEXT_ADDRESS) { // of an array, the first
		l.Source = uint8(bpf.HookValueSourceFROM_CONTEXT)
	}
	if isNumber(l.Kind) && t.Bits > 0 && from.ShiftLeft == 0 {
		l.ShiftLeft = uint8(64 - t.Bits)
		l.ShiftRight = l.ShiftLeft
		l.Flags = signed(l.Flags, t.Signed)
	}
	if t.Class == policy.ClassFile && l.Kind == uint8(bpf.HookArgumentKindKIND_FD) {
		l.ShiftLeft, l.ShiftRight = 32, 32
	}
	if t.Name == "nop" {
		l.Kind, l.Flags = uint8(bpf.HookArgumentKindKIND_NUMBER), uint8(bpf.HookArgumentFlagsARGUMENT_UNSENT)
	}
	return value{layout: l, typ: t, beside: from.beside, lacks: from.lacks}, nil
}

// directory is the argument nearest to a dentry, the ones before it first, that is a struct path: the functions that are
// asked about names are given the directory, which is in the same mount. nil if there is none.
func (c *compiler) directory(a *policy.Argument) *source {
	if c.site.parameter == nil || a.Source != policy.SourceArguments || len(a.Resolve) > 0 {
		return nil
	}
	is := func(index int) bool {
		t, err := c.site.parameter(index)
		return err == nil && layout.PointsTo(t, "path")
	}
	for index := a.Index - 1; index >= 0; index-- {
		if is(index) {
			return c.wordOf(index)
		}
	}
	for index := a.Index + 1; index < hook.MaxArguments; index++ {
		if is(index) {
			return c.wordOf(index)
		}
	}
	return nil
}

// wordOf is an argument as it stands; nil if it is not seen.
func (c *compiler) wordOf(index int) *source {
	from, err := c.site.word(index)
	if err != nil {
		return nil
	}
	return &from
}

func signed(flags uint8, yes bool) uint8 {
	if yes {
		return flags | uint8(bpf.HookArgumentFlagsARGUMENT_SIGNED)
	}
	return flags &^ uint8(bpf.HookArgumentFlagsARGUMENT_SIGNED)
}

// fieldOfTask is a field of the current task.
func (n *Node) fieldOfTask(name string) (source, error) {
	return n.follow(source{kernel: true, HookHookArgument: bpf.HookHookArgument{Source: uint8(bpf.HookValueSourceFROM_TASK)}}, "task_struct", name)
}

// follow is a field, which is no bitfield, of the struct that a pointer leads to.
func (n *Node) follow(pointer source, of, name string) (source, error) {
	spec, err := n.Kernel.Spec()
	if err != nil {
		return pointer, err
	}
	target, err := layout.Struct(spec, of)
	if err != nil {
		return pointer, err
	}
	walk, err := layout.Resolve(spec, &btf.Pointer{Target: target}, []policy.Step{{Field: name}})
	if err != nil {
		return pointer, err
	}
	if walk.BitSize > 0 {
		return pointer, fmt.Errorf("%s of %s is a bitfield", name, of)
	}
	pointer.Steps, pointer.Size = uint8(copy(pointer.Walk[:], walk.Offsets)), uint8(min(walk.Size, word))
	return pointer, nil
}
