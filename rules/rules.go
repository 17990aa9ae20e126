// SPDX-License-Identifier: Apache-2.0

// Package rules is the library of built-in detections: one file for each behaviour, in the format of docs/rules.md.
package rules

import "embed"

// Files are the rule files, by their names.
//
//go:embed *.yaml
var Files embed.FS
