#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs what nginx's entry point of this name runs.
set -e
if /usr/bin/find /docker-entrypoint.d/ -mindepth 1 -maxdepth 1 -type f -print -quit | read -r _; then
	find /docker-entrypoint.d/ -follow -type f -print | sort -V | while read -r f; do
		"$f"
	done
fi
exec "$@"
