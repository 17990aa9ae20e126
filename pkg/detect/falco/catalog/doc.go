// SPDX-License-Identifier: Apache-2.0

// Package catalog lists what conditions and outputs of Falco rules can name: the fields with their types, the event types with
// their parameters, and which operators a type allows. It says what a name means to Falco; which of them an event of this
// product has is not decided here.
//
// Names and meanings are those of falcosecurity/libs 48dfd53cd (2026-07-22) and the container plugin 0b3cbd8d.
package catalog
