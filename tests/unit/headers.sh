#!/bin/sh
# Each header says by itself all that it needs.
set -eu

cd "${TANDEM_SRCDIR:-.}/src"
failed=0
for header in */*.h; do
	printf '#include "%s"\n' "$header" |
		${CC:-cc} -std=gnu17 -D_GNU_SOURCE -I. ${HEADER_CFLAGS:-} -Wall -Wextra -Werror \
			-fsyntax-only -x c - || failed=1
done
exit $failed
