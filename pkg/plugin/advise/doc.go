// SPDX-License-Identifier: Apache-2.0

// Package advise turns capability checks into what containers need: events and pods go in, and at the end a security context
// for each container comes out, with the reasons. It knows nothing but what it was given, and says what that was.
package advise
