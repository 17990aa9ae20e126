// SPDX-License-Identifier: Apache-2.0

package advise

import "fmt"

// workloadKind is where objects of a kind hold the template of their pods.
type workloadKind struct {
	apiVersion string
	// template is the way to the pod's spec.
	template []string
	// fixed says why the object can't be changed; empty if it can.
	fixed string
}

var ofTemplate = []string{"spec", "template", "spec"}

// workloadKinds by kind.
var workloadKinds = map[string]workloadKind{
	"Deployment":            {apiVersion: "apps/v1", template: ofTemplate},
	"StatefulSet":           {apiVersion: "apps/v1", template: ofTemplate},
	"DaemonSet":             {apiVersion: "apps/v1", template: ofTemplate},
	"ReplicaSet":            {apiVersion: "apps/v1", template: ofTemplate},
	"ReplicationController": {apiVersion: "v1", template: ofTemplate},
	"CronJob":               {apiVersion: "batch/v1", template: []string{"spec", "jobTemplate", "spec", "template", "spec"}},
	"Job":                   {apiVersion: "batch/v1", template: ofTemplate, fixed: "the pods of a Job can't be changed once it is there: put this into its manifest, and make it anew"},
	"Pod":                   {apiVersion: "v1", template: []string{"spec"}, fixed: "the capabilities of a pod can't be changed once it is there: put this into its manifest, and make it anew"},
}

// kindOf is the kind's row. Others are taken for having the template where most have it, and can't be patched like this:
// custom resources know no strategic merge.
func kindOf(kind string) workloadKind {
	if row, known := workloadKinds[kind]; known {
		return row
	}
	return workloadKind{template: ofTemplate, fixed: fmt.Sprintf("%s is not a kind that can be patched like this: put what is below %s into the template of its pods, in its manifest", kind, "containers")}
}

// Patch is a strategic-merge patch of an object: it names the object and changes the security contexts of containers.
type Patch map[string]any

// patchOf makes the patch for a workload; nil when it would change nothing.
func patchOf(w *Workload) Patch {
	spec := map[string]any{}
	for i := range w.Containers {
		c := &w.Containers[i]
		list := c.Type.field()
		if c.SecurityContext == nil || list == "" {
			continue
		}
		entries, _ := spec[list].([]any)
		spec[list] = append(entries, map[string]any{"name": c.Name, "securityContext": c.SecurityContext})
	}
	if len(spec) == 0 {
		return nil
	}
	row := kindOf(w.Kind)
	for i := len(row.template) - 1; i > 0; i-- {
		spec = map[string]any{row.template[i]: spec}
	}
	p := Patch{"kind": w.Kind, "metadata": map[string]any{"name": w.Name, "namespace": w.Namespace}, row.template[0]: spec}
	if row.apiVersion != "" {
		p["apiVersion"] = row.apiVersion
	}
	return p
}
