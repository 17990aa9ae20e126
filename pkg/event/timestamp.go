// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"
	"time"
)

// Timestamp is a point in time that is written as protojson writes it: RFC 3339 in UTC with 0, 3, 6 or 9 fractional digits.
type Timestamp struct{ time.Time }

// String is the protojson form.
func (t Timestamp) String() string { return string(t.append(nil)) }

// append writes by hand what Format would take several times as long for: each event has a time.
func (t Timestamp) append(dst []byte) []byte {
	utc := t.UTC()
	year, month, day := utc.Date()
	hour, minute, second := utc.Clock()
	if year < 0 || year > 9999 {
		return utc.AppendFormat(dst, time.RFC3339Nano)
	}
	dst = append(digits(dst, year, 4), '-')
	dst = append(digits(dst, int(month), 2), '-')
	dst = append(digits(dst, day, 2), 'T')
	dst = append(digits(dst, hour, 2), ':')
	dst = append(digits(dst, minute, 2), ':')
	dst = digits(dst, second, 2)
	switch nanosecond := utc.Nanosecond(); {
	case nanosecond == 0:
	case nanosecond%int(time.Millisecond) == 0:
		dst = digits(append(dst, '.'), nanosecond/int(time.Millisecond), 3)
	case nanosecond%int(time.Microsecond) == 0:
		dst = digits(append(dst, '.'), nanosecond/int(time.Microsecond), 6)
	default:
		dst = digits(append(dst, '.'), nanosecond, 9)
	}
	return append(dst, 'Z')
}

// digits appends the last width digits of n.
func digits(dst []byte, n, width int) []byte {
	dst = append(dst, "000000000"[:width]...)
	for i := len(dst) - 1; n > 0 && width > 0; i, width = i-1, width-1 {
		dst[i] += byte(n % 10)
		n /= 10
	}
	return dst
}

// MarshalJSON writes the protojson form. It fails for years that RFC 3339 has no room for.
func (t Timestamp) MarshalJSON() ([]byte, error) { return t.AppendJSON(nil) }

// AppendJSON writes what MarshalJSON does to the end of dst.
func (t Timestamp) AppendJSON(dst []byte) ([]byte, error) {
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		return dst, fmt.Errorf("timestamp: year %d is outside 0–9999", y)
	}
	return append(t.append(append(dst, '"')), '"'), nil
}

// UnmarshalJSON reads any RFC 3339 time; null leaves the value as it is.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	return t.Time.UnmarshalJSON(b)
}
