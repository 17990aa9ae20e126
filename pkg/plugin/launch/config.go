// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	// DefaultNamespace is where tracer pods run unless told otherwise; manifests/ uses the same.
	DefaultNamespace = "trace-sec"
	// DefaultDeadline ends a session that was given none: no tracer runs without a deadline.
	DefaultDeadline = 12 * time.Hour
	// DefaultStartupTimeout is how long a tracer's container may take from Create until it runs, image pull included.
	DefaultStartupTimeout = 60 * time.Second
	// Silence on standard input after which a tracer takes the plugin for dead; three missed KeepAlives.
	Silence = 30 * time.Second
	// KeepAlive is how often an attached plugin gives a sign of life.
	KeepAlive = 10 * time.Second
	// ArmedSilence and ArmedKeepAlive are those of a session that enforces: nobody who is gone may go on enforcing for longer
	// than 5 s, of which the end of the tracer takes its part.
	ArmedSilence   = 3500 * time.Millisecond
	ArmedKeepAlive = time.Second
	// ContainerName of the only container in a tracer pod.
	ContainerName = "tracer"
)

// gracePeriod is what a tracer has for draining between SIGTERM and SIGKILL, in seconds.
const gracePeriod = 5

// maxTracerConfig is how long a tracer's configuration may be, as JSON: the kernel takes arguments of at most 128 KiB each
// (MAX_ARG_STRLEN).
const maxTracerConfig = 120 * 1024

// Config is what all tracers of a session have in common.
type Config struct {
	// Namespace of the tracer pods, not of the traced ones.
	Namespace string
	Image     string
	// PullPolicy is IfNotPresent when empty.
	PullPolicy corev1.PullPolicy
	// PullSecrets are names of secrets in Namespace.
	PullSecrets []string
	// Session identifies this run of the plugin: NewSession.
	Session string
	// Deadline of each tracer; 0 is DefaultDeadline. The pod's own is later by the time for start and drain.
	Deadline time.Duration
	// Version of the plugin, for an annotation.
	Version string
	// About is what the pods say of the session.
	About About
	// Reattach keeps the container's standard input open when the attach connection breaks, so that the plugin can attach
	// again. Without it the tracer sees the end of its input at once when the plugin dies, but also when the connection
	// does; with it a dead plugin is noticed after Silence.
	Reattach bool
	// Armed: the session enforces, and a plugin that is gone is noticed sooner.
	Armed bool
	// Hooks are those of the session's policies: some need more privilege than a tracer has otherwise.
	Hooks []*policy.Hook
	// TargetNamespaces are those of the targets; empty: all. An admission policy confines tracers to them.
	TargetNamespaces []string
	// Delivery says how the tracer's program gets to the nodes.
	Delivery Delivery
	// StartupTimeout is DefaultStartupTimeout when 0.
	StartupTimeout time.Duration
	// Expires is when another session takes the pods for left-overs; New sets it when zero.
	Expires time.Time
}

// Validate says everything that is wrong with the configuration, without asking the cluster.
func (c Config) Validate() error {
	var errs []error
	for _, problem := range validation.IsDNS1123Label(c.Namespace) {
		errs = append(errs, fmt.Errorf("tracer namespace %q: %s", c.Namespace, problem))
	}
	if strings.TrimSpace(c.Image) == "" && !c.Delivery.mayCarry() {
		errs = append(errs, errors.New("no tracer can be brought to nodes: this build of the plugin knows no image, so name one with --image; make build makes one that carries the tracer itself"))
	}
	if len(c.Session) < shortSession {
		errs = append(errs, fmt.Errorf("session %q: at least %d characters", c.Session, shortSession))
	}
	for _, problem := range validation.IsDNS1123Label(c.Session) {
		errs = append(errs, fmt.Errorf("session %q: %s", c.Session, problem))
	}
	if c.Deadline < 0 {
		errs = append(errs, fmt.Errorf("duration %s: not negative", c.Deadline))
	}
	return errors.Join(errs...)
}

// CheckSize says whether a configuration fits in a tracer pod.
func CheckSize(config wire.TracerConfig) error {
	if size := len(argument(config)); size > maxTracerConfig {
		return fmt.Errorf("the configuration of a tracer takes %d bytes, at most %d fit: trace fewer pods or a smaller policy", size, maxTracerConfig)
	}
	return nil
}

func (c Config) deadline() time.Duration {
	if c.Deadline > 0 {
		return c.Deadline
	}
	return DefaultDeadline
}

func (c Config) keepAlive() time.Duration {
	if c.Armed {
		return ArmedKeepAlive
	}
	return KeepAlive
}

func (c Config) startupTimeout() time.Duration {
	if c.StartupTimeout > 0 {
		return c.StartupTimeout
	}
	return DefaultStartupTimeout
}

// podDeadline is activeDeadlineSeconds: it runs from the pod's start, image pull included, and leaves time to drain.
func (c Config) podDeadline() time.Duration {
	return c.deadline() + c.startupTimeout() + gracePeriod*time.Second
}

// NewSession returns an identity for a run of the plugin: 12 random hex digits.
func NewSession() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// WithTracerRateLimits returns a copy of a client configuration that can start hundreds of tracers at once, and remove them
// within seconds, each of which takes some ten requests: client-go's own limits (5 requests a second, 10 at once) would take minutes. The API server has its own fairness.
func WithTracerRateLimits(c *rest.Config) *rest.Config {
	limited := rest.CopyConfig(c)
	limited.QPS, limited.Burst = 500, 1000
	return limited
}
