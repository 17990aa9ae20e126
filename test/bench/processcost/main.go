// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command processcost measures what tracing adds to fork+exec+exit: the same workload without a tracer, with a bpftrace
// one-liner on the same tracepoints, and with the tracer, in turns, so that a machine that others use as well slows all
// three alike. Ratios of medians count; absolute times are of this machine.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	rounds    = 15
	processes = 4000
	// unpaced is a rate that no machine reaches: the workload runs as fast as it can.
	unpaced = 1_000_000
)

// oneLiner prints what the tracer reports, as far as a line of bpftrace can.
const oneLiner = `BEGIN { printf("ready\n"); }
tracepoint:sched:sched_process_fork { printf("fork %d %d\n", args->parent_pid, args->child_pid); }
tracepoint:sched:sched_process_exec { printf("exec %d %s\n", pid, str(args->filename)); }
tracepoint:sched:sched_process_exit { printf("exit %d %s\n", pid, comm); }`

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "processcost:", err)
		os.Exit(1)
	}
}

// tracer is something that runs beside the workload.
type tracer struct {
	name    string
	command func() *exec.Cmd
	// ready is what its output holds as soon as it traces.
	ready string
}

func run() error {
	folder, err := os.MkdirTemp("", "processcost")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	scenario := filepath.Join(folder, "scenario")
	if out, err := exec.Command("gcc", "-O1", "-static", "-pthread", "-o", scenario, "pkg/tracer/testdata/scenario.c").CombinedOutput(); err != nil {
		return fmt.Errorf("build the workload: %w\n%s", err, out)
	}
	tracers := []tracer{
		{name: "no tracer"},
		{"bpftrace", func() *exec.Cmd { return exec.Command("bpftrace", "-e", oneLiner) }, "ready"},
		{"trace-sec", func() *exec.Cmd {
			return exec.Command("bin/trace-sec-tracer", "--config", `{"v":1,"session":"bench","node":"bench","targets":{"all":true},"process":{}}`)
		}, `"hello"`},
	}
	times := make([][]time.Duration, len(tracers))
	var last []byte
	for range rounds {
		for i, t := range tracers {
			took, output, err := measure(t, scenario)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			times[i] = append(times[i], took)
			last = output
		}
	}
	fmt.Printf("fork+exec+exit, median of %d rounds of %d processes\n", rounds, processes)
	base := median(times[0])
	for i, t := range tracers {
		m := median(times[i])
		fmt.Printf("  %-10s %8.1f µs   × %.2f\n", t.name, float64(m.Nanoseconds())/processes/1000, float64(m)/float64(base))
	}
	return printCost(last)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// measure runs the workload beside a tracer; output is the last that the tracer wrote.
func measure(t tracer, scenario string) (took time.Duration, output []byte, err error) {
	stop := func() ([]byte, error) { return nil, nil }
	if t.command != nil {
		if stop, err = start(t); err != nil {
			return 0, nil, err
		}
	}
	began := time.Now()
	err = exec.Command(scenario, "many", strconv.Itoa(processes), strconv.Itoa(unpaced), scenario, "exit", "0").Run()
	took = time.Since(began)
	output, stopError := stop()
	return took, output, errors.Join(err, stopError)
}

// start starts a tracer and returns when it traces.
func start(t tracer) (stop func() ([]byte, error), err error) {
	command := t.command()
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReaderSize(output, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if strings.Contains(line, t.ready) {
			break
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("ended before it was ready: %w", err), command.Wait())
		}
	}
	tail := make(chan []byte, 1)
	go func() {
		var last []byte
		for {
			line, err := lines.ReadBytes('\n')
			if len(line) > 0 {
				last = line
			}
			if err != nil {
				tail <- last
				_, _ = io.Copy(io.Discard, output)
				return
			}
		}
	}()
	return func() ([]byte, error) {
		if err := command.Process.Signal(syscall.SIGINT); err != nil {
			return nil, err
		}
		last := <-tail
		return last, command.Wait()
	}, nil
}

// printCost prints what the tracer says of itself in its last frame.
func printCost(frame []byte) error {
	decoded, err := wire.DecodeFrame(bytes.TrimSpace(frame))
	if err != nil {
		return err
	}
	if decoded.Bye == nil {
		return errors.New("the tracer did not say bye")
	}
	totals := decoded.Bye.Totals
	seen, err := json.Marshal(totals.Seen)
	if err != nil {
		return err
	}
	fmt.Printf("tracer: %s seen, %d events, lost %v\n", seen, totals.Events, totals.Lost)
	fmt.Printf("tracer: peak resident %.1f MiB, CPU %.0f ms, kernel programs %.2f µs per run\n",
		float64(totals.Cost.PeakResidentBytes)/(1<<20), float64(totals.Cost.CPUNanoseconds)/1e6,
		float64(totals.Cost.BPFNanoseconds)/1000/float64(max(1, totals.Cost.BPFRuns)))
	return nil
}
