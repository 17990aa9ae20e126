// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"runtime/debug"
)

// Build says what this binary was built as. Both fields are set by the release's linker flags and may be empty.
type Build struct {
	// Version of the plugin, vX.Y.Z.
	Version string
	// Image is the reference of the tracer image of the same build.
	Image string
}

// errNoImage is for a binary that was built without naming its tracer image.
var errNoImage = errors.New(`this build of the plugin does not know its tracer image: name one with --image, which must be of the same version
(a release has it built in; "make build IMAGE=REGISTRY/trace-sec-tracer@sha256:…" builds one in)`)

// version is the release, or what Go noted about the build ("go install …@v1.2.3", a commit).
func (b Build) version() string {
	if b.Version != "" {
		return b.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
