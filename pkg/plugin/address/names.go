// SPDX-License-Identifier: Apache-2.0

// Package address knows what a cluster has at an IP address: pods, services and nodes, as far as the user may list them.
package address

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/watching"
)

// Names are the names of addresses. It asks the cluster nothing until Start or the first address that is looked up, and nobody
// ever waits for it: what is not known yet has no name. Its methods may be called at the same time.
type Names struct {
	ctx    context.Context
	client kubernetes.Interface
	warn   func(text string)
	start  sync.Once

	mu sync.RWMutex
	at map[netip.Addr][]holder
}

// holder has an address. An address of which one has just been taken away may have two for a moment.
type holder struct {
	// key of the object that says so.
	key  string
	rank rank
	name string
}

// rank says who is named where several have an address: the lowest.
type rank int

const (
	rankService rank = iota
	rankPod
	rankNode
)

// New makes names that follow the cluster until ctx ends. warn is told, once for each kind of object, why something cannot be
// named.
func New(ctx context.Context, client kubernetes.Interface, warn func(text string)) *Names {
	return &Names{ctx: ctx, client: client, warn: warn, at: map[netip.Addr][]holder{}}
}

// Start begins to read names, so that they are there when they are asked for.
func (n *Names) Start() {
	n.start.Do(func() { go n.follow() })
}

// Lookup is what is at an address: "pod shop/web-0", "service default/kubernetes", "node n1"; empty when that is not known.
func (n *Names) Lookup(a netip.Addr) string {
	n.Start()
	n.mu.RLock()
	defer n.mu.RUnlock()
	best := holder{rank: rankNode + 1}
	for _, h := range n.at[a.Unmap()] {
		if h.rank < best.rank {
			best = h
		}
	}
	return best.name
}

// follow keeps the names until the context ends. Each kind has a factory of its own: one that may not be listed is given up.
func (n *Names) follow() {
	kinds := []struct {
		plural string
		fields fields.Selector
		get    func(informers.SharedInformerFactory) cache.SharedIndexInformer
	}{
		// Pods that have ended keep an address that others may have by now.
		{"pods", fields.OneTermEqualSelector("status.phase", string(corev1.PodRunning)), func(f informers.SharedInformerFactory) cache.SharedIndexInformer {
			return f.Core().V1().Pods().Informer()
		}},
		{"services", fields.Everything(), func(f informers.SharedInformerFactory) cache.SharedIndexInformer {
			return f.Core().V1().Services().Informer()
		}},
	}
	var all sync.WaitGroup
	for _, kind := range kinds {
		ctx, cancel := context.WithCancel(n.ctx)
		defer cancel()
		factory := informers.NewSharedInformerFactoryWithOptions(n.client, 0, informers.WithTransform(shortened),
			informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.FieldSelector = kind.fields.String() }))
		informer := kind.get(factory)
		// An error is possible only after the start.
		_ = informer.SetWatchErrorHandlerWithContext(n.trouble(kind.plural, cancel))
		_, _ = informer.AddEventHandler(n.handler(kind.plural, cancel))
		factory.Start(ctx.Done())
		all.Go(func() {
			<-ctx.Done()
			factory.Shutdown()
		})
	}
	all.Wait()
}

// trouble says once what fails, and gives up what is not allowed.
func (n *Names) trouble(plural string, cancel context.CancelFunc) cache.WatchErrorHandlerWithContext {
	var once sync.Once
	return func(ctx context.Context, _ *cache.Reflector, err error) {
		switch {
		case ctx.Err() != nil || errors.Is(err, context.Canceled) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
		case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
			once.Do(func() {
				n.warn(fmt.Sprintf("addresses of %s are not named: you may not list them in all namespaces", plural))
			})
			cancel()
		default:
			once.Do(func() { n.warn(fmt.Sprintf("addresses of %s may lack their names: %v; trying again", plural, err)) })
		}
	}
}

// shortened leaves of an object what is needed: there may be many thousands.
func shortened(o any) (any, error) {
	switch x := o.(type) {
	case *corev1.Pod:
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: x.Namespace, Name: x.Name, UID: x.UID, ResourceVersion: x.ResourceVersion},
			Spec:       corev1.PodSpec{HostNetwork: x.Spec.HostNetwork, NodeName: x.Spec.NodeName},
			Status:     corev1.PodStatus{PodIPs: x.Status.PodIPs, HostIPs: x.Status.HostIPs, HostIP: x.Status.HostIP},
		}, nil
	case *corev1.Service:
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: x.Namespace, Name: x.Name, UID: x.UID, ResourceVersion: x.ResourceVersion},
			Spec:       corev1.ServiceSpec{ClusterIPs: x.Spec.ClusterIPs, ExternalIPs: x.Spec.ExternalIPs},
			Status:     corev1.ServiceStatus{LoadBalancer: x.Status.LoadBalancer},
		}, nil
	}
	return o, nil
}

// handler gives up a kind of object when it panics: a name is not worth the session.
func (n *Names) handler(plural string, cancel context.CancelFunc) cache.ResourceEventHandler {
	guard := func(f func()) {
		defer func() {
			if fault := recover(); fault != nil {
				n.warn(fmt.Sprintf("addresses of %s are not named any more: a bug in this program: %v", plural, fault))
				cancel()
			}
		}()
		f()
	}
	return watching.Handler(guard, n.replace) // old may be another object of the same name
}

// replace takes away what an object had and gives it what it has now. Either may be nil.
func (n *Names) replace(old, now any) {
	before, after := claims(old), claims(now)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range before {
		left := slices.DeleteFunc(n.at[c.address], func(h holder) bool { return h == c.holder })
		if len(left) == 0 {
			delete(n.at, c.address)
		} else {
			n.at[c.address] = left
		}
	}
	for _, c := range after {
		if !slices.Contains(n.at[c.address], c.holder) {
			n.at[c.address] = append(n.at[c.address], c.holder)
		}
	}
}

type claim struct {
	address netip.Addr
	holder
}

// claims are the addresses that an object says somebody has.
func claims(o any) (all []claim) {
	add := func(h holder, texts ...string) {
		for _, text := range texts {
			if a, err := netip.ParseAddr(text); err == nil { // "None" of a headless service
				all = append(all, claim{a.Unmap(), h})
			}
		}
	}
	switch x := o.(type) {
	case *corev1.Pod:
		key := string(x.UID)
		if !x.Spec.HostNetwork {
			for _, ip := range x.Status.PodIPs {
				add(holder{key, rankPod, "pod " + x.Namespace + "/" + x.Name}, ip.IP)
			}
		}
		node := holder{key, rankNode, "node " + cmp.Or(x.Spec.NodeName, "without a name")}
		add(node, x.Status.HostIP)
		for _, ip := range x.Status.HostIPs {
			if ip.IP != x.Status.HostIP {
				add(node, ip.IP)
			}
		}
	case *corev1.Service:
		service := holder{string(x.UID), rankService, "service " + x.Namespace + "/" + x.Name}
		add(service, x.Spec.ClusterIPs...)
		add(service, x.Spec.ExternalIPs...)
		for _, ingress := range x.Status.LoadBalancer.Ingress {
			add(service, ingress.IP)
		}
	}
	return all
}
