// SPDX-License-Identifier: Apache-2.0

// Package fields gives the values of Falco's fields from the product's own events, and says of each how far it is what Falco has.
//
// Arguments of hooks are found by their labels, which are the names of the event type's parameters (name, flags, mode, oldpath …), with
// three more: resolved is the file that an open found or a call was given, socket the socket behind a descriptor, addr the socket
// address that was given. A policy that is to feed rules asks for them under these labels.
package fields
