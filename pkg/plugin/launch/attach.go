// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
)

var errNoAttach = errors.New("no attach without a REST configuration")

// attach connects stdin to a tracer until either ends, as kubectl does: over WebSocket, and over SPDY where a proxy or an
// old API server does not let that through, or where the user may create pods/attach but not get it.
func (l *Launcher) attach(ctx context.Context, pod string, stdin io.Reader) error {
	config := l.clients.config
	if config == nil {
		return errNoAttach
	}
	address := l.clients.get().logs.CoreV1().RESTClient().Post().Namespace(l.config.Namespace).Resource("pods").Name(pod).SubResource("attach").
		VersionedParams(&corev1.PodAttachOptions{Container: ContainerName, Stdin: true}, scheme.ParameterCodec).URL()
	config = rest.CopyConfig(config)
	config.Timeout = 0
	spdy, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, address)
	if err != nil {
		return fmt.Errorf("attach to pod %s: %w", pod, err)
	}
	websocket, err := remotecommand.NewWebSocketExecutor(config, http.MethodGet, address.String())
	if err != nil {
		return fmt.Errorf("attach to pod %s: %w", pod, err)
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return fmt.Errorf("attach to pod %s: %w", pod, err)
	}
	// client-go would write to standard error what its return value says as well.
	ctx = klog.NewContext(ctx, logr.Discard())
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { limitUnacknowledged(c.Conn) }})
	return executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin})
}
