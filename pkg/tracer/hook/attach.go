// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

func attachTracing(at ebpf.AttachType) attach {
	return func(p *ebpf.Program, _ Attachment, _ *Dispatch) (link.Link, error) {
		return link.AttachTracing(link.TracingOptions{Program: p, AttachType: at})
	}
}

func attachLSM(p *ebpf.Program, _ Attachment, _ *Dispatch) (link.Link, error) {
	return link.AttachLSM(link.LSMOptions{Program: p})
}

func attachTracepoint(p *ebpf.Program, a Attachment, _ *Dispatch) (link.Link, error) {
	if a.TracepointID == 0 {
		return nil, errors.New("the tracepoint's number is not known: tracefs has it, which is not mounted")
	}
	event, err := unix.PerfEventOpen(&unix.PerfEventAttr{
		Type: unix.PERF_TYPE_TRACEPOINT, Config: a.TracepointID, Sample_type: unix.PERF_SAMPLE_RAW, Sample: 1, Wakeup: 1,
	}, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC) // any process, and for programs the CPU does not matter
	if err != nil {
		return nil, fmt.Errorf("open the tracepoint: %w", err)
	}
	l, err := link.AttachRawLink(link.RawLinkOptions{Target: event, Program: p, Attach: ebpf.AttachPerfEvent})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, ebpf.ErrNotSupported) { // before 5.15
		return attachToEvent(event, p)
	}
	if err = errors.Join(err, unix.Close(event)); err != nil {
		return nil, err
	}
	return l, nil // the link holds the event
}

// eventWithProgram is a perf event that runs a program for as long as it is open.
type eventWithProgram struct {
	link.Link // none: only Close is asked of it
	event     int
}

// Close ends it.
func (e eventWithProgram) Close() error { return unix.Close(e.event) }

// attachToEvent takes over the event.
func attachToEvent(event int, p *ebpf.Program) (link.Link, error) {
	err := unix.IoctlSetInt(event, unix.PERF_EVENT_IOC_SET_BPF, p.FD())
	if err == nil {
		err = unix.IoctlSetInt(event, unix.PERF_EVENT_IOC_ENABLE, 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("have the perf event run the program: %w", err), unix.Close(event))
	}
	return eventWithProgram{event: event}, nil
}

func attachSyscalls(p *ebpf.Program, a Attachment, d *Dispatch) (link.Link, error) {
	return nil, d.add(p, a)
}

func attachKprobe(probe func(string, *ebpf.Program, *link.KprobeOptions) (link.Link, error)) attach {
	return func(p *ebpf.Program, a Attachment, _ *Dispatch) (link.Link, error) {
		if len(a.Symbols) != 1 {
			return nil, fmt.Errorf("%s attaches to one function, not to %d", a.Mechanism, len(a.Symbols))
		}
		l, err := probe(a.Symbols[0], p, nil)
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s: it may be inlined, in a module that is not loaded, or of another kernel", errNoFunction, a.Symbols[0])
		}
		return l, err
	}
}

// errNoFunction: there is nothing that could be probed.
var errNoFunction = errors.New("the kernel has no such function")

func attachKprobeMulti(probe func(*ebpf.Program, link.KprobeMultiOptions) (link.Link, error)) attach {
	return func(p *ebpf.Program, a Attachment, _ *Dispatch) (link.Link, error) {
		return probe(p, link.KprobeMultiOptions{Symbols: a.Symbols, Cookies: a.Cookies})
	}
}

func attachUprobe(returns bool) attach {
	return func(p *ebpf.Program, a Attachment, _ *Dispatch) (link.Link, error) {
		executable, err := link.OpenExecutable(a.Executable)
		if err != nil {
			return nil, err
		}
		probe := executable.Uprobe
		if returns {
			probe = executable.Uretprobe
		}
		all := &links{}
		for i, offset := range a.Offsets {
			options := &link.UprobeOptions{Address: offset}
			if len(a.RefCtrOffsets) > 0 {
				options.RefCtrOffset = a.RefCtrOffsets[i]
			}
			if len(a.Cookies) > 0 {
				options.Cookie = a.Cookies[i]
			}
			l, err := probe("", p, options)
			if err != nil {
				return nil, errors.Join(err, all.Close())
			}
			all.each = append(all.each, l)
		}
		return all, nil
	}
}

func attachUprobeMulti(returns bool) attach {
	return func(p *ebpf.Program, a Attachment, _ *Dispatch) (link.Link, error) {
		executable, err := link.OpenExecutable(a.Executable)
		if err != nil {
			return nil, err
		}
		options := &link.UprobeMultiOptions{Addresses: a.Offsets, RefCtrOffsets: a.RefCtrOffsets, Cookies: a.Cookies}
		if returns {
			return executable.UretprobeMulti(nil, p, options)
		}
		return executable.UprobeMulti(nil, p, options)
	}
}

// links are several that are closed together.
type links struct {
	link.Link // none: only Close is asked of it
	each      []link.Link
}

// Close closes all.
func (l *links) Close() error {
	var errs []error
	for _, one := range l.each {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}
