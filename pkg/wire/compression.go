// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// EncodingZstd compresses events and processes: in the place of "procs" and "ev" a frame has "zstd", the object of these two
// compressed, in base64.
const EncodingZstd = "zstd"

// Encodings are the names of what frames may be encoded as beside plain JSON, for TracerConfig.Encodings.
func Encodings() []string { return []string{EncodingZstd} }

const (
	// MaxBody is the most bytes that events and processes of a compressed frame take when they are not compressed.
	MaxBody = 256 * 1024
	// maxObjects is how many { a body has at most: each may become a value of some 300 bytes.
	maxObjects = MaxBody / 8
	// leastCompressed is how long a body must be to be compressed at all.
	leastCompressed = 1024
)

// compressor of bodies, which learns how much shorter they get.
type compressor struct {
	zstd *zstd.Encoder
	out  []byte
	text []byte
	// ratio of text to body, of late.
	ratio float64
}

// newCompressor returns one for an encoding of those accepted, nil when there is none: frames are plain then.
func newCompressor(accepted []string) *compressor {
	if !slices.Contains(accepted, EncodingZstd) {
		return nil
	}
	// Of the levels the quickest: on events, the others are hardly better. The checksum would be one more, TCP has one.
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(MaxBody), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // an option is wrong
	}
	return &compressor{zstd: encoder, ratio: 0.25}
}

// compress returns a body as the text that stands in the frame. It is good until the next call.
func (c *compressor) compress(body []byte) []byte {
	c.out = c.zstd.EncodeAll(body, c.out[:0])
	c.text = base64.StdEncoding.AppendEncode(c.text[:0], c.out)
	got := float64(len(c.text)) / float64(len(body))
	c.ratio = max(got, (c.ratio+got)/2)
	return c.text
}

// expected is the length of a body that will likely take room bytes of text: a little less, since one that turns out too long
// is compressed again, in two parts.
func (c *compressor) expected(room int) int {
	return max(room, min(MaxBody, int(0.9*float64(room)/c.ratio)))
}

// newDecompressor returns what decompress needs.
func newDecompressor() *zstd.Decoder {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(MaxBody), zstd.WithDecoderMaxMemory(MaxBody), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // an option is wrong
	}
	return decoder
}

// decompress writes a body into memory of MaxBody bytes; one that is longer is an error.
func decompress(decoder *zstd.Decoder, memory, compressed []byte) ([]byte, error) {
	body, err := decoder.DecodeAll(compressed, memory[:0])
	if err != nil {
		return nil, err
	}
	if objects := bytes.Count(body, []byte{'{'}); objects > maxObjects {
		return nil, fmt.Errorf("%d objects, at most %d are allowed", objects, maxObjects)
	}
	return body, nil
}
