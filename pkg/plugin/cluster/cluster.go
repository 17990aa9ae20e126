// SPDX-License-Identifier: Apache-2.0

// Package cluster is the way to the cluster that the kubeconfig and the flags of every command name.
package cluster

import (
	"errors"
	"fmt"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

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
