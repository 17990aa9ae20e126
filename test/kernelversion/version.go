// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package kernelversion is for what tests expect of some kernels and not of others: in a test it is written down by hand since when a
// kernel does what, and the product, which finds that out by trying, is not asked.
package kernelversion

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Before says whether the running kernel's version is lower than this one. It panics if uname(2) says no version.
func Before(major, minor int) bool {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		panic(fmt.Sprintf("uname: %v", err))
	}
	release := unix.ByteSliceToString(name.Release[:])
	var this struct{ major, minor int }
	if _, err := fmt.Sscanf(release, "%d.%d", &this.major, &this.minor); err != nil {
		panic(fmt.Sprintf("the kernel's release %q does not begin with a version: %v", release, err))
	}
	return this.major < major || this.major == major && this.minor < minor
}
