// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"encoding/hex"
	"fmt"
)

// algorithms of hashes with their lengths in bytes, by enum hash_algo of include/uapi/linux/hash_info.h.
var algorithms = map[uint32]struct {
	name  string
	bytes int
}{
	1: {"md5", 16}, 2: {"sha1", 20}, 4: {"sha256", 32}, 5: {"sha384", 48}, 6: {"sha512", 64}, 7: {"sha224", 28}, 17: {"sm3", 32},
	20: {"sha3-256", 32}, 21: {"sha3-384", 48}, 22: {"sha3-512", 64},
}

// hashText is a hash as events have it: "<algorithm>:<hex digits>".
func hashText(algorithm uint32, hash []byte) string {
	a, known := algorithms[algorithm]
	if !known {
		return fmt.Sprintf("%d:%s", algorithm, hex.EncodeToString(hash))
	}
	return a.name + ":" + hex.EncodeToString(hash[:min(a.bytes, len(hash))])
}
