// SPDX-License-Identifier: Apache-2.0

// Package carry has the tracers that the plugin brings to nodes itself, and the starter that receives one there: no registry, no
// published image, no file on the node.
//
// A pod's only program is the starter, which a ConfigMap gives it. The plugin attaches to the pod's standard input and sends
// Tracer.Payload; the starter compares its SHA-256 with the one in its arguments, which the pod's spec fixes, and executes it from
// memory. What follows on standard input is the tracer's.
//
// The starter is C without a C library (starter/), compiled by `make generate` and committed. Tracers are built and compressed by
// `make build`, and are not committed: a plugin that was built otherwise (go install) carries none.
package carry

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strconv"
)

//go:generate ./starter/build.sh .

//go:embed starter_amd64
var starterAMD64 []byte

//go:embed starter_arm64
var starterARM64 []byte

// tracers holds tracer_ARCHITECTURE.gz, where make build has put them.
//
//go:embed all:tracers
var tracers embed.FS

// architectures are those that tracers are built for, as Kubernetes names them.
var architectures = [...]struct {
	name    string
	starter []byte
}{{"amd64", starterAMD64}, {"arm64", starterARM64}}

// MemoryDirectory is a directory of the pod in memory, for kernels that forbid to execute from a memfd (vm.memfd_noexec=2). starter.c
// knows it too.
const MemoryDirectory = "/trace-sec/memory"

// Tracer is one that the plugin carries to nodes of an architecture.
type Tracer struct {
	// Architecture as Kubernetes names it: amd64, arm64.
	Architecture string
	// Starter is an ELF executable of some 13 KB.
	Starter []byte
	// Payload is what goes over the attached standard input: the tracer, compressed (gzip -n), some 3.8 MB. Not to be changed.
	Payload []byte
	// Digest is the SHA-256 of Payload in hexadecimal digits.
	Digest string
	// Size of the executable in bytes, as the trailer of Payload has it.
	Size int
}

// Set is what a plugin carries, by architecture. It never changes.
type Set map[string]Tracer

// Load returns what this plugin carries; the set is empty when it was built without.
func Load() (Set, error) { return load(tracers) }

func load(files fs.FS) (Set, error) {
	set := Set{}
	for _, a := range architectures {
		name := path.Join("tracers", "tracer_"+a.name+".gz")
		payload, err := fs.ReadFile(files, name)
		switch {
		case err != nil:
			continue // built without
		case len(payload) < gzipLeast:
			return nil, fmt.Errorf("the carried %s is cut: build the plugin again with make build", name)
		}
		set[a.name] = newTracer(a.name, a.starter, payload)
	}
	return set, nil
}

// gzipLeast is the length of the shortest gzip member: header, an empty block, trailer (RFC 1952).
const gzipLeast = 20

func newTracer(architecture string, starter, payload []byte) Tracer {
	sum := sha256.Sum256(payload)
	size := binary.LittleEndian.Uint32(payload[len(payload)-4:]) // ISIZE
	return Tracer{Architecture: architecture, Starter: starter, Payload: payload, Digest: hex.EncodeToString(sum[:]), Size: int(size)}
}

// Command is what a pod runs, in place of the tracer's own command, with the starters in a directory.
func (t Tracer) Command(starters, program string) []string {
	return []string{path.Join(starters, StarterKey(t.Architecture)), t.Digest, strconv.Itoa(len(t.Payload)), strconv.Itoa(t.Size), program}
}

// StarterKey is the name of an architecture's starter in the ConfigMap.
func StarterKey(architecture string) string { return "starter-" + architecture }

// Starters are all starters, by their names in the ConfigMap, and a digest that names all of them: 20 hexadecimal digits.
func Starters() (files map[string][]byte, digest string) {
	files = map[string][]byte{}
	sum := sha256.New()
	for _, a := range architectures {
		files[StarterKey(a.name)] = a.starter
		each := sha256.Sum256(a.starter)
		sum.Write(each[:])
	}
	return files, hex.EncodeToString(sum.Sum(nil))[:20]
}
