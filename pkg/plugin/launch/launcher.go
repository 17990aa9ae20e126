// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Progress is told what a node's tracer, or with an empty node the whole session, waits for. It is called from several
// goroutines.
type Progress func(node, waitingFor string)

// Launcher makes the tracers of one session.
type Launcher struct {
	client kubernetes.Interface
	// streaming is the client for logs, which last longer than any time limit of a request; nil in tests.
	streaming *rest.Config
	logs      kubernetes.Interface
	config    Config

	background context.Context // ends with Cleanup
	stop       context.CancelFunc
	watching   sync.Once

	mu       sync.Mutex
	closed   bool
	any      bool // Start was called
	starting sync.WaitGroup
	tracers  map[types.UID]*Tracer
	seen     map[types.UID]*corev1.Pod // states that came before Start knew the UID
	madeUID  types.UID                 // of the namespace, when this session made it
}

// New returns a launcher. Make the client from a configuration that went through Tune. A time limit in restConfig
// (--request-timeout) is not applied to logs and attach, which it would cut.
func New(client kubernetes.Interface, restConfig *rest.Config, c Config) *Launcher {
	if c.Expires.IsZero() {
		c.Expires = time.Now().Add(c.podDeadline())
	}
	l := &Launcher{client: client, logs: client, config: c, tracers: map[types.UID]*Tracer{}, seen: map[types.UID]*corev1.Pod{}}
	l.background, l.stop = context.WithCancel(context.Background())
	if restConfig != nil {
		l.streaming = rest.CopyConfig(restConfig)
		l.streaming.Timeout = 0
		if streaming, err := kubernetes.NewForConfig(l.streaming); err == nil { // what is wrong with it, client has said
			l.logs = streaming
		}
	}
	return l
}

// Config is what the launcher was made with, completed.
func (l *Launcher) Config() Config { return l.config }

// watch follows the pods of the session from the first call until Cleanup: one watch for all nodes.
func (l *Launcher) watch() {
	l.watching.Do(func() {
		factory := informers.NewSharedInformerFactoryWithOptions(l.client, 0,
			informers.WithNamespace(l.config.Namespace),
			informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = l.sessionSelector() }))
		informer := factory.Core().V1().Pods().Informer()
		// Errors are retried; what they mean shows in Wait, whose time limit names the state last seen, and in Ended, which asks.
		_ = informer.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {})
		_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { l.observe(o.(*corev1.Pod), false) },
			UpdateFunc: func(_, o any) { l.observe(o.(*corev1.Pod), false) },
			DeleteFunc: func(o any) {
				if unknown, ok := o.(cache.DeletedFinalStateUnknown); ok {
					o = unknown.Obj
				}
				if pod, ok := o.(*corev1.Pod); ok {
					l.observe(pod, true)
				}
			},
		})
		factory.Start(l.background.Done())
	})
}

func (l *Launcher) sessionSelector() string { return LabelSession + "=" + l.config.Session }

// observe hands a pod's state to its tracer.
func (l *Launcher) observe(pod *corev1.Pod, gone bool) {
	l.mu.Lock()
	t := l.tracers[pod.UID]
	if t == nil {
		l.seen[pod.UID] = pod
	}
	l.mu.Unlock()
	if t != nil {
		t.observe(pod, gone)
	}
}

// adopt makes the tracer of a created pod known to the watch. The lock keeps a later state from coming before the one that
// was seen already.
func (l *Launcher) adopt(t *Tracer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tracers[t.uid] = t
	if seen := l.seen[t.uid]; seen != nil {
		delete(l.seen, t.uid)
		t.observe(seen, false)
	}
}
