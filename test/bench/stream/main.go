// SPDX-License-Identifier: Apache-2.0

// Command stream measures on a cluster how many events a second reach a file on their way from the kernel of one node through the
// kubelet's log and the API server, and what each process on that way spends on one of them.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/bench/kubectl"
)

const (
	namespace = "trace-sec-bench"
	pod       = "load"
	seconds   = 30
)

const workload = `
apiVersion: v1
kind: Pod
metadata: {name: load, namespace: trace-sec-bench}
spec:
  nodeName: n1
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: "localhost/debian:1", imagePullPolicy: Never, command: [sleep, "100000"]}]
`

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "stream:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "stream")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	program := filepath.Join(folder, "load")
	if out, err := exec.CommandContext(ctx, "gcc", "-O2", "-static", "-o", program, "test/bench/stream/testdata/load.c").CombinedOutput(); err != nil {
		return fmt.Errorf("build the load: %w\n%s", err, out)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	_, _ = kubectl.Run(ctx, "", "create", "namespace", namespace) // it may be there
	defer func() {
		_, _ = kubectl.Run(context.WithoutCancel(ctx), "", "delete", "namespace", namespace, "--wait=false")
	}()
	if _, err := kubectl.Run(ctx, workload, "apply", "-f", "-"); err != nil {
		return err
	}
	if _, err := kubectl.Run(ctx, "", "wait", "-n", namespace, "--for=condition=Ready", "pod/"+pod, "--timeout=120s"); err != nil {
		return err
	}
	if _, err := kubectl.Run(ctx, string(binary), "exec", "-i", "-n", namespace, pod, "--", "sh", "-c", "cat > /load && chmod +x /load"); err != nil {
		return err
	}
	fmt.Printf("writes to a file, `file --every`, for %d s; CPU in µs of each process per event\n\n", seconds)
	fmt.Println("| output | asked/s | emitted/s | shown | filtered | lost | bytes/event | tracer | containerd | kubelet | API server | plugin | plugin, more memory |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, format := range []string{"json", "compact"} {
		for _, rate := range []int{10_000, 50_000, 0} {
			if err := measure(ctx, folder, format, rate); err != nil {
				return err
			}
		}
	}
	return nil
}

// summary is what of the session log's last record is used.
type summary struct {
	Nodes []struct {
		Shown    uint64            `json:"shown"`
		Filtered uint64            `json:"filtered"`
		Lost     map[string]uint64 `json:"lost"`
		// Throttled counts as lost here: a single pod should not be.
		Throttled uint64 `json:"throttled"`
		Cost      struct {
			CPU string `json:"cpu_ns"`
		} `json:"cost"`
	} `json:"nodes"`
}

func measure(ctx context.Context, folder, format string, rate int) error {
	log, output := filepath.Join(folder, "log"), filepath.Join(folder, "events")
	if err := os.RemoveAll(log); err != nil { // the former run's
		return err
	}
	out, err := os.Create(output)
	if err != nil {
		return err
	}
	defer out.Close()
	plugin := exec.CommandContext(ctx, "bin/kubectl-trace_sec", "file", "-n", namespace, pod, "--path", "/data", "--op", "write", "--every",
		"-o", format, "--session-log", log)
	plugin.Stdout, plugin.Stderr = out, os.Stderr
	if err := plugin.Start(); err != nil {
		return err
	}
	if err := awaitHello(ctx, log); err != nil {
		_ = plugin.Process.Kill()
		return err
	}
	rest := resident(plugin.Process.Pid)
	before := spent(plugin.Process.Pid)
	text, err := kubectl.Run(ctx, "", "exec", "-n", namespace, pod, "--", "/load", "/data", strconv.Itoa(rate), strconv.Itoa(seconds))
	if err != nil {
		_ = plugin.Process.Kill()
		return err
	}
	emitted, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return err
	}
	settle(ctx, output)
	after, most := spent(plugin.Process.Pid), peak(plugin.Process.Pid)
	if err := plugin.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	if err := plugin.Wait(); err != nil {
		return fmt.Errorf("the plugin: %w", err)
	}
	return report(format, rate, emitted, log, output, before, after, most-rest)
}

func report(format string, rate int, emitted uint64, log, output string, before, after map[string]float64, memory uint64) error {
	s, err := readSummary(log)
	if err != nil {
		return err
	}
	n := s.Nodes[0]
	lost := n.Throttled
	for _, count := range n.Lost {
		lost += count
	}
	info, err := os.Stat(output)
	if err != nil {
		return err
	}
	asked := "as fast as it can"
	if rate > 0 {
		asked = strconv.Itoa(rate)
	}
	cpu, _ := strconv.ParseFloat(n.Cost.CPU, 64)
	per := func(name string) string {
		return strconv.FormatFloat((after[name]-before[name])*1e6/float64(emitted), 'f', 1, 64)
	}
	fmt.Printf("| %s | %s | %d | %d | %d | %d | %d | %.1f | %s | %s | %s | %s | %d MiB |\n", format, asked, emitted/seconds, n.Shown, n.Filtered, lost,
		uint64(info.Size())/max(1, n.Shown), cpu/1000/float64(emitted), per("containerd"), per("kubelet"), per("apiserver"), per("plugin"), memory>>20)
	// The pod does nothing else, but for the exec and the exit of /load.
	if got := n.Shown + n.Filtered + lost; got != emitted+2 {
		return fmt.Errorf("%d shown + %d filtered + %d lost = %d, but %d writes, an exec and an exit were emitted", n.Shown, n.Filtered, lost, got, emitted)
	}
	return nil
}

func readSummary(log string) (s summary, err error) {
	text, err := os.ReadFile(log)
	if err != nil {
		return s, err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var record struct {
		Summary summary `json:"body"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &record); err != nil {
		return s, err
	}
	if len(record.Summary.Nodes) == 0 {
		return s, fmt.Errorf("no summary in %q", lines[len(lines)-1])
	}
	return record.Summary, nil
}
