// SPDX-License-Identifier: Apache-2.0

package policy

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"

// Near are at most three of names that were probably meant, see nearest.Names.
func Near(typed string, names []string) []string { return nearest.Names(typed, names) }

// DidYouMean is the end of a message about an unknown word, see nearest.DidYouMean.
func DidYouMean(typed string, candidates []string) string {
	return nearest.DidYouMean(typed, candidates)
}
