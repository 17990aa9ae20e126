// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Clock turns the kernel's boot time into the time of day. It may be used concurrently.
type Clock struct {
	// bootedAt is the time of day of boot time 0, in ns since 1970.
	bootedAt atomic.Int64
}

// NewClock returns a clock that is set.
func NewClock() (*Clock, error) {
	c := &Clock{}
	return c, c.Set()
}

// Set reads both clocks anew: the time of day may have been stepped.
func (c *Clock) Set() error {
	var boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return err
	}
	c.bootedAt.Store(time.Now().UnixNano() - boot.Nano())
	return nil
}

// At is the time of day of a boot time in ns.
func (c *Clock) At(boot uint64) *event.Timestamp {
	return &event.Timestamp{Time: time.Unix(0, c.bootedAt.Load()+int64(boot)).UTC()}
}
