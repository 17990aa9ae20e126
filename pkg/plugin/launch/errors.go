// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"fmt"
)

// ErrDetached is wrapped by the errors of a control stream that is gone for good.
var ErrDetached = errors.New("the control stream to the tracer is gone")

// ErrClosed is returned by Start after Cleanup began.
var ErrClosed = errors.New("the session is being cleaned up")

// Reason is why a node is not traced.
type Reason string

// The reasons of a NodeError.
const (
	NodeNotFound    Reason = "NodeNotFound"
	NodeNotReady    Reason = "NodeNotReady"
	NodeUnsupported Reason = "NodeUnsupported" // no kubelet with Linux containers: virtual nodes, Windows
	Refused         Reason = "Refused"         // by the API server, when the pod was created
	APIUnavailable  Reason = "APIUnavailable"  // the API server did not create the pod in time, and did not refuse it
	ImagePull       Reason = "ImagePull"
	BaseImage       Reason = "BaseImage"    // the pod of a carried tracer could not be made from this image; another is tried
	Architecture    Reason = "Architecture" // the node's was not known, and is another one
	Interrupted     Reason = "Interrupted"  // a carried tracer did not arrive whole
	Rejected        Reason = "Rejected"     // by the kubelet: out of resources, not admitted, evicted
	ContainerFailed Reason = "ContainerFailed"
	StartupTimeout  Reason = "StartupTimeout"
	Deleted         Reason = "Deleted" // somebody else deleted the tracer pod
)

// NodeError is why one node cannot be traced; the others go on.
type NodeError struct {
	Node   string
	Reason Reason
	// Message says what happened. Parts of it come from the node or the API server.
	Message string
	// Remedy says what to do; empty when nothing sensible can be said.
	Remedy string
	// Err is the API server's error, if there is one.
	Err error
}

// Error is one line with node, message and remedy.
func (e *NodeError) Error() string {
	text := e.Message
	if e.Node != "" {
		text = fmt.Sprintf("node %s: %s", e.Node, text)
	}
	if e.Remedy != "" {
		text += ": " + e.Remedy
	}
	return text
}

// Unwrap is the API server's error.
func (e *NodeError) Unwrap() error { return e.Err }
