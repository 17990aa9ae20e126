// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/user"
	"slices"
	"time"

	"github.com/google/uuid"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// facts are what a recording says of the cluster; empty on this machine.
type facts struct {
	user, context string
	cluster       *recording.Cluster
}

// factsTime bounds asking for them: a recording is worth having without.
const factsTime = 2 * time.Second

// clusterFacts asks who records and which cluster it is. What can't be found out is left out.
func clusterFacts(ctx context.Context, on cluster.Connection, config *genericclioptions.ConfigFlags) facts {
	ctx, cancel := context.WithTimeout(ctx, factsTime)
	defer cancel()
	f := facts{cluster: &recording.Cluster{Server: on.REST.Host}}
	if raw, err := config.ToRawKubeConfigLoader().RawConfig(); err == nil {
		f.context = raw.CurrentContext
		if config.Context != nil && *config.Context != "" {
			f.context = *config.Context
		}
		if of := raw.Contexts[f.context]; of != nil {
			f.cluster.Name = of.Cluster
		}
	}
	review, err := on.Client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err == nil {
		f.user = review.Status.UserInfo.Username
	}
	if system, err := on.Client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{}); err == nil {
		f.cluster.UID = string(system.UID)
	}
	if version, err := on.Client.Discovery().ServerVersion(); err == nil {
		f.cluster.Version = version.GitVersion
	}
	return f
}

// manifest is the first line of the recording.
func (p *Plan) manifest(c *session.Config, f facts) recording.Manifest {
	o, redact := p.options, p.filtering.filter.RedactText
	now := time.Now()
	m := recording.Manifest{
		Format: recording.Format, Recording: uuid.NewString(),
		Tool: recording.Tool{Name: help.Plugin, Version: o.Build.Release(), Image: o.Build.Image},
		Who:  recording.Who{KubeUser: f.user, Context: f.context},
		Case: redact(o.record.custody.number), Examiner: redact(o.record.custody.examiner), Note: redact(o.record.custody.note),
		Cluster: f.cluster, Started: event.Timestamp{Time: now.UTC()}, LocalZone: now.Format("MST-07:00"),
		Filters: p.filterWords(),
	}
	for _, arg := range os.Args {
		m.Argv = append(m.Argv, redact(arg))
	}
	if u, err := user.Current(); err == nil {
		m.Who.OSUser = u.Username
	}
	m.Who.Host, _ = os.Hostname() // empty if it has none
	for _, pod := range c.Pods {
		m.Targets = append(m.Targets, targetOf(pod))
	}
	for _, source := range p.policies.Sources {
		m.Policies = append(m.Policies, digestOf(source.Name, redact(source.Text)))
	}
	if expressions := o.filters.redact; len(expressions) > 0 {
		m.Redaction = &recording.Redaction{Expressions: len(expressions)}
		for _, expression := range expressions {
			m.Redaction.SHA256 = append(m.Redaction.SHA256, sum(expression))
		}
	}
	if on := o.record.flight.On; on != "" {
		m.Ring = &recording.Ring{On: on, Before: o.record.flight.Before.String(), After: o.record.flight.After.String()}
	}
	return m
}

// filterWords are the filters as they were given.
func (p *Plan) filterWords() (words []string) {
	o, redact := p.options, p.filtering.filter.RedactText
	help.VisitNames(o.filters.flags, func(name string) {
		if o.given[name] && name != "redact" {
			words = append(words, redact("--"+name+"="+o.filters.flags.Lookup(name).Value.String()))
		}
	})
	return words
}

func sum(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}

func digestOf(name, text string) recording.PolicyDigest {
	return recording.PolicyDigest{Name: name, SHA256: sum(text)}
}

// policyLines are the policies as they are sent to tracers.
func (p *Plan) policyLines() (lines [][]byte, _ error) {
	redact := p.filtering.filter.RedactText
	for _, source := range p.policies.Sources {
		text := redact(source.Text)
		line, err := recording.EncodeLine(recording.KindPolicy, recording.Policy{PolicyDigest: digestOf(source.Name, text), Text: text})
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// targetOf is what the manifest has of a pod.
func targetOf(pod *corev1.Pod) recording.Target {
	t := recording.Target{Namespace: pod.Namespace, Name: pod.Name, UID: string(pod.UID), Node: pod.Spec.NodeName}
	t.Workload, t.Kind = pods.Workload(pod)
	types := map[string]string{}
	for _, c := range pod.Spec.InitContainers {
		types[c.Name] = "init"
	}
	for _, c := range pod.Spec.EphemeralContainers {
		types[c.Name] = "ephemeral"
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
		t.Containers = append(t.Containers, recording.TargetContainer{Name: s.Name, Type: types[s.Name], Image: s.Image, ImageID: s.ImageID, ID: s.ContainerID})
	}
	return t
}
