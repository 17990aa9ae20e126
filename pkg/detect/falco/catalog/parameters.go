// SPDX-License-Identifier: Apache-2.0

package catalog

import "slices"

// pathParameters are told as absolute paths. target of a symbolic link is not among them: it is told as it was given.
var pathParameters = []string{"name", "path", "oldpath", "newpath", "linkpath", "filename"}

// numberParameters are numbers for evt.rawarg; for evt.arg each parameter is a text.
var numberParameters = []string{
	"res", "fd", "dirfd", "flags", "mode", "dev", "ino", "size", "backlog", "oldfd", "newfd", "linkdirfd", "olddir", "newdir", "olddirfd",
	"newdirfd", "request", "pid", "tid", "ptid", "nstype", "cmd", "uid", "gid", "length", "domain", "type", "proto", "loginuid", "tty", "pgid",
	"queuepct", "queuelen", "queuemax", "resolve", "creat_flags", "exe_ino", "exe_ino_ctime", "exe_ino_mtime",
}

// parameterType is the type of evt.arg.NAME, or with raw of evt.rawarg.NAME.
func parameterType(name string, raw bool) Type {
	switch {
	case raw && slices.Contains(numberParameters, name):
		return Number
	case slices.Contains(pathParameters, name):
		return Path
	}
	return Text
}

// Parameters are the names of all parameters that an event type has, sorted.
func Parameters() []string {
	var names []string
	for i := range eventTypes {
		names = append(names, eventTypes[i].Parameters...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
