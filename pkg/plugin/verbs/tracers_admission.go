// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"errors"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// admission is what an administrator is to let into a tracer namespace.
type admission struct {
	print            bool
	namespace, image string
	baseImages       []string
}

func (a *admission) flags(fs *pflag.FlagSet, image string) {
	fs.BoolVar(&a.print, "admission", false, "Print, to be applied, what lets the tracers of this plugin into a namespace with the admission policy of manifests/")
	fs.StringVar(&a.namespace, "tracer-namespace", launch.DefaultNamespace, "`NAMESPACE` of the tracer pods")
	fs.StringArrayVar(&a.baseImages, "base-image", nil, "`IMAGE` that the nodes have, for pods of carried tracers, such as that of their pods' sandboxes; repeatable")
	fs.StringVar(&a.image, "image", image, "`IMAGE` with the tracer, by its digest")
}

// run prints the starter of carried tracers, which stays when sessions end, and the lists of the admission policy.
func (a *admission) run(env trace.Environment) error {
	tracers, err := carry.Load()
	if err != nil {
		return err
	}
	switch {
	case len(tracers) > 0 && len(a.baseImages) == 0:
		return errors.New("--base-image is missing: carried tracers run in pods of an image that is on every node and that nobody but you can " +
			"replace, such as the one that kubectl get nodes -o jsonpath='{.items[*].status.images[*].names}' calls pause")
	case len(tracers) == 0 && a.image == "":
		return errors.New("this plugin carries no tracer and knows no image: build it with make build, or name an image with --image")
	}
	var objects []runtime.Object
	if len(tracers) > 0 {
		objects = append(objects, launch.KeptStarter(launch.Config{Namespace: a.namespace, Version: env.Build.Release()}))
	}
	objects = append(objects, launch.AdmissionOf(tracers, a.image, a.baseImages).Object(a.namespace))
	var printer printers.YAMLPrinter
	for _, object := range objects {
		if err := printer.PrintObj(object, env.Out); err != nil {
			return err
		}
	}
	return nil
}
