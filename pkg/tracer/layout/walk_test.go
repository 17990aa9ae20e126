// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/testprogram"
)

// shapes compiles testdata/shapes.c and returns its type information and what it prints, by resolve.
func shapes(t *testing.T) (*btf.Spec, map[string][]string) {
	t.Helper()
	program := testprogram.Path(t, "shapes")
	said := map[string][]string{}
	for line := range strings.Lines(run(t, program)) {
		words := strings.Fields(line)
		said[words[0]] = words[1:]
	}
	return fileSpec(t, program), said
}

func run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	out, err := exec.Command(name, arguments...).Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("%s: %v: %s", name, err, exit.Stderr)
		}
		t.Fatalf("%s: %v", name, err)
	}
	return string(out)
}

func fileSpec(t *testing.T, path string) *btf.Spec {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	spec, err := File(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func kernel(t *testing.T) *btf.Spec {
	t.Helper()
	spec, err := NewKernel().Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func structure(t *testing.T, spec *btf.Spec, name string) btf.Type {
	t.Helper()
	found, err := Struct(spec, name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// stepsOf reads a resolve with the policy's own parser.
func stepsOf(t *testing.T, resolve string) []policy.Step {
	t.Helper()
	if resolve == "" {
		return nil
	}
	text := fmt.Sprintf(`{apiVersion: cilium.io/v1alpha1, kind: TracingPolicy, metadata: {name: a}, spec: {kprobes: [
		{call: f, syscall: false, args: [{index: 0, type: auto, resolve: %q}]}]}}`, resolve)
	file, err := policy.Parse("policy", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return file.Policies[0].Hooks[0].Args[0].Resolve
}

// TestOffsetsAreTheCompilers compares every member with what the compiler says.
func TestOffsetsAreTheCompilers(t *testing.T) {
	spec, said := shapes(t)
	root := structure(t, spec, "shape")
	for resolve, want := range said {
		for _, root := range []btf.Type{root, &btf.Pointer{Target: &btf.Const{Type: root}}} {
			walk, err := Resolve(spec, root, stepsOf(t, resolve))
			if err != nil {
				t.Error(err)
				continue
			}
			if len(walk.Offsets) != 1 {
				t.Errorf("%s: offsets %v: want one", resolve, walk.Offsets)
				continue
			}
			if len(want) == 1 {
				checkBits(t, resolve, walk, want[0])
				continue
			}
			if got := []string{fmt.Sprint(walk.Offsets[0]), fmt.Sprint(walk.Size)}; !slices.Equal(got, want) {
				t.Errorf("%s: offset and size %v, the compiler says %v", resolve, got, want)
			}
		}
	}
	if len(said) < 20 {
		t.Errorf("%d members were compared", len(said))
	}
}

// checkBits wants the bits that are set in memory, those and no others.
func checkBits(t *testing.T, resolve string, walk Walk, memory string) {
	t.Helper()
	raw, err := hex.DecodeString(memory)
	if err != nil {
		t.Fatal(err)
	}
	set := 0
	for _, b := range raw {
		set += bits.OnesCount8(b)
	}
	var read [8]byte
	copy(read[:], raw[walk.Offsets[0]:walk.Offsets[0]+walk.Size])
	value := binary.LittleEndian.Uint64(read[:]) >> walk.BitOffset
	if mask := uint64(1)<<walk.BitSize - 1; value != mask || int(walk.BitSize) != set {
		t.Errorf("%s: %d bytes at %d, %d bits at %d: read %#x, want %d bits set",
			resolve, walk.Size, walk.Offsets[0], walk.BitSize, walk.BitOffset, value, set)
	}
	if walk.Offsets[0]%walk.Size != 0 {
		t.Errorf("%s: %d bytes at %d are not aligned", resolve, walk.Size, walk.Offsets[0])
	}
}

func TestPointersBeginOffsets(t *testing.T) {
	spec, _ := shapes(t)
	root := structure(t, spec, "shape")
	leaf := structure(t, spec, "leaf")
	for _, test := range []struct {
		root      btf.Type
		resolve   string
		offsets   []uint32
		size      uint32
		byAddress bool
		shown     string
	}{
		{root, "many[3].next.name", []uint32{136, 24, 0}, 16, true, "string"},
		{root, "many[1].next.next.number", []uint32{120, 24, 24, 16}, 8, false, "int64"},
		{root, "leaves[1].next.number", []uint32{64, 16}, 8, false, "int64"},
		{root, "leaves[1].next", []uint32{64}, 8, false, "uint64"},
		// An element of a pointer is of the array there.
		{root, "text[5]", []uint32{200, 5}, 1, false, "int8"},
		{root, "many[0][2].name[1]", []uint32{112, 65}, 1, false, "int8"},
		{root, "count", []uint32{144}, 4, false, "int32"},
		{root, "text", []uint32{200}, 8, false, "string"},
		{root, "tail", []uint32{208}, 0, true, "string"},
		{root, "tiny", []uint32{175}, 1, false, "int8"},
		{root, "low", []uint32{108}, 1, false, "uint8"},
		{root, "before", []uint32{104}, 2, false, "int16"},
		{root, "wide", []uint32{160}, 4, false, "int32"},
		// The argument is a pointer to an array of structs, or a pointer to a pointer.
		{&btf.Pointer{Target: leaf}, "[2].number", []uint32{80}, 8, false, "int64"},
		{&btf.Pointer{Target: &btf.Pointer{Target: leaf}}, "[2].number", []uint32{16, 16}, 8, false, "int64"},
		{&btf.Pointer{Target: leaf}, "", nil, 8, false, "uint64"},
	} {
		walk, err := Resolve(spec, test.root, stepsOf(t, test.resolve))
		if err != nil {
			t.Error(err)
			continue
		}
		if !slices.Equal(walk.Offsets, test.offsets) || walk.Size != test.size || walk.ByAddress != test.byAddress {
			t.Errorf("%s: %+v, want %v, %d bytes, by address %t", test.resolve, walk, test.offsets, test.size, test.byAddress)
		}
		if test.shown == "int8" && walk.Declared.TypeName() == "char" {
			// char has a sign or has none, as the processor likes it.
			continue
		}
		if shown, err := walk.ArgumentType(); err != nil || shown.Name != test.shown {
			t.Errorf("%s is shown as %v, %v; want %s", test.resolve, shown, err, test.shown)
		}
	}
}

func TestResolveSaysWhatIsWrong(t *testing.T) {
	spec, _ := shapes(t)
	root := structure(t, spec, "shape")
	long := "leaves[0]" + strings.Repeat(".next", MostDereferences)
	if walk, err := Resolve(spec, root, stepsOf(t, long+".number")); err != nil || len(walk.Offsets) != MostDereferences+1 {
		t.Errorf("%v, %v", walk, err)
	}
	for resolve, want := range map[string]string{
		"colour":              "resolve colour: struct shape has no member colour; did you mean color?",
		"leaves[1].nmae":      "resolve leaves[1].nmae: leaf_t has no member nmae; did you mean name?",
		"many[1].next.zzzzzz": "resolve many[1].next.zzzzzz: struct leaf has no member zzzzzz; want one of name, next, number",
		"leaves.name":         "resolve leaves.name: leaf_t [3] has no members",
		"leaves[3]":           "resolve leaves[3]: leaf_t [3] ends with element 2",
		"color[0]":            "resolve color[0]: enum color has no elements",
		"color.red":           "resolve color.red: enum color has no members",
		"anything[1]":         "resolve anything[1]: the size of void is unknown",
		"anything.there":      "resolve anything.there: void * has no members",
		"missing.there": "resolve missing.there: struct missing is only declared here: its members are in the type information of the module " +
			"that has it (btfType and btfTypeModule)",
		"tail[4].name":        "resolve tail[4].name: char has no members",
		long + ".next.number": "resolve " + long + ".next.number: more than 10 pointers to follow",
	} {
		if _, err := Resolve(spec, root, stepsOf(t, resolve)); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", resolve, err, want)
		}
	}
}

// TestPerCPU: pointers to what each CPU has are no addresses.
func TestPerCPU(t *testing.T) {
	number := &btf.Int{Name: "int", Size: 4}
	root := &btf.Struct{Name: "s", Size: 8, Members: []btf.Member{
		{Name: "counters", Type: &btf.Pointer{Target: &btf.Const{Type: &btf.TypeTag{Value: "percpu", Type: number}}}}}}
	if _, err := Resolve(nil, root, []policy.Step{{Field: "counters"}, {Element: 1}}); err == nil || !strings.Contains(err.Error(), "each CPU") {
		t.Error(err)
	}
}

// TestDeclaredStruct: what is only declared where the argument is, is looked up.
func TestDeclaredStruct(t *testing.T) {
	spec, _ := shapes(t)
	declared := &btf.Pointer{Target: &btf.Fwd{Name: "leaf"}}
	walk, err := Resolve(spec, declared, stepsOf(t, "next.number"))
	if err != nil || !slices.Equal(walk.Offsets, []uint32{24, 16}) {
		t.Errorf("%v, %v", walk, err)
	}
	if walk, err = Resolve(nil, declared, stepsOf(t, "next.number")); err == nil {
		t.Errorf("without type information: %v", walk)
	}
}
