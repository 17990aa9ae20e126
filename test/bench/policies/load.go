// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// load measures from the start of a tracer's process until it traces.
func load(w *workload, o options) error {
	rows, err := loads(w)
	if err != nil {
		return err
	}
	best, last := make([]time.Duration, len(rows)), make([]*told, len(rows))
	for range o.rounds {
		for i, row := range rows {
			took, said, err := traces(w, row)
			if err != nil {
				return fmt.Errorf("%s: %w", row.what, err)
			}
			if best[i] == 0 || took < best[i] {
				best[i] = took
			}
			last[i] = said
		}
	}
	t := newTable("policy", "hooks served", "programs", "instructions verified", "start → traces", "CPU", "of it in the kernel", "resident at most")
	for i, row := range rows {
		said, served := last[i], 0
		for _, h := range said.hello.Hooks {
			if h.Refused == "" {
				served++
			}
		}
		t.add(row.what, fmt.Sprintf("%d of %d", served, len(said.hello.Hooks)), fmt.Sprint(said.programs), fmt.Sprint(said.verified), best[i].Round(time.Millisecond).String(),
			(said.user + said.system).Round(time.Millisecond).String(), said.system.Round(time.Millisecond).String(),
			fmt.Sprintf("%.1f MiB", float64(said.bye.Totals.Cost.PeakResidentBytes)/(1<<20)))
	}
	fmt.Printf("a tracer's start, fastest of %d\n", o.rounds)
	t.print()
	return nil
}

// told is what a tracer says of itself, and what the kernel does.
type told struct {
	hello event.Hello
	bye   event.Bye
	// programs that it had in the kernel, and the instructions that were verified for them.
	programs int
	verified uint64
	// user and system are its CPU time, from its start to its end.
	user, system time.Duration
}

// traces starts a tracer in a process of its own and ends it as soon as it traces.
func traces(w *workload, row loaded) (took time.Duration, said *told, err error) {
	config := wire.TracerConfig{Version: wire.Version, Session: "bench", Node: "bench", Targets: wire.Targets{Pids: []uint32{w.pid()}}, Enforce: row.armed}
	for _, p := range row.policies {
		config.Policies = append(config.Policies, wire.PolicySource{Name: "bench.yaml", Text: p})
	}
	document, err := json.Marshal(config)
	if err != nil {
		return 0, nil, err
	}
	command := exec.Command("/proc/self/exe", "--config", string(document))
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		return 0, nil, err
	}
	said = &told{}
	for decoder := wire.NewDecoder(bufio.NewReader(output)); ; {
		f, err := decoder.Next()
		if errors.Is(err, io.EOF) {
			err := command.Wait()
			said.user, said.system = command.ProcessState.UserTime(), command.ProcessState.SystemTime()
			return took, said, err
		}
		if err != nil {
			return 0, nil, errors.Join(err, command.Wait())
		}
		if f.Hello != nil {
			took, said.hello = time.Since(began), *f.Hello
			if said.programs, said.verified, err = programsOf(command.Process.Pid); err != nil {
				return 0, nil, errors.Join(err, command.Process.Kill(), command.Wait())
			}
			if err := command.Process.Signal(syscall.SIGTERM); err != nil {
				return 0, nil, err
			}
		}
		if f.Bye != nil {
			said.bye = *f.Bye
		}
	}
}

// trace is the process that traces starts.
func trace(document string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	config, err := wire.ParseTracerConfig([]byte(document))
	if err != nil {
		return err
	}
	_, err = tracer.Run(ctx, tracer.Options{Config: config, Frames: os.Stdout})
	return err
}
