#!/bin/sh
# The rules are functions of their arguments: src/core imports nothing that could reach a clock, a
# descriptor, the heap, a global or a log.
set -eu

allowed='bcmp|explicit_bzero|mem(cpy|move|set|cmp|chr)|str(cmp|ncmp|len|chr|rchr|nlen)|qsort|bsearch|v?snprintf|__assert_fail'
# What compilers add by themselves: fortified and sanitized variants.
added='__(memcpy|memmove|memset|v?snprintf|explicit_bzero)_chk|__stack_chk_fail|__(asan|ubsan|sanitizer)_.*|_GLOBAL_OFFSET_TABLE_'
library=${TANDEM_BUILDDIR:-.}/libcore.a

defined=$(nm --defined-only "$library" "${TANDEM_BUILDDIR:-.}/libbase.a" | awk 'NF == 3 { print $3 }' | sort -u)
strangers=$(nm -u "$library" | awk '$1 == "U" { print $2 }' | sort -u |
	grep -Evx "$allowed|$added" | grep -Fvx "$defined" || true)
if [ -n "$strangers" ]; then
	echo "src/core must not need:"
	echo "$strangers"
	exit 1
fi
