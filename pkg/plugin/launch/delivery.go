// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
)

// Way is how the tracer's program gets to a node.
type Way string

const (
	// Auto is by Image where a node has the image or somebody named it, else Carried.
	Auto Way = "auto"
	// Carried is over the attached standard input, from this plugin: see package carry.
	Carried Way = "carried"
	// Image is by the node's container runtime, from a registry if need be.
	Image Way = "image"
)

// Ways are all of them.
var Ways = []string{string(Auto), string(Carried), string(Image)}

// Delivery is how tracers get to the nodes of a session.
type Delivery struct {
	// Way is Auto when empty.
	Way Way
	// ImageNamed: somebody named Config.Image for this session.
	ImageNamed bool
	// Tracers are those that can be carried.
	Tracers carry.Set
	// BaseImage of the pods of carried tracers: one that nodes have. Empty: that of a target on the node, or the node's pause image.
	BaseImage string
	// MostNodes is for how many nodes tracers are carried: each takes as many bytes of the way to the API server. 0: any number.
	MostNodes int
	// Targets are the images that a node has for certain since its targets run from them, best first; nil: none are known. It is
	// called by several goroutines.
	Targets func(node string) []string
}

// mayCarry says whether some node's tracer may be carried.
func (d Delivery) mayCarry() bool {
	return d.Way == Carried || d.Way != Image && !d.ImageNamed && len(d.Tracers) > 0
}

// Program is how one node gets the tracer, and what the node tells of itself that the tracer's pod depends on.
type Program struct {
	// image of the pod. Of a carried tracer it is only there because a pod has to have one.
	image  string
	policy corev1.PullPolicy
	// carried is nil where the image holds the tracer.
	carried *carry.Tracer
	// kernel is the release of the node's; empty if it is not known.
	kernel string
	// runtime is the node's, as it tells it (containerd://1.7.2); empty if it is not known.
	runtime string
	// guarded is nil where the tracer namespace has no admission policy.
	guarded *guardedNamespace
}

// nodeFacts are what decides how a node gets its tracer, and with which privileges; zero where nobody may read nodes.
type nodeFacts struct {
	architecture string
	// kernel is its release, such as 6.1.0-18-amd64.
	kernel string
	// runtime is its name and version, such as containerd://1.7.2.
	runtime string
	images  []string
	// unusable are images that could not be used as base.
	unusable []string
}

func factsOf(node *corev1.Node) (f nodeFacts) {
	f.architecture = cmp.Or(node.Status.NodeInfo.Architecture, node.Labels[corev1.LabelArchStable])
	f.kernel, f.runtime = node.Status.NodeInfo.KernelVersion, node.Status.NodeInfo.ContainerRuntimeVersion
	for _, image := range node.Status.Images {
		f.images = append(f.images, image.Names...)
	}
	return f
}

// note keeps what is known of a node.
func (l *Launcher) note(node string, change func(*nodeFacts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.nodes[node]
	change(&f)
	l.nodes[node] = f
}

// program decides how a node gets its tracer.
func (l *Launcher) program(node string) (Program, *NodeError) {
	c, d := l.config, l.config.Delivery
	l.mu.Lock()
	facts, guarded := l.nodes[node], l.guarded
	l.mu.Unlock()
	if !d.mayCarry() || d.Way != Carried && slices.Contains(facts.images, c.Image) {
		return Program{image: c.Image, policy: cmp.Or(c.PullPolicy, corev1.PullIfNotPresent), kernel: facts.kernel, runtime: facts.runtime, guarded: guarded}, nil
	}
	architecture := cmp.Or(facts.architecture, defaultArchitecture)
	tracer, ok := d.Tracers[architecture]
	if !ok {
		return Program{}, &NodeError{Node: node, Reason: NodeUnsupported, Remedy: "name an image for it with --image",
			Message: fmt.Sprintf("this plugin carries no tracer for its architecture, %s, but for %s", architecture, known(d.Tracers))}
	}
	if guarded != nil && !slices.Contains(guarded.Tracers, tracer.Digest) {
		return Program{}, &NodeError{Node: node, Reason: Refused, Remedy: admissionRemedy,
			Message: fmt.Sprintf("the admission policy of namespace %s does not list this plugin's tracer, sha256:%s", c.Namespace, tracer.Digest)}
	}
	bases := l.bases(node, facts, guarded)
	if len(bases) == 0 {
		reason := BaseImage // of a pod that is still to start
		if len(facts.unusable) > 0 {
			reason = ImagePull
		}
		return Program{}, &NodeError{Node: node, Reason: reason, Remedy: "name one with --base-image",
			Message: "no image is known that the node has and that a tracer pod could use" + but(facts.unusable)}
	}
	return Program{image: bases[0], policy: corev1.PullNever, carried: &tracer, kernel: facts.kernel, runtime: facts.runtime, guarded: guarded}, nil
}

// defaultArchitecture is that of a node that nobody may ask; its kubelet tells if it is not so.
const defaultArchitecture = "amd64"

func known(tracers carry.Set) string {
	if len(tracers) == 0 {
		return "none (it was not built with make build)"
	}
	return strings.Join(slices.Sorted(maps.Keys(tracers)), ", ")
}

func but(unusable []string) string {
	if len(unusable) == 0 {
		return ""
	}
	return ", but for " + strings.Join(unusable, ", ") + ", which cannot be used"
}

// bases are the images that the pod of a carried tracer may be made from, best first.
func (l *Launcher) bases(node string, facts nodeFacts, guarded *guardedNamespace) (bases []string) {
	d := l.config.Delivery
	switch {
	case d.BaseImage != "":
		bases = append(bases, d.BaseImage)
	case guarded != nil:
		for _, there := range []bool{true, false} { // first those that the node says it has
			for _, image := range guarded.BaseImages {
				if slices.Contains(facts.images, image) == there {
					bases = append(bases, image)
				}
			}
		}
	default:
		if d.Targets != nil {
			bases = append(bases, d.Targets(node)...)
		}
		for _, image := range facts.images {
			if isPause(image) {
				bases = append(bases, image)
			}
		}
	}
	return slices.DeleteFunc(bases, func(image string) bool { return slices.Contains(facts.unusable, image) })
}

// isPause says whether an image is that of pods' sandboxes, which each node has, by its usual names.
func isPause(image string) bool {
	name := image[strings.LastIndex(image, "/")+1:]
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	return name == "pause"
}

// learn takes from a failed start of a carried tracer what to do otherwise the next time, and then calls it a failure that may be
// over the next time.
func (l *Launcher) learn(node string, p Program, failure *NodeError) {
	switch {
	case p.carried == nil:
		return
	case failure.Reason == ImagePull:
		l.note(node, func(f *nodeFacts) { f.unusable = append(f.unusable, p.image) })
		if _, problem := l.program(node); problem == nil {
			failure.Reason, failure.Remedy = BaseImage, ""
		} else {
			failure.Remedy = "name an image that the node has with --base-image"
		}
	case strings.Contains(failure.Message, "exec format error"):
		for other := range l.config.Delivery.Tracers {
			if other != p.carried.Architecture {
				l.note(node, func(f *nodeFacts) { f.architecture = other })
				failure.Reason, failure.Remedy = Architecture, ""
			}
		}
	}
}
