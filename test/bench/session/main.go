// SPDX-License-Identifier: Apache-2.0

// Command session measures on a cluster how long it takes from the start of a command until every node traces, and from Ctrl-C
// until nothing is left. The tracer's image is present and its namespace exists (manifests/), as
// for a responder who was allowed to use the tool before; one more row is for a namespace that has to be made.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/bench/kubectl"
)

const (
	rounds    = 7
	namespace = "trace-sec-bench"
	image     = "localhost/busybox:1"
)

const workload = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: bench, namespace: ` + namespace + `}
spec:
  selector: {matchLabels: {app: bench}}
  template:
    metadata: {labels: {app: bench}}
    spec:
      terminationGracePeriodSeconds: 0
      affinity: # an emulated processor would be measured, not the tool
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions: [{key: trace-sec.test/kind, operator: NotIn, values: [vm]}]
      containers: [{name: c, image: "` + image + `", imagePullPolicy: IfNotPresent, command: [sleep, "100000"]}]
`

// commands that are measured, without their targets; where none says how nodes get the tracer, it comes with its image.
var commands = [][]string{
	{"exec"},
	{"exec", "--tracer", "carried"},
	{"file", "--prefix", "/etc"},
	{"net"},
	{"creds"},
	{"caps"},
	{"hook", "sys_openat"},
	{"run", "-f", "test/bench/session/testdata/ten-hooks.yaml"},
	{"enforce", "--yes", "--kill", "--deny-exec", "/usr/bin/nc"},
	{"enforce", "--yes", "--kill", "--deny-write", "/etc"},
	{"enforce", "--yes", "--kill", "--deny-connect", "169.254.169.254/32"},
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "session:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	if _, err := kubectl.Run(ctx, "", "create", "namespace", namespace); err != nil {
		return err
	}
	defer func() {
		_, deleted := kubectl.Run(context.WithoutCancel(ctx), "", "delete", "namespace", namespace, "trace-sec", "--ignore-not-found", "--wait=false")
		err = errors.Join(err, deleted)
	}()
	if _, err := kubectl.Run(ctx, workload, "apply", "-f", "-"); err != nil {
		return err
	}
	if _, err := kubectl.Run(ctx, "", "rollout", "status", "-n", namespace, "daemonset/bench", "--timeout=120s"); err != nil {
		return err
	}
	nodes, err := kubectl.Run(ctx, "", "get", "pods", "-n", namespace, "-o", "jsonpath={.items[*].spec.nodeName}")
	if err != nil {
		return err
	}
	count := len(strings.Fields(nodes))
	freshStart, freshEnd, err := session(ctx, count, commands[0])
	if err != nil {
		return err
	}
	if _, err := kubectl.Run(ctx, "", "wait", "--for=delete", "namespace/trace-sec", "--timeout=60s"); err != nil {
		return err
	}
	if _, err := kubectl.Run(ctx, "", "apply", "-f", "manifests/namespace.yaml"); err != nil {
		return err
	}
	fmt.Printf("%d nodes, %d rounds; with the namespace made on the way and removed: %.2fs, %.2fs\n", count, rounds, freshStart.Seconds(), freshEnd.Seconds())
	fmt.Printf("  %-48s start → every node traces   Ctrl-C → no pod is left\n  %-48s median   slowest              median   slowest\n", "", "")
	for _, command := range commands {
		if err := measure(ctx, count, command); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(command, " "), err)
		}
	}
	return nil
}

// measure runs a command some times and prints a line.
func measure(ctx context.Context, nodes int, command []string) error {
	var starts, ends []time.Duration
	for range rounds {
		start, end, err := session(ctx, nodes, command)
		if err != nil {
			return err
		}
		starts, ends = append(starts, start), append(ends, end)
	}
	fmt.Printf("  %-48s %5.2fs  %7.2fs              %5.2fs  %7.2fs\n", strings.Join(command, " "),
		median(starts), slices.Max(starts).Seconds(), median(ends), slices.Max(ends).Seconds())
	return nil
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return d[len(d)/2].Seconds()
}

// session runs the plugin once: until nodes tracers have said hello, then to its end after Ctrl-C.
func session(ctx context.Context, nodes int, command []string) (start, end time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	plugin := exec.CommandContext(ctx, "bin/kubectl-trace_sec", slices.Concat(command[:1], []string{"--tracer", "image"}, command[1:], []string{"daemonset/bench", "-n", namespace, "-o", "json", "--session-log", "-"})...)
	output, err := plugin.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	var messages strings.Builder
	plugin.Stderr = &messages
	began := time.Now()
	if err := plugin.Start(); err != nil {
		return 0, 0, err
	}
	hellos := 0
	for lines := bufio.NewScanner(output); hellos < nodes && lines.Scan(); {
		var event struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(lines.Bytes(), &event) == nil && event.Type == "hello" {
			hellos++
		}
	}
	start = time.Since(began)
	if hellos < nodes {
		return 0, 0, errors.Join(fmt.Errorf("%d of %d nodes said hello:\n%s", hellos, nodes, messages.String()), plugin.Wait())
	}
	interrupted := time.Now()
	if err := plugin.Process.Signal(syscall.SIGINT); err != nil {
		return 0, 0, err
	}
	if err := plugin.Wait(); err != nil {
		return 0, 0, fmt.Errorf("%w\n%s", err, messages.String())
	}
	for {
		left, err := kubectl.Run(ctx, "", "get", "pods", "-n", "trace-sec", "-o", "name")
		if err != nil {
			return 0, 0, err
		}
		if strings.TrimSpace(left) == "" {
			return start, time.Since(interrupted), nil
		}
	}
}
