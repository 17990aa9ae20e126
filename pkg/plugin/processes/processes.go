// SPDX-License-Identifier: Apache-2.0

// Package processes is the one table of processes that the plugin keeps: who they are, who started them, with which
// credentials, and how they ended.
package processes

// Facts is what the table says of the process of one event, at that event.
type Facts struct{}
