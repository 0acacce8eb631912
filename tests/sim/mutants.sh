#!/bin/bash
# The simulation finds faults: each patch in tests/sim/mutants puts one into a copy of a source, and
# some seed must break a rule then. The first line of a patch says what it breaks.
#
# usage: mutants.sh [PATCH...]
set -uo pipefail

top=${TANDEM_SRCDIR:-$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")}
seeds=${SEEDS:-3000}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
read -ra compiler <<<"${CC:-cc}" # it may have a wrapper before it
compile=("${compiler[@]}" -std=gnu17 -D_GNU_SOURCE -O1 "-I$top/tests/sim" "-I$top/src" -c)

# Everything that the simulation may need, once.
objects() {
	local source
	for source in "$top"/src/base/*.c "$top"/src/core/*.c "$top"/src/elector/*.c; do
		case $source in
		*/elector/daemon.c | */elector/leftovers.c | */elector/main.c) continue ;;
		*/elector/message*.c | */elector/realtime.c | */base/frame.c) continue ;;
		esac
		"${compile[@]}" -o "$scratch/$(basename "$(dirname "$source")")-$(basename "$source" .c).o" \
			"$source" || return
	done
	ar rcs "$scratch/all.a" "$scratch"/*.o 2>/dev/null || return
	for source in "$top"/tests/sim/*.c; do
		"${compile[@]}" -o "$scratch/$(basename "$source" .c).sim.o" "$source" || return
	done
}

# link OUT [OBJECT]: the object goes before its unspoilt version.
link() {
	local out=$1
	shift
	"${compiler[@]}" -o "$out" "$scratch"/*.sim.o "$@" "$scratch/all.a" -ljansson
}

fails() { # PATCH
	local patch=$1 target
	target=$(sed -n 's|^+++ b/||p' "$patch")
	mkdir -p "$scratch/tree/$(dirname "$target")"
	cp "$top/$target" "$scratch/tree/$target"
	if ! patch -s -p1 -d "$scratch/tree" <"$patch"; then
		echo "DOES NOT APPLY: $patch"
		return 1
	fi
	if ! "${compile[@]}" -o "$scratch/mutant" "$scratch/tree/$target" ||
		! link "$scratch/sim" "$scratch/mutant"; then
		echo "DOES NOT BUILD: $patch"
		return 1
	fi
	# Status 1 is a broken rule; a crash is another thing.
	"$scratch/sim" 0 "$seeds" first >"$scratch/log"
	if [[ $? != 1 ]]; then
		echo "SURVIVES $seeds seeds: $patch: $(head -n 1 "$patch")"
		return 1
	fi
	echo "$(basename "$patch" .patch): $(sed -n '1s/^# //p' "$scratch/log")"
}

objects || exit 1
if ! link "$scratch/sim" || ! "$scratch/sim" 0 100 >"$scratch/log"; then
	cat "$scratch/log"
	echo "fails without a fault already"
	exit 1
fi
patches=("$@")
[[ $# -gt 0 ]] || patches=("$top"/tests/sim/mutants/*.patch)
bad=0
for patch in "${patches[@]}"; do
	fails "$patch" || bad=$((bad + 1))
done
echo "$((${#patches[@]} - bad)) of ${#patches[@]} faults found"
[[ $bad == 0 && ${#patches[@]} -gt 0 ]]
