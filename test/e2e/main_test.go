// SPDX-License-Identifier: Apache-2.0

// Package e2e runs the plugin's binary against a real cluster: that of $KUBECONFIG, or else the project's own (make
// cluster-up). Every test has a namespace for its pods and one for the tracers, and checks at its end that nothing is left.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// The environment of all tests, set by TestMain.
var (
	// plugin is the binary under test, of $TRACE_SEC_PLUGIN or bin/.
	plugin string
	// workload is the image of the pods under trace: a shell and coreutils.
	workload = fromEnv("TRACE_SEC_WORKLOAD_IMAGE", "localhost/busybox:1")
	// way is how nodes get the tracer unless a test says otherwise.
	way        = fromEnv("TRACE_SEC_TRACER", "carried")
	kubeconfig string
	client     kubernetes.Interface
)

func fromEnv(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func TestMain(m *testing.M) {
	if err := setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "the end-to-end tests can't run:", err)
		os.Exit(1)
	}
	heedHangup()
	if err := runTogether(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// heedHangup: under nohup a command would rightly ignore the hangup with which tests end it. Children of a process that handles
// a signal begin with its default.
func heedHangup() {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
}

// together is how many parallel tests run at once, whatever the number of processors: most of the time they wait for the cluster.
const together = "6"

// runTogether lets more tests run at once, unless -parallel says how many.
func runTogether() error {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", together)
}

func setUp() error {
	var err error
	if plugin, err = filepath.Abs(fromEnv("TRACE_SEC_PLUGIN", "../../bin/kubectl-trace_sec")); err != nil {
		return err
	}
	if _, err := os.Stat(plugin); err != nil {
		return fmt.Errorf("no plugin, `make build` makes it: %w", err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	cache := fromEnv("TRACE_SEC_CACHE", filepath.Join(home, ".cache", "trace-sec"))
	kubeconfig = fromEnv("KUBECONFIG", filepath.Join(cache, "cluster", "kubeconfig"))
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("no cluster, `make cluster-up` starts one, or set KUBECONFIG: %w", err)
	}
	config.QPS, config.Burst = 100, 200
	client, err = kubernetes.NewForConfig(config)
	return err
}
