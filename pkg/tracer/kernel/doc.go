// SPDX-License-Identifier: Apache-2.0

// Package kernel loads the BPF programs, attaches them, and reads what they say: records from the ring buffer, the tasks
// that run already, counters of what was lost. It gives the kernel's facts as they are; what they mean is for package
// process. Linux 5.10 or later with BTF; CAP_BPF and CAP_PERFMON are enough, and CAP_SYS_RESOURCE before 5.11.
package kernel
