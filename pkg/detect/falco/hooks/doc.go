// SPDX-License-Identifier: Apache-2.0

// Package hooks says where a kernel has to be watched for rules of Falco: for each event type that a rule can hold for, the system call,
// which of its arguments are told under which labels (see package fields), and selectors, which let every call pass for which a rule can
// hold. It is plain data in the words of TracingPolicy; nothing here loads or writes a policy.
//
// Selectors decide at the beginning of a call, by what the program passed. A path that is not absolute, not in its shortest form or not
// readable then cannot be compared and passes. The last selector of a call that opens a file compares the path that the kernel found:
// it alone may test what is returned, because the first selector that matches at the beginning decides.
package hooks
