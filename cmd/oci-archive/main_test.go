// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// must fails the test when the preparation of it failed.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// makeRoot makes a root file system with one of everything that can be in an image.
func makeRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755))
	must(t, os.Mkdir(filepath.Join(root, "tmp"), 0o755))
	must(t, os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky))
	must(t, os.WriteFile(filepath.Join(root, "usr/bin/tool"), []byte("tool"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "usr/bin-file"), []byte("sorts next to a directory"), 0o600))
	must(t, os.Symlink("usr/bin", filepath.Join(root, "bin")))
	must(t, os.Symlink("/nowhere", filepath.Join(root, "dangling")))
	return root
}

func build(t *testing.T, args ...string) (archive []byte, digest string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image.tar")
	var stdout bytes.Buffer
	must(t, run(append([]string{"-name", "localhost/test:1", "-arch", "amd64", "-out", out}, args...), &stdout, io.Discard))
	b, err := os.ReadFile(out)
	must(t, err)
	return b, strings.TrimSpace(stdout.String())
}

// untar reads an archive into headers and contents by name; order holds the names as they came.
func untar(t *testing.T, b []byte) (headers map[string]*tar.Header, contents map[string][]byte, order []string) {
	t.Helper()
	headers, contents = map[string]*tar.Header{}, map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents, order
		}
		must(t, err)
		if headers[h.Name] != nil {
			t.Errorf("%s is there twice", h.Name)
		}
		content, err := io.ReadAll(r)
		must(t, err)
		headers[h.Name], contents[h.Name], order = h, content, append(order, h.Name)
	}
}

func decode[T any](t *testing.T, b []byte) (v T) {
	t.Helper()
	must(t, json.Unmarshal(b, &v))
	return v
}

func TestDeterministic(t *testing.T) {
	root, again := makeRoot(t), makeRoot(t)
	must(t, os.Chtimes(filepath.Join(again, "usr/bin/tool"), time.Unix(1, 0), time.Unix(1, 0)))
	a, digestA := build(t, "-root", root, "--", "/bin/tool", "-x")
	b, digestB := build(t, "-root", again, "--", "/bin/tool", "-x")
	if !bytes.Equal(a, b) || digestA != digestB {
		t.Errorf("two builds of the same content differ: %s, %s", digestA, digestB)
	}
	must(t, os.WriteFile(filepath.Join(again, "usr/bin/tool"), []byte("other"), 0o755))
	if _, digest := build(t, "-root", again, "--", "/bin/tool", "-x"); digest == digestA {
		t.Error("other content, same digest")
	}
	if _, digest := build(t, "-root", root, "--", "/bin/tool", "-y"); digest == digestA {
		t.Error("other entrypoint, same digest")
	}
}

// TestLayout follows the archive from oci-layout to the layer, checking every digest and size on the way.
func TestLayout(t *testing.T) {
	b, digest := build(t, "-root", makeRoot(t), "-env", "A=b", "--", "/bin/tool", "-x")
	_, contents, _ := untar(t, b)
	blob := func(d descriptor, mediaType string) []byte {
		t.Helper()
		content, ok := contents["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
		if !ok || d.Size != len(content) || d.MediaType != mediaType {
			t.Fatalf("descriptor %+v: found %v, %d bytes, want type %s", d, ok, len(content), mediaType)
		}
		if sum := sha256.Sum256(content); d.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
			t.Fatalf("%s has other content", d.Digest)
		}
		return content
	}
	if got := string(contents["oci-layout"]); got != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout: %s", got)
	}
	idx := decode[index](t, contents["index.json"])
	if len(idx.Manifests) != 1 || idx.Manifests[0].Digest != digest {
		t.Fatalf("index %+v does not lead to %s", idx, digest)
	}
	if got := idx.Manifests[0].Annotations["io.containerd.image.name"]; got != "localhost/test:1" {
		t.Errorf("name: %q", got)
	}
	man := decode[manifest](t, blob(idx.Manifests[0], typeManifest))
	conf := decode[config](t, blob(man.Config, typeConfig))
	if conf.Architecture != "amd64" || conf.OS != "linux" ||
		!slices.Equal(conf.Config.Entrypoint, []string{"/bin/tool", "-x"}) ||
		len(conf.Config.Env) != 2 || !strings.HasPrefix(conf.Config.Env[0], "PATH=") || conf.Config.Env[1] != "A=b" {
		t.Errorf("config: %+v", conf)
	}
	blob(man.Layers[0], typeLayer)
	if !slices.Equal(conf.RootFS.DiffIDs, []string{man.Layers[0].Digest}) {
		t.Errorf("diff ids %v, layer %s", conf.RootFS.DiffIDs, man.Layers[0].Digest)
	}
}

func layerOf(t *testing.T, archive []byte) (map[string]*tar.Header, map[string][]byte, []string) {
	t.Helper()
	_, contents, _ := untar(t, archive)
	man := decode[manifest](t, contents["blobs/"+strings.Replace(decode[index](t, contents["index.json"]).Manifests[0].Digest, ":", "/", 1)])
	return untar(t, contents["blobs/"+strings.Replace(man.Layers[0].Digest, ":", "/", 1)])
}

