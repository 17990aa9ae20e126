// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Kernel is the type information of the running kernel and of its modules. Each is read when it is first asked for.
type Kernel struct {
	cache *btf.Cache
	// functions are the names of the kernel's own, for messages.
	functions func() []string
}

// NewKernel reads nothing yet.
func NewKernel() *Kernel {
	cache := btf.NewCache()
	return &Kernel{cache, sync.OnceValue(func() []string {
		spec, err := cache.Kernel()
		if err != nil {
			return nil
		}
		return functionNames(spec, "")
	})}
}

// Cache is what reads it, for all that loads programs beside: decoding takes tens of milliseconds each time.
func (k *Kernel) Cache() *btf.Cache { return k.cache }

// Spec is the type information of the kernel itself.
func (k *Kernel) Spec() (*btf.Spec, error) {
	spec, err := k.cache.Kernel()
	if err != nil {
		return nil, fmt.Errorf("the kernel's type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF): %w", err)
	}
	return spec, nil
}

// Module is the type information of a loaded module, without the kernel's own. The empty name and vmlinux are the kernel.
func (k *Kernel) Module(name string) (*btf.Spec, error) {
	if name == "" || name == "vmlinux" {
		return k.Spec()
	}
	spec, err := k.cache.Module(strings.ReplaceAll(name, "-", "_"))
	if err == nil {
		return spec, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		loaded, _ := k.cache.Modules()
		return nil, fmt.Errorf("module %s is not loaded, or was built without type information%s", name, policy.DidYouMean(name, loaded))
	}
	return nil, fmt.Errorf("type information of module %s: %w", name, err)
}

// OfFunction is the type information that has a kernel function, and the module, empty for the kernel itself. The error wraps
// btf.ErrNotFound if none has it, and names the nearest that the kernel has.
func (k *Kernel) OfFunction(function string) (spec *btf.Spec, module string, err error) {
	if spec, err = k.Spec(); err != nil {
		return nil, "", err
	}
	if _, err = prototype(spec, function); err == nil || !errors.Is(err, btf.ErrNotFound) {
		return spec, "", err
	}
	// A kernel without modules has none to list.
	modules, _ := k.cache.Modules()
	for _, module := range modules {
		if spec, err := k.cache.Module(module); err == nil {
			if _, err = prototype(spec, function); err == nil {
				return spec, module, nil
			}
		}
	}
	return nil, "", fmt.Errorf("function %s: type information of the kernel and %d modules: %w%s", function, len(modules), btf.ErrNotFound,
		policy.DidYouMean(function, k.functions()))
}

// mostBTF is how much type information of a program is read, in bytes: a kernel has 6 MiB.
const mostBTF = 64 << 20

// File is the type information of a program: a file of it as the kernel's is, or the section .BTF of an ELF file. size is
// that of the file. Files are not trusted: more than 64 MiB and compressed sections are refused.
//
// The error wraps btf.ErrNotFound if the file has none.
func File(file io.ReaderAt, size int64) (spec *btf.Spec, err error) {
	// The readers of ELF and BTF are fed what a container brings.
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("type information: a malformed file: %v", problem)
		}
	}()
	section := io.NewSectionReader(file, 0, size)
	var magic [4]byte
	if _, err := file.ReadAt(magic[:], 0); err == nil && string(magic[:]) == elf.ELFMAG {
		if section, err = sectionBTF(file); err != nil {
			return nil, err
		}
	}
	if section.Size() > mostBTF {
		return nil, fmt.Errorf("type information: %d bytes of it, at most %d are read", section.Size(), mostBTF)
	}
	// Into memory: what is parsed cannot change meanwhile.
	raw, err := io.ReadAll(section)
	if err != nil {
		return nil, fmt.Errorf("type information: %w", err)
	}
	if spec, err = btf.LoadSpecFromReader(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("type information: %w", err)
	}
	return spec, nil
}

func sectionBTF(file io.ReaderAt) (*io.SectionReader, error) {
	parsed, err := elf.NewFile(file)
	if err != nil {
		return nil, fmt.Errorf("type information: %w", err)
	}
	section := parsed.Section(".BTF")
	switch {
	case section == nil || section.Type == elf.SHT_NOBITS:
		return nil, fmt.Errorf("type information: %w: the ELF file has no section .BTF (pahole -J makes it of DWARF)", btf.ErrNotFound)
	case section.Flags&elf.SHF_COMPRESSED != 0:
		return nil, errors.New("type information: section .BTF is compressed")
	}
	return io.NewSectionReader(file, int64(section.Offset), int64(section.FileSize)), nil
}
