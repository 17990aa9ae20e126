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
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	accepted := &connection{Conn: c, frozen: make(chan struct{}), closed: make(chan struct{})}
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
	freeze, close  sync.Once
	frozen, closed chan struct{}
}

// Read implements net.Conn.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
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
