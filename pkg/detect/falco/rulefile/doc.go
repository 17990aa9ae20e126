// SPDX-License-Identifier: Apache-2.0

// Package rulefile reads files of Falco rules: lists, macros and rules with their appends, overrides and exceptions, in the order
// in which they stand. It finds all mistakes of all files and keeps what is sound.
//
// What conditions mean is not decided here: they are read as trees, and fields and operators are checked where they are compiled.
package rulefile