func TestLayer(t *testing.T) {
	tracer := filepath.Join(t.TempDir(), "tracer")
	must(t, os.WriteFile(tracer, []byte("binary"), 0o700))
	b, _ := build(t, "-root", makeRoot(t), "-file", tracer+"=/opt/trace/tracer", "-file", tracer+"=/usr/bin/tool:0511")
	headers, contents, order := layerOf(t, b)

	want := map[string]struct {
		mode    int64
		kind    byte
		content string
		link    string
	}{
		"bin":              {0o777, tar.TypeSymlink, "", "usr/bin"},
		"dangling":         {0o777, tar.TypeSymlink, "", "/nowhere"},
		"opt/":             {0o755, tar.TypeDir, "", ""},
		"opt/trace/":       {0o755, tar.TypeDir, "", ""},
		"opt/trace/tracer": {0o755, tar.TypeReg, "binary", ""},
		"tmp/":             {0o1777, tar.TypeDir, "", ""},
		"usr/":             {0o755, tar.TypeDir, "", ""},
		"usr/bin/":         {0o755, tar.TypeDir, "", ""},
		"usr/bin/tool":     {0o511, tar.TypeReg, "binary", ""},
		"usr/bin-file":     {0o600, tar.TypeReg, "sorts next to a directory", ""},
	}
	if got := slices.Sorted(maps.Keys(headers)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("layer has %q", got)
	}
	for name, w := range want {
		h := headers[name]
		if h == nil {
			continue
		}
		if h.Mode != w.mode || h.Typeflag != w.kind || h.Linkname != w.link || string(contents[name]) != w.content {
			t.Errorf("%s: mode %o type %c link %q content %q, want %+v", name, h.Mode, h.Typeflag, h.Linkname, contents[name], w)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || h.ModTime.Unix() != 0 {
			t.Errorf("%s: owner %d:%d (%s:%s), time %v", name, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime)
		}
		if dir, _ := filepath.Split(strings.TrimSuffix(name, "/")); dir != "" && slices.Index(order, dir) > slices.Index(order, name) {
			t.Errorf("%s comes before its directory", name)
		}
	}
}

// TestOneFile is the tracer's image: one static binary and nothing else.
func TestOneFile(t *testing.T) {
	dir := t.TempDir()
	tracer, digestFile := filepath.Join(dir, "tracer"), filepath.Join(dir, "digest")
	must(t, os.WriteFile(tracer, []byte("binary"), 0o600))
	b, digest := build(t, "-file", tracer+"=/trace-sec-tracer:0755", "-digest-file", digestFile, "--", "/trace-sec-tracer")
	headers, _, _ := layerOf(t, b)
	if len(headers) != 1 || headers["trace-sec-tracer"] == nil || headers["trace-sec-tracer"].Mode != 0o755 {
		t.Errorf("layer: %v", headers)
	}
	if got, err := os.ReadFile(digestFile); err != nil || string(got) != digest+"\n" {
		t.Errorf("digest file has %q, %v; printed was %q", got, err, digest)
	}
}

func TestRefused(t *testing.T) {
	dir, root := t.TempDir(), makeRoot(t)
	host := filepath.Join(dir, "f")
	must(t, os.WriteFile(host, nil, 0o644))
	for _, c := range []struct{ name, want, args string }{
		{"no name", "registry", "-out o"},
		{"no registry", "registry", "-out o -name busybox:1"},
		{"docker's short form", "registry", "-out o -name library/busybox:1"},
		{"no tag", "tag", "-out o -name localhost/busybox"},
		{"a port is no tag", "tag", "-out o -name localhost:5000/busybox"},
		{"digest", "tag", "-out o -name localhost/a:1@sha256:00"},
		{"no out", "-out", "-name localhost/a:1"},
		{"no such root", "no such file", "-out o -name localhost/a:1 -root " + dir + "/missing"},
		{"no such file", "no such file", "-out o -name localhost/a:1 -file " + dir + "/missing=/x"},
		{"a directory as file", "not a regular file", "-out o -name localhost/a:1 -file " + dir + "=/x"},
		{"no image path", "want HOST=", "-out o -name localhost/a:1 -file " + host},
		{"relative image path", "want HOST=", "-out o -name localhost/a:1 -file " + host + "=x"},
		{"bad mode", "octal", "-out o -name localhost/a:1 -file " + host + "=/x:0999"},
		{"root as path", "root", "-out o -name localhost/a:1 -file " + host + "=/."},
		{"below a link", "not a directory", "-out o -name localhost/a:1 -root " + root + " -file " + host + "=/bin/x"},
		{"over a directory", "is a directory", "-out o -name localhost/a:1 -root " + root + " -file " + host + "=/usr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(dir)
			err := run(strings.Fields(c.args), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if _, err := os.Stat("o"); err == nil {
				t.Error("an archive was written all the same")
			}
		})
	}
}
