// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unacknowledged is how long what was sent to a tracer may stay without the network's acknowledgement until its connection is given
// up. client-go pings every 5 s but waits 61 s for the answer; the tracer gives up after Silence.
const unacknowledged = 12 * time.Second

// limitUnacknowledged has the kernel end a connection whose other end is gone.
func limitUnacknowledged(c net.Conn) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // without it, Tracer.Reset helps
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledged/time.Millisecond))
	})
}
