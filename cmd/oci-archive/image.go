// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
)

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// image is what becomes an archive: https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
type image struct {
	name, arch string
	env        []string
	entrypoint []string
	layer      []byte
}

// The documents of an image. Structs, not maps, so that the order of the fields and with it the digest is fixed here.
type (
	descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int               `json:"size"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	index struct {
		SchemaVersion int          `json:"schemaVersion"`
		Manifests     []descriptor `json:"manifests"`
	}
	manifest struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}
	config struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
		Config       struct {
			Entrypoint []string `json:",omitempty"`
			Env        []string `json:",omitempty"`
		} `json:"config"`
		RootFS struct {
			Type    string   `json:"type"`
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
)

// writeTo writes the archive and returns the digest of its manifest.
func (img image) writeTo(w io.Writer) (digest string, err error) {
	a := &archive{w: tar.NewWriter(w)}
	a.put("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))

	layer := a.blob(typeLayer, img.layer)
	c := config{Architecture: img.arch, OS: "linux"}
	c.Config.Entrypoint, c.Config.Env = img.entrypoint, img.env
	c.RootFS.Type, c.RootFS.DiffIDs = "layers", []string{layer.Digest} // uncompressed, so layer and diff have one digest
	man := a.blob(typeManifest, a.json(manifest{
		SchemaVersion: 2, MediaType: typeManifest, Config: a.blob(typeConfig, a.json(c)), Layers: []descriptor{layer},
	}))
	man.Annotations = map[string]string{
		"io.containerd.image.name":          img.name, // the whole reference: what containerd calls the image
		"org.opencontainers.image.ref.name": img.name, // the same for podman and skopeo
	}
	a.put("index.json", a.json(index{SchemaVersion: 2, Manifests: []descriptor{man}}))
	if a.err == nil {
		a.err = a.w.Close()
	}
	return man.Digest, a.err
}

// archive is a tar writer that remembers its first error.
type archive struct {
	w   *tar.Writer
	err error
}

func (a *archive) put(name string, content []byte) {
	if a.err != nil {
		return
	}
	if a.err = a.w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); a.err == nil {
		_, a.err = a.w.Write(content)
	}
}

func (a *archive) blob(mediaType string, content []byte) descriptor {
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	a.put("blobs/sha256/"+hash, content)
	return descriptor{MediaType: mediaType, Digest: "sha256:" + hash, Size: len(content)}
}

func (a *archive) json(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil && a.err == nil {
		a.err = err
	}
	return b
}
