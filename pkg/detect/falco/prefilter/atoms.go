// SPDX-License-Identifier: Apache-2.0

package prefilter

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
)

// translators of comparisons by what they are about. Each returns everything where nothing is implied.
var translators = map[string]func(*translation, *logic.Atom) normal{
	"fd.name": (*translation).filePath, "fd.directory": (*translation).filePath, "fd.filename": (*translation).filePath,
	"fd.nameraw": (*translation).rawPath, "evt.arg.target": (*translation).target,
	"evt.arg.name": (*translation).path, "evt.arg.path": (*translation).path, "evt.arg.oldpath": (*translation).path,
	"evt.arg.newpath": (*translation).path, "evt.arg.linkpath": (*translation).path, "evt.arg.filename": (*translation).path,
	"evt.is_open_write": (*translation).openWrite, "evt.arg.flags": (*translation).flags, "evt.arg.mode": (*translation).mode,
	"fd.num": (*translation).descriptor, "evt.rawres": (*translation).result, "evt.res": (*translation).resultWord,
	"evt.arg.request": (*translation).enumeration, "evt.arg.cmd": (*translation).enumeration, "evt.arg.domain": (*translation).enumeration,
	"fd.typechar": (*translation).family, "fd.type": (*translation).family,
	"fd.sip": (*translation).remote, "fd.rip": (*translation).remote, "fd.snet": (*translation).remote, "fd.rnet": (*translation).remote,
	"fd.ip": (*translation).eitherEnd, "fd.net": (*translation).eitherEnd,
	"fd.sport": (*translation).remotePort, "fd.rport": (*translation).remotePort,
	"thread.cap_effective": (*translation).capability, "thread.cap_permitted": (*translation).capability,
}

// atom translates a comparison that has to hold.
func (t *translation) atom(a *logic.Atom) normal {
	field := a.Field()
	if field == nil || a.Comparison.HoldsAbsent() {
		return everything
	}
	translate, ok := translators[field.Name]
	if !ok {
		return everything
	}
	return translate(t, a)
}

// denied translates one that must not hold: only what the kernel decides in the same way, whatever is absent.
func (t *translation) denied(a *logic.Atom) normal {
	field := a.Field()
	if field == nil {
		return everything
	}
	switch field.Name {
	case "thread.cap_effective", "thread.cap_permitted":
		return t.noCapability(a)
	case "fd.snet", "fd.rnet", "fd.sip", "fd.rip", "fd.net", "fd.ip":
		if plainOperator(a) == "=" {
			return t.notRemote(a)
		}
	}
	return everything
}

// isList says whether the comparison holds if it holds for one of the values.
func isList(a *logic.Atom) bool {
	return a.Operator == "in" || a.Operator == "intersects" || a.Operator == "pmatch" || a.Modifier == condition.AnyOf || a.Modifier == condition.OneOf
}

// plainOperator is the operator for each of the values: = for those of lists.
func plainOperator(a *logic.Atom) string {
	if a.Operator == "in" || a.Operator == "intersects" {
		return "="
	}
	return a.Operator
}

// mostValues of a list that a kernel is given.
const mostValues = 1024

// texts translates a comparison of a path or text with each of its values.
func texts(a *logic.Atom, each func(operator, value string) normal) normal {
	if a.Modifier == condition.AllOf {
		n := everything
		for _, value := range a.Values {
			n = n.and(each(a.Operator, value))
		}
		return n
	}
	if len(a.Values) > mostValues {
		return everything
	}
	if len(a.Values) == 0 {
		if isList(a) {
			return nothing // no value, nothing is in it
		}
		return everything
	}
	n, single := nothing, map[string]*Filter{} // what is one filter for most values is put together at once: lists are long
	for _, value := range a.Values {
		one := each(plainOperator(a), value)
		switch {
		case one.everything():
			return one
		case len(one) == 1 && len(one[0]) == 1:
			f := one[0][0]
			if have := single[group(f)]; have != nil {
				f = have.merged(f)
			}
			single[group(f)] = f
		default:
			n = append(n, one...).reduced().bounded()
		}
	}
	for _, key := range slices.Sorted(maps.Keys(single)) {
		n = append(n, Conjunct{single[key]})
	}
	return n.reduced().bounded()
}

// path translates a comparison of a parameter that is a path.
func (t *translation) path(a *logic.Atom) normal {
	subject := strings.TrimPrefix(a.Field().Name, "evt.arg.")
	return texts(a, func(operator, value string) normal { return pathFilter(subject, operator, value) })
}

// rawPath translates fd.nameraw: the path as it was written, without repeated slashes.
func (t *translation) rawPath(a *logic.Atom) normal {
	return texts(a, func(operator, value string) normal { return rawFilter(RawPath, operator, value) })
}

