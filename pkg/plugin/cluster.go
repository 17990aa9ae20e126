// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"fmt"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
)

// cluster is the way to the cluster that the user's kubeconfig and flags name.
type cluster struct {
	config *genericclioptions.ConfigFlags
}

func newCluster(streams genericiooptions.IOStreams, build Build) *cluster {
	// One handler for all clients: a warning (Pod Security, a deprecated API) is said once, not once per node.
	warnings := rest.NewWarningWriter(streams.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	config := genericclioptions.NewConfigFlags(true).WithWarningPrinter(streams)
	config.WrapConfigFn = func(c *rest.Config) *rest.Config {
		c = launch.WithTracerRateLimits(c)
		c.UserAgent = rest.DefaultKubernetesUserAgent() + " trace-sec/" + build.version()
		c.WarningHandler = warnings
		return c
	}
	return &cluster{config}
}

// connection is a client, made without asking the API server anything.
type connection struct {
	client kubernetes.Interface
	rest   *rest.Config
	// namespace of -n, else of the kubeconfig's context, else "default".
	namespace string
}

// connect makes the client. It fails when no cluster is configured.
func (c *cluster) connect() (connection, error) {
	loader := c.config.ToRawKubeConfigLoader()
	raw, err := loader.RawConfig()
	if err != nil {
		return connection{}, fmt.Errorf("read kubeconfig: %w", err)
	}
	if len(raw.Clusters) == 0 && *c.config.APIServer == "" && *c.config.Context == "" {
		// client-go would try localhost:8080 now, and a refused connection explains nothing.
		if _, err := rest.InClusterConfig(); errors.Is(err, rest.ErrNotInCluster) {
			return connection{}, errors.New("no cluster is configured: set KUBECONFIG or --kubeconfig, or name an API server with --server; to trace this machine instead use --local")
		}
	}
	config, err := c.config.ToRESTConfig()
	if err != nil {
		return connection{}, fmt.Errorf("kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return connection{}, fmt.Errorf("kubeconfig: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return connection{}, fmt.Errorf("kubeconfig: %w", err)
	}
	return connection{client, config, namespace}, nil
}
