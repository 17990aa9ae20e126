// SPDX-License-Identifier: Apache-2.0

// Package process knows what runs: from the kernel's records of fork, exec and exit, and from the processes that ran
// already, it makes the events that are reported, each with its process and parent as they were at that moment.
package process
