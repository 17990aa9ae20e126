// SPDX-License-Identifier: Apache-2.0

// Command kubectl-trace-sec is the kubectl plugin. kubectl finds it under the name kubectl-trace_sec ("kubectl trace-sec"),
// which is how it is built; see the Makefile.
package main

import (
	"os"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // logins by cloud providers and OIDC, as kubectl knows them

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/build"
)

// Set by the linker (-X main.version=… -X main.image=…).
var (
	version string // vX.Y.Z
	image   string // reference of the tracer's image, by digest, of the same build
)

func main() {
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	os.Exit(plugin.Main(os.Args[1:], streams, build.Info{Version: version, Image: image}))
}
