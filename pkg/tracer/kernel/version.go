// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// AtLeast says whether the running kernel calls itself this version or a later one. It is for what cannot be tried: distributions take
// features into older versions.
func AtLeast(major, minor int) bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	var hasMajor, hasMinor int
	if n, _ := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &hasMajor, &hasMinor); n != 2 {
		return false
	}
	return hasMajor > major || hasMajor == major && hasMinor >= minor
}
