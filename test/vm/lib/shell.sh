# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # main's variables: command, with, console
#
# One command in one guest.

run_shell() {
	local name=$1 dir=$RUN path outputs=() tail=''
	mkdir -p "$dir"/payload/{vm,with}
	for path in "${with[@]}"; do
		[[ -e $path ]] || die "--with $path: there is no such file"
		if [[ -d $path ]]; then cp -a "$path/." "$dir/payload/with/"; else cp -aL "$path" "$dir/payload/with/"; fi
	done
	echo /with >"$dir/payload/vm/folder"
	if ((${#command[@]} == 0)); then
		[[ -t 0 ]] || die "a shell on the console needs a terminal; or give a command after --"
		stty size >"$dir/payload/vm/terminal"
		: "${TIMEOUT:=0}"
		interactive "$name" "$dir"
		return
	fi
	: "${TIMEOUT:=$(default_timeout shell)}"
	printf 'exec %s\n' "${command[*]@Q}" >"$dir/payload/vm/run"
	mkfifo "$dir/stdout" "$dir/stderr"
	touch "$dir/console"
	cat "$dir/stdout" &
	outputs+=($!)
	cat "$dir/stderr" >&2 &
	outputs+=($!)
	if [[ -n $console ]]; then
		tail -f "$dir/console" >&2 &
		tail=$!
	fi
	# Open here as well, so that the two end even if QEMU never opens them.
	boot "$name" "$dir" 3>"$dir/stdout" 4>"$dir/stderr" </dev/null
	wait "${outputs[@]}"
	[[ -z $tail ]] || kill "$tail"
	[[ -e $dir/code ]] || no_end "$name" "$dir"
	exit "$(cat "$dir/code")"
}

# interactive NAME DIR: the terminal is the guest's console
interactive() {
	local settings
	settings=$(stty -g)
	say "Ctrl-D ends the guest"
	stty raw -echo isig intr undef quit undef susp undef
	boot "$1" "$2" || true
	stty "$settings"
}

# no_end NAME DIR: why a guest has no result
no_end() {
	say "kernel $1: $(cat "$2/problem" 2>/dev/null || echo "the guest ended before its command did"); the console's end:"
	tail -n 80 "$2/console" | tr -d '\r' | sed 's/^/  | /' >&2
	exit 1
}
