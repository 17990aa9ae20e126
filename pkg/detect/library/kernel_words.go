// SPDX-License-Identifier: Apache-2.0

package library

// What Linux's numbers mean on the nodes, whatever this program runs on: flags of opens (include/uapi/asm-generic/fcntl.h; these are the same
// on all its processors) and types of files in a mode (include/uapi/linux/stat.h).
const (
	openWriteOnly = 0o1
	openReadWrite = 0o2
	openAccess    = 0o3
	openCreate    = 0o100
	openTruncate  = 0o1000
	openPathOnly  = 0o10000000

	modeType      = 0o170000
	modeSocket    = 0o140000
	modeBlock     = 0o060000
	modeCharacter = 0o020000
	modePipe      = 0o010000
)
