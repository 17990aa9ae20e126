// SPDX-License-Identifier: Apache-2.0

package event

// Connection is what the reader of events knows about the connection, listener or message that an event is about. It is not
// Tetragon's, and no tracer fills it in.
type Connection struct {
	// Incoming: the other end opened it.
	Incoming bool `json:"incoming,omitempty"`
	// Local and Remote are what the cluster has at the two addresses: "pod shop/web-0", "service default/kubernetes", "node n1".
	// Empty when it knows nothing there.
	Local  string `json:"local,omitempty"`
	Remote string `json:"remote,omitempty"`
	// RemoteAddress and RemotePort are the end that a message goes to.
	RemoteAddress string `json:"remote_address,omitempty"`
	RemotePort    uint32 `json:"remote_port,omitempty"`
	// BytesSent and BytesReceived of the process until it closed the connection; nil when they are not known. Of a connection
	// that began before tracing, BytesSent is one too many if this end opened it.
	BytesSent     *uint64 `json:"bytes_sent,omitempty,string"`
	BytesReceived *uint64 `json:"bytes_received,omitempty,string"`
	// DurationNs from connect or accept to close in nanoseconds; nil when its beginning was not seen.
	DurationNs *uint64 `json:"duration_ns,omitempty,string"`
	// Questions that a message to a name server asks.
	Questions []DNSQuestion `json:"questions,omitempty"`
}

// DNSQuestion is one question of a DNS message: Name without the final dot ("." for the root), bytes that do not belong into
// a host's name as \ and three decimal digits; Type as A, AAAA, or TYPE and its number.
type DNSQuestion struct {
	Name string `json:"name,omitempty"`
	Type string `json:"type,omitempty"`
}
