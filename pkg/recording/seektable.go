// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The seek table, as the zstd seekable format has it (zstd, contrib/seekable_format/zstd_seekable_compression_format.md): a skippable
// frame of an entry for each frame, its length as it is stored and its text's, and a footer of 9 bytes: the number of frames, a
// descriptor (0: no checksums), a magic number. All numbers are little endian.
const (
	skippableMagic  = 0x184D2A5E
	seekableMagic   = 0x8F92EAB1
	seekEntry       = 8
	seekFooter      = 9
	skippableHeader = 8
)

// frameSize is a frame's entry.
type frameSize struct{ stored, text uint32 }

// appendSeekTable writes the skippable frame.
func appendSeekTable(dst []byte, frames []frameSize) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, skippableMagic)
	dst = le.AppendUint32(dst, uint32(len(frames)*seekEntry+seekFooter))
	for _, f := range frames {
		dst = le.AppendUint32(le.AppendUint32(dst, f.stored), f.text)
	}
	dst = le.AppendUint32(dst, uint32(len(frames)))
	return le.AppendUint32(append(dst, 0), seekableMagic)
}

var errNoSeekTable = errors.New("no seek table")

// readSeekTable reads the table at the end of a file of so many bytes. What it says is checked to add up to the file.
func readSeekTable(file io.ReaderAt, size int64) ([]frameSize, error) {
	le := binary.LittleEndian
	var footer [seekFooter]byte
	if size < skippableHeader+seekFooter {
		return nil, errNoSeekTable
	}
	if _, err := file.ReadAt(footer[:], size-seekFooter); err != nil {
		return nil, err
	}
	if le.Uint32(footer[5:]) != seekableMagic || footer[4] != 0 {
		return nil, errNoSeekTable
	}
	count := int64(le.Uint32(footer[:]))
	length := skippableHeader + count*seekEntry + seekFooter
	if length > size {
		return nil, fmt.Errorf("the seek table has %d frames, more than the file has room for", count)
	}
	table := make([]byte, length)
	if _, err := file.ReadAt(table, size-length); err != nil {
		return nil, err
	}
	if le.Uint32(table) != skippableMagic || int64(le.Uint32(table[4:])) != length-skippableHeader {
		return nil, errNoSeekTable
	}
	frames, sum := make([]frameSize, count), int64(0)
	for i := range frames {
		entry := table[skippableHeader+i*seekEntry:]
		frames[i] = frameSize{le.Uint32(entry), le.Uint32(entry[4:])}
		sum += int64(frames[i].stored)
	}
	if sum != size-length {
		return nil, fmt.Errorf("the frames of the seek table have %d bytes, the file has %d", sum, size-length)
	}
	return frames, nil
}
