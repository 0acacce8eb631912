/* Our nftables table in the JSON of libnftables-json(5): what makes it, and what it looks like when
 * the kernel tells it. Values in, values out. */
#pragma once

#include "core/nft_rules.h"

#include <jansson.h>

#define RULESET_FAMILY "inet"
#define RULESET_TABLE "tandem"

/* The commands that put a table with these (sorted) rules in the place of the one there, if any, in
 * one transaction; without rules, those that leave none. NULL: out of memory. */
json_t *ruleset_replace(const struct nft_rules *rules);

/* The command that lists the table, as text. */
#define RULESET_LIST                                                                               \
	"{\"nftables\": [{\"list\": {\"table\": {\"family\": \"" RULESET_FAMILY                    \
	"\", \"name\": \"" RULESET_TABLE "\"}}}]}"

/* What a list of the table says, without what differs between two tables that do the same: numbers
 * that the kernel gave, the order of a set's elements, the version of who lists. Changes `list`. */
void ruleset_normalize(json_t *list);
