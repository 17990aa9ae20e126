// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// files is a policy that tells every access to files below a folder: what is read and written, mapped and truncated, and what
// the kernel said to it.
const files = `  kprobes:
  - {call: security_file_permission, syscall: false, return: true, args: [{index: 0, type: file}, {index: 1, type: int}], returnArg: {index: 0, type: int},
     selectors: [{matchArgs: [{index: 0, operator: Prefix, values: ["%[1]s/"]}]}]}
  - {call: security_mmap_file, syscall: false, return: true, args: [{index: 0, type: file}, {index: 1, type: uint32}, {index: 2, type: nop}], returnArg: {index: 0, type: int},
     selectors: [{matchArgs: [{index: 0, operator: Prefix, values: ["%[1]s/"]}]}]}
  - {call: security_path_truncate, syscall: false, return: true, args: [{index: 0, type: path}], returnArg: {index: 0, type: int},
     selectors: [{matchArgs: [{index: 0, operator: Prefix, values: ["%[1]s/"]}]}]}`

// running is a tracer in this process.
type running struct {
	stop   context.CancelFunc
	ended  chan error
	frames *frames
}

// frames takes what a tracer writes and keeps the last frame.
type frames struct {
	begun chan struct{}
	bytes int64
	last  []byte
}

// Write takes a frame; the first is hello.
func (f *frames) Write(frame []byte) (int, error) {
	if f.bytes == 0 {
		close(f.begun)
	}
	f.bytes += int64(len(frame))
	f.last = append(f.last[:0], frame...)
	return len(frame), nil
}

// startTracer returns when it traces.
func startTracer(targets wire.Targets, policies ...string) (*running, error) {
	ctx, stop := context.WithCancel(context.Background())
	r := &running{stop: stop, ended: make(chan error, 1), frames: &frames{begun: make(chan struct{})}}
	config := wire.TracerConfig{Version: wire.Version, Session: "bench", Node: "bench", Targets: targets}
	for _, p := range policies {
		config.Policies = append(config.Policies, wire.PolicySource{Name: "bench.yaml", Text: p})
	}
	go func() {
		_, err := tracer.Run(ctx, tracer.Options{Config: config, Frames: r.frames})
		r.ended <- err
	}()
	select {
	case <-r.frames.begun:
		return r, nil
	case err := <-r.ended:
		stop()
		return nil, errors.Join(errors.New("the tracer ended before it began"), err)
	}
}

// end stops it and returns what it said at last.
func (r *running) end() (event.Totals, error) {
	r.stop()
	if err := <-r.ended; err != nil {
		return event.Totals{}, err
	}
	f, err := wire.DecodeFrame(bytes.TrimSpace(r.frames.last))
	if err != nil {
		return event.Totals{}, err
	}
	if f.Bye == nil {
		return event.Totals{}, errors.New("the tracer did not say bye")
	}
	return f.Bye.Totals, nil
}

// kinds of calls in the table of a session.
var sessionRows = []struct {
	loop, what string
	inside     bool
	target     bool
}{
	{"fork+exec+exit", "of another pod", false, false},
	{"fork+exec+exit", "traced", false, true},
	{"pread", "of another pod", false, false},
	{"pread", "traced, of a file that does not match", false, true},
	{"pread", "of a file that matches", true, true},
	{"open+close", "traced, of a file that does not match", false, true},
	{"open+close", "of a file that matches", true, true},
}

// session measures loops beside the whole tracer, in turns with none.
func session(w *workload, o options) error {
	return beside(w, o, "a policy about the files below a folder", policyOf("files", fmt.Sprintf(files, w.inside)))
}

// fileCommand is session with what the command file asks for.
func fileCommand(w *workload, o options) error {
	text, err := compose.YAML(compose.File(compose.FilePaths{Prefixes: []string{w.inside}}, usualOfFiles()))
	if err != nil {
		return err
	}
	return beside(w, o, "what file --prefix asks for", string(text))
}

func beside(w *workload, o options, what, policy string) error {
	c, err := newCgroups(w.pid())
	if err != nil {
		return err
	}
	base, traced := make([]float64, len(sessionRows)), make([]float64, len(sessionRows))
	lost := uint64(0)
	for range o.rounds {
		if err := sessionRound(w, c, policy, base, traced, &lost); err != nil {
			return errors.Join(err, c.close(w))
		}
	}
	t := newTable("loop", "calls", "no tracer", "tracer", "")
	for i, row := range sessionRows {
		t.add(row.loop, row.what, fmt.Sprintf("%.2f µs", base[i]/1000), fmt.Sprintf("%.2f µs", traced[i]/1000), fmt.Sprintf("× %.2f", traced[i]/base[i]))
	}
	fmt.Printf("the whole tracer, with %s; fastest of %d rounds\n", what, o.rounds)
	t.print()
	fmt.Printf("  events lost meanwhile: %d\n", lost)
	return c.close(w)
}

func sessionRound(w *workload, c *cgroups, policy string, base, traced []float64, lost *uint64) error {
	measure := func(best []float64, targets func(target bool) bool) error {
		for i, row := range sessionRows {
			if !targets(row.target) {
				continue
			}
			folder := w.outside
			if row.inside {
				folder = w.inside
			}
			took, err := w.measure(loopNamed(row.loop), folder)
			if err != nil {
				return err
			}
			if best[i] == 0 || took < best[i] {
				best[i] = took
			}
			time.Sleep(settle)
		}
		return nil
	}
	if err := measure(base, func(bool) bool { return true }); err != nil {
		return err
	}
	for _, target := range []bool{false, true} {
		r, err := startTracer(wire.Targets{Cgroups: []string{c.folder(target)}}, policy)
		if err != nil {
			return err
		}
		err = measure(traced, func(of bool) bool { return of == target })
		totals, ended := r.end()
		if err != nil || ended != nil {
			return errors.Join(err, ended)
		}
		*lost += totals.Throttled
		for _, n := range totals.Lost {
			*lost += n
		}
	}
	return nil
}

// settle is how long a loop's records get to leave the ring before the next loop begins.
const settle = 50 * time.Millisecond
