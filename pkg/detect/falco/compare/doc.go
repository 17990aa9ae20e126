// SPDX-License-Identifier: Apache-2.0

// Package compare has the values of fields and the comparisons that conditions make with them.
//
// A comparison is made once, with its constants converted to the field's type, and may then be used by several goroutines at
// once. Comparing allocates nothing but for regular expressions on text that is not UTF-8.
package compare
