EXTRA_DIST += docs/decisions.md docs/internals.md docs/rfc9568.md
