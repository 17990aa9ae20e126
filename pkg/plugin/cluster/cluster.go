// SPDX-License-Identifier: Apache-2.0

// Package cluster is the way to the cluster that the kubeconfig and the flags of every command name.
package cluster

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
)

// Cluster is that way. Nothing is asked of the API server before Connect's client is used.
type Cluster struct {
	// Config holds the flags of every command.
	Config *genericclioptions.ConfigFlags

	warnings *warnings
}

// New returns the cluster of flags that are not parsed yet; release is the plugin's, for the API server's logs.
func New(streams genericiooptions.IOStreams, release string) *Cluster {
	warnings := newWarnings(streams.ErrOut)
	config := genericclioptions.NewConfigFlags(true).WithWarningPrinter(streams)
	config.WrapConfigFn = func(c *rest.Config) *rest.Config {
		c = launch.WithTracerRateLimits(c)
		c.UserAgent = rest.DefaultKubernetesUserAgent() + " trace-sec/" + release
		c.WarningHandler = warnings
		return c
	}
	return &Cluster{config, warnings}
}

// OnWarning has warnings of the API server go to say instead of standard error, which a session shares with its status line.
func (c *Cluster) OnWarning(say func(text string)) { c.warnings.to(say) }

// LogTo has what client-go logs (-v) written there from now on: a session's messages must not wait for a terminal.
func LogTo(out io.Writer) {
	verbosity := 0
	for klog.V(klog.Level(verbosity+1)).Enabled() && verbosity < maxVerbosity {
		verbosity++
	}
	if verbosity == 0 {
		klog.SetLogger(logr.Discard())
		return
	}
	klog.SetLogger(textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(out), textlogger.Verbosity(verbosity))))
}

// maxVerbosity is more than client-go makes use of.
const maxVerbosity = 10

// Connection is a client, made without asking the API server anything.
type Connection struct {
	Client kubernetes.Interface
	REST   *rest.Config
	// Namespace of -n, else of the kubeconfig's context, else "default".
	Namespace string
}

// Connect makes the client. It fails when no cluster is configured.
func (c *Cluster) Connect() (Connection, error) {
	loader := c.Config.ToRawKubeConfigLoader()
	raw, err := loader.RawConfig()
	if err != nil {
		return Connection{}, unreadable(err)
	}
	if err := c.checkNames(raw); err != nil {
		return Connection{}, err
	}
	if len(raw.Clusters) == 0 && *c.Config.APIServer == "" && *c.Config.Context == "" {
		// client-go would try localhost:8080 now, and a refused connection explains nothing.
		if _, err := rest.InClusterConfig(); errors.Is(err, rest.ErrNotInCluster) {
			return Connection{}, errors.New("no cluster is configured: set KUBECONFIG or --kubeconfig, or name an API server with --server; to trace this machine instead use --local")
		}
	}
	config, err := c.Config.ToRESTConfig()
	if err != nil {
		return Connection{}, fmt.Errorf("kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return Connection{}, fmt.Errorf("kubeconfig: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return Connection{}, fmt.Errorf("kubeconfig: %w", err)
	}
	return Connection{client, config, namespace}, nil
}
