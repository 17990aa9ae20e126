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

// tenHooks is a policy with as many, of files, sockets and processes.
const tenHooks = files + `
  - {call: security_file_open, syscall: false, args: [{index: 0, type: file}], selectors: [{matchArgs: [{index: 0, operator: Prefix, values: ["%[1]s/"]}]}]}
  - {call: fd_install, syscall: false, args: [{index: 0, type: int}, {index: 1, type: file}], selectors: [{matchArgs: [{index: 1, operator: Postfix, values: [".secret"]}]}]}
  - {call: tcp_connect, syscall: false, args: [{index: 0, type: sock}], selectors: [{matchArgs: [{index: 0, operator: DPort, values: ["443"]}]}]}
  - {call: tcp_close, syscall: false, args: [{index: 0, type: sock}]}
  - {call: security_socket_connect, syscall: false, args: [{index: 0, type: socket}, {index: 1, type: sockaddr}]}
  - {call: security_bprm_check, syscall: false, args: [{index: 0, type: linux_binprm}]}
  - {call: sys_mount, syscall: true, args: [{index: 0, type: string}, {index: 1, type: string}]}`

// load measures from the start of a tracer's process until it traces.
func load(w *workload, o options) error {
	rows := []struct {
		what     string
		policies []string
	}{
		{"no policy", nil},
		{"one hook", []string{policyOf("one", fmt.Sprintf(permissions, w.inside))}},
		{"ten hooks", []string{policyOf("ten", fmt.Sprintf(tenHooks, w.inside))}},
	}
	best, last := make([]time.Duration, len(rows)), make([]*told, len(rows))
	for range o.rounds {
		for i, row := range rows {
			took, said, err := traces(w, row.policies)
			if err != nil {
				return fmt.Errorf("%s: %w", row.what, err)
			}
			if best[i] == 0 || took < best[i] {
				best[i] = took
			}
			last[i] = said
		}
	}
	t := newTable("policy", "hooks", "programs", "start → traces", "policy alone", "resident at most", "CPU")
	for i, row := range rows {
		programs := 0
		for _, h := range last[i].hello.Hooks {
			if h.Refused != "" {
				return fmt.Errorf("%s is not served: %s", h.Name, h.Refused)
			}
			programs += h.Programs
		}
		cost := last[i].bye.Totals.Cost
		t.add(row.what, fmt.Sprint(len(last[i].hello.Hooks)), fmt.Sprint(programs), best[i].Round(time.Millisecond).String(),
			(best[i] - best[0]).Round(time.Millisecond).String(), fmt.Sprintf("%.1f MiB", float64(cost.PeakResidentBytes)/(1<<20)),
			time.Duration(cost.CPUNanoseconds).Round(time.Millisecond).String())
	}
	fmt.Printf("a tracer's start, fastest of %d\n", o.rounds)
	t.print()
	return nil
}

// told is what a tracer says of itself.
type told struct {
	hello event.Hello
	bye   event.Bye
}

// traces starts a tracer in a process of its own and ends it as soon as it traces.
func traces(w *workload, policies []string) (took time.Duration, said *told, err error) {
	config := wire.TracerConfig{Version: wire.Version, Session: "bench", Node: "bench", Targets: wire.Targets{Pids: []uint32{w.pid()}}}
	for _, p := range policies {
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
			return took, said, command.Wait()
		}
		if err != nil {
			return 0, nil, errors.Join(err, command.Wait())
		}
		if f.Hello != nil {
			took, said.hello = time.Since(began), *f.Hello
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
