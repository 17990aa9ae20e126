// SPDX-License-Identifier: Apache-2.0

// Package readjson reads JSON into the types that appendjson writes, several times as fast as encoding/json and with few
// allocations. What a type looks like is found out once, as a Plan of its fields with their offsets.
//
// It reads what is usual: no blanks, no null, each name once, texts of valid UTF-8. Whatever is not, the document is read by
// encoding/json instead, from its beginning: so what comes out, and what is an error, is always what encoding/json says.
//
// Texts that come again and again are kept and shared. What pointers and slices point at is taken from blocks of some
// 2 KiB: who keeps a pointer into an event for long keeps its block. What is in maps has memory of its own.
package readjson
