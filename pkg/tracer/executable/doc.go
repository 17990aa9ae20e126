// SPDX-License-Identifier: Apache-2.0

// Package executable reads ELF files that nobody vouches for: what a container runs can be made to hurt its reader, and be
// changed while it is read. Everything is bounded (the limits are in limits.go): sizes and counts are compared with them before
// memory is taken, addresses wrap nowhere, compressed sections are not unpacked. debug/elf and debug/gosym are not for such
// files, as their documentation says; the structures are debug/elf's.
//
// Known are 64-bit little-endian programs and libraries. All functions may be called at the same time.
package executable
