// SPDX-License-Identifier: Apache-2.0

// Command oci-archive writes an OCI image archive from files, without a container engine:
//
//	oci-archive -name REF -out FILE.tar [-root DIR] [-file HOST=/path/in/image[:mode]]... [flags] -- ENTRYPOINT...
//
// It prints the manifest digest, the one in name@sha256:... references. The same input gives the same bytes and so the same
// digest on every machine: one uncompressed layer (compressors differ between versions), sorted, owned by root, all times zero.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "oci-archive:", err)
		os.Exit(1)
	}
}

// repeated is a flag that may be given many times.
type repeated []string

func (r *repeated) String() string     { return strings.Join(*r, " ") }
func (r *repeated) Set(s string) error { *r = append(*r, s); return nil }

func run(args []string, stdout, stderr io.Writer) error {
	var (
		flags      = flag.NewFlagSet("oci-archive", flag.ContinueOnError)
		name       = flags.String("name", "", "image `reference` with registry and tag, e.g. localhost/busybox:1")
		out        = flags.String("out", "", "archive `file` to write")
		root       = flags.String("root", "", "`directory` whose content becomes the image's root")
		digestFile = flags.String("digest-file", "", "`file` to write the manifest digest to")
		arch       = flags.String("arch", runtime.GOARCH, "`architecture` of the image")
		files, env repeated
	)
	flags.SetOutput(stderr)
	flags.Var(&files, "file", "`HOST=/path/in/image[:mode]`: one file; it wins over one in -root (repeatable)")
	flags.Var(&env, "env", "`NAME=VALUE` for the entrypoint; PATH has a default (repeatable)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" {
		return errors.New("-out is missing")
	}
	if err := checkName(*name); err != nil {
		return err
	}

	tree := newTree()
	if *root != "" {
		if err := tree.addDir(*root); err != nil {
			return err
		}
	}
	for _, spec := range files {
		f, err := parseFile(spec)
		if err != nil {
			return err
		}
		if err := tree.addFile(f); err != nil {
			return err
		}
	}
	layer, err := tree.layer()
	if err != nil {
		return err
	}
	img := image{name: *name, arch: *arch, env: withPath(env), entrypoint: flags.Args(), layer: layer}

	// The file appears whole or not at all: a half-written archive with a good name would be loaded by the next run.
	tmp := *out + ".tmp"
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	defer os.Remove(tmp) // fails after the rename, as it should
	digest, err := img.writeTo(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", *out, err)
	}
	if err := os.Rename(tmp, *out); err != nil {
		return err
	}
	if *digestFile != "" {
		if err := os.WriteFile(*digestFile, []byte(digest+"\n"), 0o644); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(stdout, digest)
	return err
}

// checkName insists on what every runtime would otherwise complete in its own way: a registry and a tag.
func checkName(name string) error {
	registry, path, ok := strings.Cut(name, "/")
	if !ok || !(strings.ContainsAny(registry, ".:") || registry == "localhost") {
		return fmt.Errorf("-name %q: want a registry host before the first slash, e.g. localhost/name:tag", name)
	}
	if repo, tag, ok := strings.Cut(path, ":"); !ok || repo == "" || tag == "" || strings.ContainsAny(path, "@ ") {
		return fmt.Errorf("-name %q: want a tag and no digest, e.g. localhost/name:tag", name)
	}
	return nil
}

func withPath(env []string) []string {
	for _, e := range env {
		if strings.HasPrefix(e, "PATH=") {
			return env
		}
	}
	return append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, env...)
}
