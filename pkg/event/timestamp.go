// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"
	"time"
)

// Timestamp is a point in time that is written as protojson writes it: RFC 3339 in UTC with 0, 3, 6 or 9 fractional digits.
type Timestamp struct{ time.Time }

// timestampLayouts by the number of nanoseconds that divides the fraction: the first that fits is the shortest.
var timestampLayouts = [...]struct {
	unit   int
	layout string
}{
	{int(time.Second), "2006-01-02T15:04:05Z"},
	{int(time.Millisecond), "2006-01-02T15:04:05.000Z"},
	{int(time.Microsecond), "2006-01-02T15:04:05.000000Z"},
	{1, "2006-01-02T15:04:05.000000000Z"},
}

// String is the protojson form.
func (t Timestamp) String() string {
	utc := t.UTC()
	for _, l := range timestampLayouts {
		if utc.Nanosecond()%l.unit == 0 {
			return utc.Format(l.layout)
		}
	}
	return utc.Format(time.RFC3339Nano)
}

// MarshalJSON writes the protojson form. It fails for years that RFC 3339 has no room for.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		return nil, fmt.Errorf("timestamp: year %d is outside 0–9999", y)
	}
	return []byte(`"` + t.String() + `"`), nil
}

// UnmarshalJSON reads any RFC 3339 time; null leaves the value as it is.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	return t.Time.UnmarshalJSON(b)
}
