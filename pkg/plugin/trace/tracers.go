// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/build"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
)

// tracerOptions say what is put on the cluster.
type tracerOptions struct {
	// way is one of launch.Ways.
	namespace, way, image, baseImage, pullPolicy string
	maxNodes, carriedNodes                       int
	pullSecrets                                  []string
	dryRun                                       string
}

// mostNodes are traced without a question: a mistake in a selector should not reach a whole cluster.
const mostNodes = 50

// mostCarried is for how many nodes a tracer is carried unless more are allowed: 3.8 MB each, so 190 MB.
const mostCarried = 50

// TracersTopic is the command that explains the flags of tracer pods.
const TracersTopic = "tracers"

// TracerUsages is the help of the flags of tracer pods.
func TracerUsages(b build.Info) string {
	var t tracerOptions
	return t.flags(b).FlagUsagesWrapped(help.Width)
}

func (t *tracerOptions) flags(b build.Info) *pflag.FlagSet {
	fs := help.NewFlags()
	fs.StringVar(&t.namespace, "tracer-namespace", launch.DefaultNamespace, "`NAMESPACE` of the tracer pods")
	fs.IntVar(&t.maxNodes, "max-nodes", mostNodes, "Ask before tracers are started on more nodes")
	fs.StringVar(&t.way, "tracer", string(launch.Auto), "How nodes get the tracer: carried, image or auto")
	fs.StringVar(&t.baseImage, "base-image", "", "`IMAGE` that the nodes have, for pods of carried tracers; without it that of a target")
	fs.IntVar(&t.carriedNodes, "carried-nodes", mostCarried, "A tracer is carried to as many nodes at most")
	fs.StringVar(&t.image, "image", b.Image, "Tracer `IMAGE`, of the plugin's version")
	fs.StringVar(&t.pullPolicy, "image-pull-policy", string(corev1.PullIfNotPresent), "Always, IfNotPresent or Never")
	fs.StringArrayVar(&t.pullSecrets, "image-pull-secret", nil, "`NAME` of a secret in the tracer namespace; repeatable")
	fs.StringVar(&t.dryRun, "dry-run", dryRunNone, "none, client or server: the last two only print the tracer pods")
	return fs
}
