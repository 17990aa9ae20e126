// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// Tasks reads the processes that run already. Not for concurrent use: the program has one scratch area.
type Tasks struct {
	objects bpf.TaskIteratorObjects
	iter    *link.Iter
	// withoutArguments: the program cannot read what processes were called with.
	withoutArguments bool
}

// LoadTasks loads the iterator; of the scope it uses the hierarchy.
func LoadTasks(scope Scope) (*Tasks, error) {
	types := scope.types()
	spec, err := Specification(types, bpf.LoadTaskIterator, bpf.LoadTaskIteratorOld)
	if err != nil {
		return nil, err
	}
	if err := scope.apply(spec.Variables); err != nil {
		return nil, err
	}
	t := &Tasks{}
	if t.withoutArguments, err = IsOld(types); err != nil {
		return nil, err
	}
	if err := spec.LoadAndAssign(&t.objects, &ebpf.CollectionOptions{Cache: types}); err != nil {
		return nil, explain("load the task iterator", err)
	}
	if t.iter, err = link.AttachIter(link.IterOptions{Program: t.objects.Tasks}); err != nil {
		t.objects.Close()
		return nil, explain("attach the task iterator", err)
	}
	return t, nil
}

// All returns an image of every process (thread group leader) in the reader's pid namespace.
func (t *Tasks) All() ([]*Image, error) {
	stream, err := t.iter.Open()
	if err != nil {
		return nil, fmt.Errorf("start the task iterator: %w", err)
	}
	defer stream.Close()
	raw, err := io.ReadAll(stream)
	if err != nil {
		return nil, fmt.Errorf("read the task iterator: %w", err)
	}
	var images []*Image
	for len(raw) > 0 {
		var image *Image
		if image, raw, err = decodeImage(raw); err != nil {
			return nil, fmt.Errorf("task iterator: %w", err)
		}
		if t.withoutArguments {
			readArguments(image)
		}
		images = append(images, image)
	}
	return images, nil
}

// HostNamespaces are the namespaces of the host, known after the first All.
func (t *Tasks) HostNamespaces() (bpf.ProcessNamespaces, error) {
	var n bpf.ProcessNamespaces
	if err := t.objects.HostNamespaces.Get(&n); err != nil {
		return n, fmt.Errorf("read the host's namespaces: %w", err)
	}
	return n, nil
}

// Close frees the iterator.
func (t *Tasks) Close() error {
	t.iter.Close()
	return t.objects.Close()
}
