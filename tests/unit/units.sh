#!/bin/sh
# The catalog explains every event under the id that the code uses, and the unit files hold up to systemd.
set -u
src=${TANDEM_SRCDIR:?} build=${TANDEM_BUILDDIR:?}
failed=0

fail() {
	echo "FAIL: $*"
	failed=1
}

ids=$(sed -n 's/.*"\([0-9a-f]\{32\}\)".*/\1/p' "$src/src/base/event.c")
[ -n "$ids" ] || fail "no message ids in src/base/event.c"
for id in $ids; do
	grep -q "^-- $id\$" "$src/systemd/tandem.catalog" || fail "no catalog entry for $id"
done
for id in $(sed -n 's/^-- //p' "$src/systemd/tandem.catalog"); do
	echo "$ids" | grep -q "^$id\$" || fail "the catalog explains $id, which no event has"
done
for name in $(sed -n 's/.*{"\([a-z-]*\)",.*/\1/p' "$src/src/base/event.c"); do
	grep -q "^\.It Cm $name\$" "$src/man/tandemd.8" || fail "tandemd(8) does not list event $name"
done

if command -v journalctl >/dev/null; then
	catalog=$(mktemp -d) && mkdir -p "$catalog/usr/lib/systemd/catalog" "$catalog/var/lib/systemd/catalog" &&
		cp "$src/systemd/tandem.catalog" "$catalog/usr/lib/systemd/catalog/" &&
		journalctl --root="$catalog" --update-catalog || fail "journalctl does not read the catalog"
	rm -rf "$catalog"
fi
if command -v systemd-analyze >/dev/null; then
	for unit in tandemd tandem-cleanup tandem-realserver tandem-web; do
		[ "$unit" != tandem-web ] || [ -x "$build/tandem-web" ] || continue # configured without it
		systemd-analyze security --offline=yes --threshold=32 "$build/systemd/$unit.service" >/dev/null ||
			fail "the sandbox of $unit.service rates above 3.2"
	done
fi
exit $failed
