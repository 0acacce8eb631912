/* nftables by libnftables, in its JSON; and the generation of the rules, which the kernel counts.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NFT_ERROR_MAX 200

/* Carry out commands (libnftables-json(5), as text) as one transaction. ret_answer, unless NULL,
 * gets the answer, JSON text to be freed. 0; or -ENOENT when the kernel says so of something they
 * name or need, else -errno, with what went wrong in ret_error. */
int nft_run(const char *commands, char **ret_answer, char ret_error[static NFT_ERROR_MAX]);

/* A number that changes with every change of any rule in this network namespace, whoever made it; 0
 * where there have never been any. 0 or -errno. */
int nft_generation(uint32_t *ret);
