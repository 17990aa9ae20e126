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

// ReadJSON reads what MarshalJSON writes, quicker than UnmarshalJSON does; false when value is of another form.
func (t *Timestamp) ReadJSON(value []byte) bool {
	const form = `"2006-01-02T15:04:05`
	if len(value) < len(form)+len(`Z"`) || value[0] != '"' || string(value[len(value)-2:]) != `Z"` {
		return false
	}
	if value[5] != '-' || value[8] != '-' || value[11] != 'T' || value[14] != ':' || value[17] != ':' {
		return false
	}
	year, month, day := decimal(value[1:5]), decimal(value[6:8]), decimal(value[9:11])
	hour, minute, second := decimal(value[12:14]), decimal(value[15:17]), decimal(value[18:20])
	nanosecond, ok := fraction(value[len(form) : len(value)-2])
	if !ok || min(year, month, day, hour, minute, second) < 0 || hour > 23 || minute > 59 || second > 59 {
		return false
	}
	t.Time = time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, time.UTC)
	return t.Month() == time.Month(month) && t.Day() == day // else there is no such day
}

// decimal is what digits say; -1 when there is something else.
func decimal(text []byte) (n int) {
	for _, b := range text {
		if b < '0' || b > '9' {
			return -1
		}
		n = n*10 + int(b-'0')
	}
	return n
}

// fraction is a point and 1 to 9 digits, or nothing, in nanoseconds.
func fraction(text []byte) (nanosecond int, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	digits := text[1:]
	if text[0] != '.' || len(digits) == 0 || len(digits) > 9 {
		return 0, false
	}
	nanosecond = decimal(digits)
	for range 9 - len(digits) {
		nanosecond *= 10
	}
	return nanosecond, nanosecond >= 0
}
