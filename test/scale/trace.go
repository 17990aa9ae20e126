// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
)

// seen is what a run of the plugin came to.
type seen struct {
	// tracing is the time until all nodes traced, first until the first event, ending from Ctrl-C to the end.
	tracing, first, ending time.Duration
	// cpu is user and system time of the plugin, resident the most memory that it had, in bytes.
	cpu      time.Duration
	resident int64
	// requests to the API server in all; emitted events as the tracers counted them, shown as their lines did.
	requests       int64
	emitted, shown uint64
	code, podsLeft int
	stderr         string
}

const header = "nodes   all trace   first event   Ctrl-C to end   CPU     memory    requests a node   events emitted, shown"

func (s *seen) line(t trial) string {
	name := fmt.Sprint(t.nodes)
	if t.failing > 0 {
		name += fmt.Sprintf(" (%d fail)", t.failing)
	}
	return fmt.Sprintf("%-5s   %8.1fs   %10.1fs   %12.1fs   %5.1fs   %4d MiB   %15.1f   %d, %d", name, s.tracing.Seconds(), s.first.Seconds(), s.ending.Seconds(),
		s.cpu.Seconds(), s.resident>>20, float64(s.requests)/float64(t.nodes), s.emitted, s.shown)
}

// check says what was not as it has to be, whatever the speed.
func (s *seen) check(t trial) error {
	var errs []error
	if s.code != 0 {
		errs = append(errs, fmt.Errorf("exit code %d", s.code))
	}
	if s.podsLeft > 0 {
		errs = append(errs, fmt.Errorf("%d tracer pods are left", s.podsLeft))
	}
	if t.failing == 0 && s.shown != s.emitted {
		errs = append(errs, fmt.Errorf("%d events of %d were shown", s.shown, s.emitted))
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New("stderr:\n"+s.stderr))
	}
	return errors.Join(errs...)
}

// startLimit is more than what the plugin waits for a node that is never heard.
const startLimit = 4 * time.Minute

// tracePods runs the plugin until all nodes trace, for some time more, and to its end.
func tracePods(ctx context.Context, on targets, t trial) (*seen, error) {
	plugin := exec.CommandContext(ctx, "bin/kubectl-trace_sec", "exec", "--failed=false", "-n", on.namespace, "-l", "app=scale", "--tracer-namespace", on.tracers,
		"--tracer", "image", "--image", "localhost/scale:1", "--max-nodes", fmt.Sprint(t.nodes), "-o", "json")
	output, err := plugin.StdoutPipe()
	if err != nil {
		return nil, err
	}
	messages, err := plugin.StderrPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := plugin.Start(); err != nil {
		return nil, err
	}
	s := &seen{}
	first, counted := make(chan time.Time, 1), make(chan uint64, 1)
	go func() { counted <- countLines(output, first) }()
	traced, said := make(chan struct{}), make(chan string, 1)
	go func() { said <- readMessages(messages, traced) }()
	select {
	case <-traced:
		s.tracing = time.Since(began)
	case <-time.After(startLimit):
		_ = plugin.Process.Kill()
		return nil, fmt.Errorf("not all traced within %s:\n%s", startLimit, <-said)
	}
	select {
	case <-time.After(t.lasts):
	case <-ctx.Done():
	}
	ended := time.Now()
	_ = plugin.Process.Signal(os.Interrupt)
	s.shown, s.stderr = <-counted, <-said
	err = plugin.Wait()
	s.ending = time.Since(ended)
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		s.code = exit.ExitCode()
	}
	usage, _ := plugin.ProcessState.SysUsage().(*syscall.Rusage)
	s.cpu, s.resident = plugin.ProcessState.UserTime()+plugin.ProcessState.SystemTime(), usage.Maxrss<<10
	select {
	case at := <-first:
		s.first = at.Sub(began)
	default:
	}
	s.podsLeft, err = on.tracerPods(context.WithoutCancel(ctx))
	return s, err
}

// countLines counts events, and says when the first came.
func countLines(output io.Reader, first chan<- time.Time) (count uint64) {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if bytes.Contains(lines.Bytes(), []byte(`"process_exec":`)) {
			if count++; count == 1 {
				first <- time.Now()
			}
		}
	}
	return count
}

// readMessages closes traced when the plugin says that it traces.
func readMessages(messages io.Reader, traced chan<- struct{}) string {
	var all strings.Builder
	lines := bufio.NewScanner(messages)
	lines.Buffer(nil, 1<<20)
	for open := true; lines.Scan(); {
		fmt.Fprintln(&all, lines.Text())
		if open && strings.Contains(lines.Text(), "tracing ") && strings.Contains(lines.Text(), " on ") {
			open = false
			close(traced)
		}
	}
	return all.String()
}

// requests are how many requests the API server has answered or has under way, by its own metrics.
func requests(ctx context.Context, client kubernetes.Interface) (sum int64, err error) {
	text, err := client.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "apiserver_request_total{") {
			continue
		}
		var value float64
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &value); err != nil {
			return 0, fmt.Errorf("metrics: %q: %w", line, err)
		}
		sum += int64(value)
	}
	return sum, nil
}
