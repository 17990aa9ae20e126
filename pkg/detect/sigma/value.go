// SPDX-License-Identifier: Apache-2.0

package sigma

// Record is one event as rules see it.
type Record interface {
	// Values of a field; KeywordsField is the text that keywords are searched in. An Evaluator asks for each field at most once for
	// each record, and has read the answer before it asks again.
	Values(field string) Values
}

// Values are what a field has: several where the event has several names for one thing, of which an item may match any.
type Values struct {
	// Texts are the values; none means that the event has no such field.
	Texts []string
	// Claimed are further values that the process chose itself: an item that only they match is true, but where it is negated it is not,
	// so that a process cannot except itself from a rule.
	Claimed []string
	// Cut says what of each value is missing.
	Cut Cut
}

// Cut says what of a value is missing.
type Cut uint8

// Parts of a value that may be missing. Unknown is a value of which nothing is known, not even whether there is one.
const (
	CutStart Cut = 1 << iota
	CutEnd
	Unknown
)

// verdict is what is known of the truth of a part of a rule.
type verdict uint8

// must: it holds whatever is missing; sure: it holds with what is there, claimed values aside; taken: it holds with what is there; may: it
// could hold with what is missing. Where nothing is missing and nothing claimed all are the same. Each is combined bit by bit: and, or;
// not exchanges must and may, sure and taken.
const (
	must verdict = 1 << iota
	sure
	taken
	may

	no  verdict = 0
	yes         = must | sure | taken | may
	// present: it holds with what is there, but not with everything that may be missing.
	present = sure | taken | may
	// claimed: it holds with a value that the process chose.
	claimed = taken | may
)

func (v verdict) not() verdict {
	return ^(v&must<<3 | v&sure<<1 | v&taken>>1 | v&may>>3) & yes
}

func known(holds bool) verdict {
	if holds {
		return yes
	}
	return no
}
