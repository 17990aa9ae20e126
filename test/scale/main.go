// SPDX-License-Identifier: Apache-2.0

// Command scale measures the plugin with many nodes: a real API server, and one process that stands for all kubelets (package kubelet).
// $KUBECONFIG is the cluster. Each size gets a line; with --failing, another in which so many nodes fail at random.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/scale/kubelet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	sizes := flag.String("nodes", "10,100,500", "numbers of nodes")
	rate := flag.Int("rate", 1, "events per second of each node")
	lasts := flag.Duration("duration", 20*time.Second, "how long all nodes are traced")
	failing := flag.Int("failing", 0, "how many nodes of the largest size fail, in a run of its own")
	flag.Parse()
	klog.SetLogger(logr.Discard()) // of requests that an end cuts off
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 1000, 2000
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	fmt.Println(header)
	largest := 0
	for text := range strings.SplitSeq(*sizes, ",") {
		count, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		largest = max(largest, count)
		healthy := func(string) kubelet.Script { return kubelet.Script{EventsPerSecond: *rate} }
		if err := measure(ctx, config, client, trial{nodes: count, lasts: *lasts, script: healthy}); err != nil {
			return fmt.Errorf("%d nodes: %w", count, err)
		}
	}
	if *failing == 0 {
		return nil
	}
	return measure(ctx, config, client, trial{nodes: largest, lasts: *lasts, failing: *failing, script: failingScripts(largest, *failing, *rate, *lasts)})
}

// failingScripts has so many nodes fail, each in a way and at a time by chance.
func failingScripts(nodes, failing, rate int, lasts time.Duration) func(string) kubelet.Script {
	scripts := map[string]kubelet.Script{}
	for i, place := range rand.Perm(nodes)[:failing] {
		scripts[kubelet.NodeName(place)] = kubelet.Script{
			EventsPerSecond: rate, Failure: kubelet.Failures[i%len(kubelet.Failures)], After: rand.N(lasts),
		}
	}
	return func(node string) kubelet.Script {
		if s, fails := scripts[node]; fails {
			return s
		}
		return kubelet.Script{EventsPerSecond: rate}
	}
}

// trial is one measurement.
type trial struct {
	nodes, failing int
	lasts          time.Duration
	script         func(node string) kubelet.Script
}

// measure runs the plugin once on so many nodes, and prints a line.
func measure(ctx context.Context, config *rest.Config, client kubernetes.Interface, t trial) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	nodes, err := kubelet.Start(ctx, config, t.nodes, t.script)
	if err != nil {
		cancel()
		return err
	}
	targets, err := makeTargets(ctx, client, nodes.Nodes())
	defer func() {
		err = errors.Join(err, targets.remove(context.WithoutCancel(ctx)))
		cancel()
		err = errors.Join(err, nodes.Stop(context.WithoutCancel(ctx)))
	}()
	if err != nil {
		return err
	}
	before, err := requests(ctx, client)
	if err != nil {
		return err
	}
	beforeOwn := nodes.Requests.Load()
	seen, err := tracePods(ctx, targets, t)
	if err != nil {
		return err
	}
	after, err := requests(ctx, client)
	if err != nil {
		return err
	}
	seen.requests = after - before - (nodes.Requests.Load() - beforeOwn)
	seen.emitted = nodes.Emitted()
	fmt.Println(seen.line(t))
	return seen.check(t)
}
