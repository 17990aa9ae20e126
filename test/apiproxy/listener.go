// SPDX-License-Identifier: Apache-2.0

package apiproxy

import (
	"net"
	"sync"
)

// listener keeps the connections that it accepted.
type listener struct {
	net.Listener
	mu          sync.Mutex
	connections []*connection
	// uploads are how many bytes the next connections may bring that bring more than that; see Proxy.CutUpload.
	uploads []int64
}

// over says whether a connection that brought so many bytes is one to be cut.
func (l *listener) over(brought int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.uploads) == 0 || brought <= l.uploads[0] {
		return false
	}
	l.uploads = l.uploads[1:]
	return true
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	accepted := &connection{listener: l, Conn: c, frozen: make(chan struct{}), closed: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connections = append(l.connections, accepted)
	return accepted, nil
}

func (l *listener) take() []*connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.connections
	l.connections = nil
	return taken
}

// freeze leaves the frozen connections in the list: closeAll ends them.
func (l *listener) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.connections {
		c.freeze.Do(func() { close(c.frozen) })
	}
}

func (l *listener) closeAll() {
	for _, c := range l.take() {
		_ = c.Close()
	}
}

// connection swallows what is written once it is frozen, and brings nothing any more.
type connection struct {
	net.Conn
	listener       *listener
	brought        int64 // belongs to Read
	freeze, close  sync.Once
	frozen, closed chan struct{}
}

// Read implements net.Conn.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.brought += int64(n); c.listener.over(c.brought) {
		_ = c.Close()
		return 0, net.ErrClosed
	}
	select {
	case <-c.frozen:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

// Write implements net.Conn.
func (c *connection) Write(b []byte) (int, error) {
	select {
	case <-c.frozen:
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.close.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
