# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Our processes are those in our cgroups: that is how they are found, counted and ended, never by name.
# Works with cgroup v1, with v1 plus v2 (hybrid), and with v2 alone.

cgroup_roots() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts; }

# cgroup_make PATH: make $ROOT_CGROUP/PATH in every hierarchy
cgroup_make() {
	local root dir part c roots parts controllers
	mapfile -t roots < <(cgroup_roots)
	IFS=/ read -ra parts <<<"$ROOT_CGROUP/$1"
	for root in "${roots[@]}"; do
		dir=$root
		for part in "${parts[@]}"; do
			# v2 alone: a controller is there for the children only when the parent passes it on. In a hybrid system the v1
			# hierarchies have the controllers, and the few that are left stay where they are.
			if [ ${#roots[@]} = 1 ] && [ -e "$dir/cgroup.subtree_control" ]; then
				read -ra controllers <"$dir/cgroup.controllers"
				for c in "${controllers[@]}"; do
					echo "+$c" >"$dir/cgroup.subtree_control" || say "cgroup $dir does not pass on $c"
				done
			fi
			dir=$dir/$part
			mkdir -p "$dir"
			# v1: a new cpuset is empty, and nothing can enter an empty one.
			if [ -e "$dir/cpuset.cpus" ] && [ ! -e "$dir/cgroup.controllers" ]; then
				[ -n "$(cat "$dir/cpuset.cpus")" ] || cat "$dir/../cpuset.cpus" >"$dir/cpuset.cpus"
				[ -n "$(cat "$dir/cpuset.mems")" ] || cat "$dir/../cpuset.mems" >"$dir/cpuset.mems"
			fi
		done
	done
}

# cgroup_pids [PATH]: processes in and below $ROOT_CGROUP/PATH
cgroup_pids() {
	local root
	for root in $(cgroup_roots); do
		find "$root/$ROOT_CGROUP${1:+/$1}" -name cgroup.procs -exec cat {} + 2>/dev/null || true
	done | sort -un
}

# cgroup_pid PATH NAME: the process of that name there
cgroup_pid() {
	local pid comm
	for pid in $(cgroup_pids "$1"); do
		read -r comm 2>/dev/null <"/proc/$pid/comm" || continue
		[ "$comm" != "$2" ] || { echo "$pid" && return; }
	done
	return 1
}

# start_in_cgroup PATH LOG COMMAND...: in the background, in a session of its own, so that it outlives this script
start_in_cgroup() {
	local path=$1 log=$2
	shift 2
	cgroup_make "$path"
	(
		for root in $(cgroup_roots); do echo 0 >"$root/$ROOT_CGROUP/$path/cgroup.procs"; done
		exec setsid "$@" </dev/null >>"$log" 2>&1 9>&-
	) &
}

# cgroup_remove [PATH]: end everything in $ROOT_CGROUP/PATH and remove it
cgroup_remove() {
	local i pids root left
	for ((i = 0; i < 100; i++)); do
		mapfile -t pids < <(cgroup_pids "${1:-}")
		# Killed at once: nothing of a node's state is kept, and the first process of its pid namespace takes the others along.
		[ ${#pids[@]} = 0 ] || kill -9 "${pids[@]}" 2>/dev/null || true
		left=0
		for root in $(cgroup_roots); do
			[ -d "$root/$ROOT_CGROUP${1:+/$1}" ] || continue
			find "$root/$ROOT_CGROUP${1:+/$1}" -depth -type d -exec rmdir {} + 2>/dev/null || left=1
		done
		[ $left = 1 ] || return 0
		sleep 0.1
	done
	return 1
}
