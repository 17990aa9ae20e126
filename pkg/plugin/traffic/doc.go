// SPDX-License-Identifier: Apache-2.0

// Package traffic completes the events of a compose.Net policy: how long a connection lasted and what went through it, what a
// message asks a name server, and what the cluster has at the addresses.
package traffic
