/* Our nftables table made what it should be, and kept so. */
#pragma once

#include "core/nft_rules.h"
#include "io/nft.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define NFT_TABLE_ERROR_MAX (NFT_ERROR_MAX + 160)

/* Remembers in the runtime directory what was put into the kernel and how the kernel told it back:
 * a later start finds by that whether the table is still as it was left. */
struct nft_table {
	char *record_path;
	json_t *record; /* {"sent": digest of the commands, "held": of the kernel's answer}, or {}
			 */
	uint32_t generation; /* of all rules, when the table was last seen right; 0: never */
};

int nft_table_init(struct nft_table *t, const char *runtime_dir);
void nft_table_done(struct nft_table *t);

/* Whether the record names a table of ours. */
bool nft_table_has_own(const struct nft_table *t);

/* Whether no rule of this network namespace was changed since the table was last seen right: the
 * cheap question, which a look at thousands of rules would answer late. */
bool nft_table_is_untouched(const struct nft_table *t);

/* Whether nft_table_apply() would change something: NULL, "replace" or "remove". */
const char *nft_table_difference(struct nft_table *t, const struct nft_rules *want);

/* Make the table that of `want` (sorted; empty: none), unless it is. 1 when the table was replaced
 * or removed, 0 when it was right, -errno with a text in ret_error otherwise; then the table is as
 * it was. */
int nft_table_apply(struct nft_table *t, const struct nft_rules *want,
	char ret_error[static NFT_TABLE_ERROR_MAX]);
