// SPDX-License-Identifier: Apache-2.0

// Package program finds where in a program's or library's file uprobes and USDTs are.
//
//	Open → File → Places (uprobes), Probes (USDTs)
//
// A File stays what was opened: its Path leads to the same inode whatever becomes of the name. What is in the inode can still be
// changed by whoever may write to it; a digest says what the file was when it was opened.
//
// Files are not trusted: see package executable. All functions may be called at the same time.
package program
