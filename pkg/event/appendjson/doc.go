// SPDX-License-Identifier: Apache-2.0

// Package appendjson writes the JSON of encoding/json (without its escapes for HTML) onto the end of a buffer, several
// times as fast and without allocating: what a type looks like is found out once, as a Plan of its fields with their
// offsets, and not again for each value. It is for events, of which a tracer writes hundreds of thousands in a second.
//
// A plan is for structs of booleans, integers, strings, byte slices, pointers, slices and structs, with the tags of
// encoding/json. All else (maps, floats, interfaces, types with a MarshalJSON of their own) is left to encoding/json, unless
// the type implements Appender.
//
// Plans don't change: they may be used concurrently.
package appendjson