// target translates that of a symbolic link, which is told as it was given.
func (t *translation) target(a *logic.Atom) normal {
	return texts(a, func(operator, value string) normal { return rawFilter("target", operator, value) })
}

// rawFilter translates one comparison of a text that need not be a path in its shortest form, which pmatch takes no notice of.
func rawFilter(subject, operator, value string) normal {
	if operator == "pmatch" {
		return everything
	}
	return pathFilter(subject, operator, value)
}

// descriptorPaths are event types of whose fd.name the kernel has the path: an open's own, a file's that is given.
var descriptorPaths = []string{"open", "openat", "openat2", "creat", "fchmod"}

// filePath translates fd.name, fd.directory and fd.filename.
func (t *translation) filePath(a *logic.Atom) normal {
	if !slices.Contains(descriptorPaths, t.event.Name) {
		return everything
	}
	part := map[string]func(operator, value string) normal{
		"fd.name":      func(operator, value string) normal { return pathFilter(FilePath, operator, value) },
		"fd.directory": directoryFilter,
		"fd.filename":  nameFilter,
	}[a.Field().Name]
	return texts(a, part)
}

func text(kind Kind, subject, value string) normal {
	if value == "" && kind != Equal {
		return everything
	}
	return of(&Filter{Kind: kind, Subject: subject, Texts: []string{value}})
}

// pathFilter translates one comparison of a whole path.
func pathFilter(subject, operator, value string) normal {
	switch operator {
	case "=":
		return text(Equal, subject, value)
	case "startswith":
		return text(Prefix, subject, value)
	case "endswith":
		return text(Postfix, subject, value)
	case "contains":
		return text(SubString, subject, value)
	case "pmatch":
		return text(Prefix, subject, literalHead(cleaned(value)))
	case "glob":
		return globFilter(subject, value)
	}
	return everything
}

// globSpecial are the bytes of a pattern that do not stand for themselves.
const globSpecial = `*?[\`

// literalHead is the part of a pattern before the first such byte; less a last slash, below which the path itself lies too.
func literalHead(pattern string) string {
	if at := strings.IndexAny(pattern, globSpecial); at >= 0 {
		pattern = pattern[:at]
	}
	return strings.TrimSuffix(pattern, "/")
}

// cleaned is a path pattern in the form in which paths are compared: / before each component that is not empty.
func cleaned(pattern string) string {
	var b strings.Builder
	for component := range strings.SplitSeq(pattern, "/") {
		if component != "" {
			b.WriteString("/" + component)
		}
	}
	return b.String()
}

// globFilter takes the literal head and tail of a pattern, or its longest literal piece.
func globFilter(subject, pattern string) normal {
	if !strings.ContainsAny(pattern, globSpecial) {
		return text(Equal, subject, pattern)
	}
	if strings.ContainsAny(pattern, `[\`) { // what is between may hold such bytes: the head alone is certain
		return text(Prefix, subject, pattern[:strings.IndexAny(pattern, globSpecial)])
	}
	head := pattern[:strings.IndexAny(pattern, globSpecial)]
	tail := pattern[strings.LastIndexAny(pattern, globSpecial)+1:]
	if head != "" || tail != "" {
		return text(Prefix, subject, head).and(text(Postfix, subject, tail))
	}
	longest := ""
	for piece := range strings.FieldsFuncSeq(pattern, func(r rune) bool { return strings.ContainsRune(globSpecial, r) }) {
		if len(piece) > len(longest) {
			longest = piece
		}
	}
	return text(SubString, subject, longest)
}

// directoryFilter translates one comparison of a path's directory, which is / for the root and ends without a slash else.
func directoryFilter(operator, value string) normal {
	switch operator {
	case "=":
		if value == "/" {
			return text(Prefix, FilePath, "/")
		}
		return text(Prefix, FilePath, value+"/")
	case "startswith":
		return text(Prefix, FilePath, value)
	case "contains":
		return text(SubString, FilePath, value)
	case "endswith":
		if value == "/" {
			return everything
		}
		return text(SubString, FilePath, value)
	case "pmatch":
		return text(Prefix, FilePath, literalHead(cleaned(value)))
	case "glob":
		if at := strings.IndexAny(value, globSpecial); at > 0 {
			return text(Prefix, FilePath, value[:at])
		}
	}
	return everything
}

// nameFilter translates one comparison of a path's last component.
func nameFilter(operator, value string) normal {
	switch operator {
	case "=":
		return text(Postfix, FilePath, "/"+value)
	case "endswith":
		return text(Postfix, FilePath, value)
	case "startswith":
		return text(SubString, FilePath, "/"+value)
	case "contains":
		return text(SubString, FilePath, value)
	}
	return everything
}
