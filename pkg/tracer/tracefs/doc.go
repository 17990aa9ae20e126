// SPDX-License-Identifier: Apache-2.0

// Package tracefs reads what the kernel says about its tracepoints: their number and the layout of their records, from
// tracefs where it is mounted, from a mount of our own that nobody else sees where it is not, and from the kernel's type
// information where neither can be had.
//
//	Open → Tracefs.Format → Format → Field → type for auto, check of the policy's type
//
// Read does it all. All functions may be called at the same time.
package tracefs
