// SPDX-License-Identifier: Apache-2.0

// Package build says what this binary was built as.
package build

import "runtime/debug"

// Info is what the release's linker flags set; both fields may be empty.
type Info struct {
	// Version of the plugin, vX.Y.Z; Release is what to show.
	Version string
	// Image is the reference of the tracer image of the same build.
	Image string
}

// Release is the version, or what Go noted about the build ("go install …@v1.2.3", a commit).
func (i Info) Release() string {
	if i.Version != "" {
		return i.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
