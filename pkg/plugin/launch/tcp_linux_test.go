// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A control connection that the network cut is found dead while there is still time to make another: a ping goes out every 5 s.
func TestDeadControlConnectionIsFound(t *testing.T) {
	const ping = 5 * time.Second
	if ping+unacknowledged+attachTimeout > Silence {
		t.Errorf("found after %s, attached after %s more, while the tracer waits for %s", ping+unacknowledged, attachTimeout, Silence)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	limitUnacknowledged(c)
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var limit int
	if err := raw.Control(func(fd uintptr) { limit, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); err != nil {
		t.Fatal(err)
	}
	if err != nil || time.Duration(limit)*time.Millisecond != unacknowledged {
		t.Errorf("%d ms, %v", limit, err)
	}
}
