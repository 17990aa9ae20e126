// SPDX-License-Identifier: Apache-2.0

// Package stream follows the log of one tracer and turns it into an ordered sequence of frames in which nothing is missing
// without a word. The log endpoint gives no such promise: it reads only the current file of a log that rotates, serves
// lines twice, cuts lines, ends with a clean EOF when anything between here and the node restarts, and skips whole files
// when its reader is slow. So frames are numbered, and this package drops what comes twice, fetches again what is missing,
// says exactly how many events stay missing, and never lets its consumer slow down the reading.
//
// For every event that the tracer wrote: delivered + in gaps = written.
package stream
