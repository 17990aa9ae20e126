// SPDX-License-Identifier: Apache-2.0

// Package field tests policies as they are used in the field: testdata has one for each family of what people watch. Each is
// loaded as it is, provoked, and told exactly; and each of its ways to see a hook is loaded on each kernel.
package field
