// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Permit is what a tracer may do, whatever its configuration and its standard input ask for. It comes from where an admission policy
// can read it, the arguments of the tracer's pod, and holds because the tracer heeds it: who runs is fixed by a digest.
type Permit struct {
	// Enforce: what policies forbid may be stopped.
	Enforce bool
	// Namespaces are those whose pods may be traced, and nothing else of the node; nil: all of the node may be.
	Namespaces []string
	// PodLogs is the directory by whose entries the namespaces of pods are told; empty: PodLogDirectory.
	PodLogs string
}

// PodLogDirectory is where kubelets keep the logs of pods, and what a pod mounts for a tracer that may trace some namespaces only. The
// kubelet makes an entry NAMESPACE_NAME_UID, as root, before it has the runtime make anything of a pod
// (k8s.io/kubernetes/pkg/kubelet/kuberuntime, BuildPodLogsDirectory). No name of these has an underscore.
const PodLogDirectory = "/var/log/pods"

// AllNamespaces is the word for the whole node, in the place of names of namespaces.
const AllNamespaces = "*"

// maxNamespaces is how many namespaces an argument may name.
const maxNamespaces = 64

// ParseNamespaces reads names of namespaces, separated by commas, or AllNamespaces, for which the result is nil.
func ParseNamespaces(text string) ([]string, error) {
	if text == AllNamespaces {
		return nil, nil
	}
	names := strings.Split(text, ",")
	if len(names) > maxNamespaces {
		return nil, fmt.Errorf("--namespaces: %d names, at most %d", len(names), maxNamespaces)
	}
	for _, name := range names {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return nil, fmt.Errorf("--namespaces: %q is not the name of a namespace, nor is it %s for all", name, AllNamespaces)
		}
	}
	return names, nil
}

// checkConfig refuses what the configuration asks for beyond the permit, and a permit that cannot be kept.
func (p *Permit) checkConfig(c wire.TracerConfig) error {
	if p == nil {
		return nil
	}
	if c.Enforce && !p.Enforce {
		return errors.New("the configuration enforces, and this tracer may not: its arguments lack --enforce")
	}
	if err := p.checkTargets(c.Targets); err != nil {
		return err
	}
	if p.Namespaces == nil {
		return nil
	}
	if _, err := p.running(); err != nil {
		return fmt.Errorf("this tracer may trace pods of %s only, and cannot see which pods these are: %w", p.names(), err)
	}
	return nil
}

// checkTargets refuses targets that are not pods of permitted namespaces by what they are. Pods are looked at one by one: see podGate.
func (p *Permit) checkTargets(w wire.Targets) error {
	if p == nil || p.Namespaces == nil {
		return nil
	}
	if w.All || len(w.Cgroups)+len(w.Pids) > 0 {
		return fmt.Errorf("this tracer may trace pods of %s only, not cgroups, processes or the whole node: its arguments lack --namespaces=%s", p.names(), AllNamespaces)
	}
	return nil
}

func (p *Permit) names() string {
	if len(p.Namespaces) == 1 {
		return "namespace " + p.Namespaces[0]
	}
	return "namespaces " + strings.Join(p.Namespaces, ", ")
}

func (p *Permit) permits(namespace string) bool { return slices.Contains(p.Namespaces, namespace) }

// running are the namespaces of the node's pods by UID, as the kubelet's directory of logs has them. Entries of another form are none
// of its own.
func (p *Permit) running() (map[string]string, error) {
	directory := p.PodLogs
	if directory == "" {
		directory = PodLogDirectory
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, err
	}
	namespaces := map[string]string{}
	for _, e := range entries {
		if parts := strings.Split(e.Name(), "_"); len(parts) == 3 && e.IsDir() {
			namespaces[parts[2]] = parts[0]
		}
	}
	return namespaces, nil
}
