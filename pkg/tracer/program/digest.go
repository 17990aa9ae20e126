// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// ErrDigest: the file is not one of those that the policy allows.
var ErrDigest = errors.New("it has none of the digests of binaryDigests")

// mostDigested is how large a file is of which a digest is computed, in bytes.
const mostDigested = 8 << 30

// algorithms of digests by their names in policies.
var algorithms = map[string]func(*File) ([]byte, error){
	"sha1":     sum(sha1.New),
	"sha256":   sum(sha256.New),
	"sha384":   sum(sha512.New384),
	"sha512":   sum(sha512.New),
	"build-id": func(f *File) ([]byte, error) { return f.elf.BuildID() },
}

func sum(algorithm func() hash.Hash) func(*File) ([]byte, error) {
	return func(f *File) ([]byte, error) {
		if f.size > mostDigested {
			return nil, fmt.Errorf("it has %d bytes, a digest is computed of at most %d", f.size, int64(mostDigested))
		}
		digest := algorithm()
		if _, err := io.Copy(digest, io.NewSectionReader(f.file, 0, f.size)); err != nil {
			return nil, err
		}
		return digest.Sum(nil), nil
	}
}

// checkDigests computes each algorithm once. The error says what the file has.
func (f *File) checkDigests(digests []policy.Digest) error {
	has := map[string][]byte{}
	var shown []string
	for _, digest := range digests {
		value, known := has[digest.Algorithm]
		if !known {
			compute, ok := algorithms[digest.Algorithm]
			if !ok {
				return fmt.Errorf("digest %s is unknown", digest.Algorithm)
			}
			var err error
			if value, err = compute(f); err != nil {
				return fmt.Errorf("%s: %w", digest.Algorithm, err)
			}
			has[digest.Algorithm] = value
			shown = append(shown, digest.Algorithm+":"+hex.EncodeToString(value))
		}
		if len(value) > 0 && bytes.Equal(value, digest.Sum) {
			return nil
		}
	}
	if len(digests) == 0 {
		return nil
	}
	return fmt.Errorf("%w: it has %v", ErrDigest, shown)
}
