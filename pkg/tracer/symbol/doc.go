// SPDX-License-Identifier: Apache-2.0

// Package symbol names the addresses of stacks: those of the kernel by /proc/kallsyms (Kernel), those of a process by the files
// that it has mapped (Processes), which it need not be trusted with.
//
// Names of user space have to be looked up while the process lives. An address that has no name stays an address: a wrong name
// is worse than none. Names are as symbol tables have them, not demangled. Looking up reads files: it is not for a goroutine
// that others wait for.
//
// All functions may be called at the same time.
package symbol
