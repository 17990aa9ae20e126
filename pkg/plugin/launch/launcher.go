// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// Progress is told what a node's tracer, or with an empty node the whole session, waits for. It is called from several
// goroutines.
type Progress func(node, waitingFor string)

// Launcher makes the tracers of one session.
type Launcher struct {
	clients *clients
	config  Config
	guard   func(func())
	notice  func(string)
	janitor *janitor

	background context.Context // ends with Cleanup
	stop       context.CancelFunc
	accepting  context.Context // ends when Cleanup begins
	refuse     context.CancelFunc
	watching   sync.Once
	// starterKept: the starter was seen after the first pod was made.
	starterKept sync.Once

	mu sync.Mutex
	// closed: Cleanup has begun; over: it has returned. startedAny: Start was called. starting counts Starts under way.
	closed, over, startedAny bool
	starting                 int
	tracers                  map[types.UID]*Tracer
	// nodes are what is known of them, by name.
	nodes map[string]nodeFacts
	// guarded is nil without an admission policy, and until admissionKnown.
	guarded        *guardedNamespace
	admissionKnown bool
	// seen are states that came before Start knew the UID.
	seen map[types.UID]podState
}

type podState struct {
	pod  *corev1.Pod
	gone bool
}

// Option changes what New makes.
type Option func(*Launcher)

// WithGuard has every goroutine and handler of the launcher run inside guard, which calls its argument and deals with its panic.
// Without it a panic ends the process, and nothing is cleaned up.
func WithGuard(guard func(func())) Option {
	return func(l *Launcher) { l.guard = guard }
}

// WithNotice has notice be told what concerns the whole session and is no error, such as what is sent to nodes.
func WithNotice(notice func(text string)) Option {
	return func(l *Launcher) { l.notice = notice }
}

// New returns a launcher that makes connections of its own from restConfig, which should have gone through WithTracerRateLimits.
// A time limit in it (--request-timeout) is not applied to logs and attach, which it would cut. Without restConfig, client is
// used, and nothing can be attached to.
func New(client kubernetes.Interface, restConfig *rest.Config, c Config, options ...Option) *Launcher {
	if c.Expires.IsZero() {
		c.Expires = time.Now().Add(c.podDeadline())
	}
	l := &Launcher{
		clients: newClients(client, restConfig), config: c, guard: func(f func()) { f() }, notice: func(string) {},
		tracers: map[types.UID]*Tracer{}, seen: map[types.UID]podState{}, nodes: map[string]nodeFacts{},
	}
	for _, set := range options {
		set(l)
	}
	l.background, l.stop = context.WithCancel(context.Background())
	l.accepting, l.refuse = context.WithCancel(context.Background())
	l.janitor = &janitor{clients: l.clients, guard: l.guard, namespace: c.Namespace, session: c.Session}
	return l
}

// Config is what the launcher was made with, completed.
func (l *Launcher) Config() Config { return l.config }

func (l *Launcher) client() kubernetes.Interface { return l.clients.get().api }

// spawn runs f in a goroutine whose panic the guard deals with.
func (l *Launcher) spawn(f func()) { go l.guard(f) }

// Cleanup takes away all that the session made: it refuses new Starts, deletes the session's pods, those of Starts under way too,
// waits until they are gone, deletes what dead sessions left, and the namespace if a session made it and no pod is in it. Give it a context of its own;
// its deadline, or else cleanupTimeout, is kept, by force if need be. The error, a *Remains, says what is left and how to remove
// it. The launcher is of no use afterwards.
func (l *Launcher) Cleanup(ctx context.Context) error {
	ctx, cancel := bounded(ctx, cleanupTimeout)
	defer cancel()
	l.mu.Lock()
	l.closed = true
	started := l.startedAny
	l.mu.Unlock()
	l.refuse()
	defer func() {
		l.mu.Lock()
		l.over = true
		l.mu.Unlock()
		l.stop()
	}()
	if started {
		if err := l.janitor.removeSession(ctx, l.creating); err != nil {
			return err
		}
	}
	_, _ = l.janitor.reap(ctx) // what is left of others keeps the namespace, and is no error of this session
	removed, err := l.janitor.removeNamespace(ctx, anySession)
	if err != nil || removed {
		return err
	}
	return l.janitor.removeStarters(ctx)
}

// Reap deletes what dead sessions left in the tracer namespace, and returns the names of the pods without waiting for their end.
// doc.go has the rule.
func (l *Launcher) Reap(ctx context.Context) (deleted []string, err error) {
	ctx, cancel := bounded(ctx, reapTimeout)
	defer cancel()
	return l.janitor.reap(ctx)
}

// creating is how many Starts may still bring a pod into being.
func (l *Launcher) creating() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.starting
}

// bounded gives a context without a deadline one. client-go logs nothing for it: standard error is the session's.
func bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx = klog.NewContext(ctx, logr.Discard())
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}
