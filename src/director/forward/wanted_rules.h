/* From a configuration to the nftables rules that it asks for. */
#pragma once

#include "conf/conf.h"
#include "core/nft_rules.h"

#include <sys/types.h>

/* Whether any server is reached by fullnat. */
bool wanted_rules_fullnat(const struct conf *conf);

/* Each server that a service reaches by fullnat, those that serve only below quorum included. */
typedef void wanted_rules_server_fn(
	const struct conf_service *s, const struct conf_server *server, void *userdata);
void wanted_rules_each_fullnat(const struct conf *conf, const struct conf_service *s,
	wanted_rules_server_fn *found, void *userdata);

/* Sorted; a pool's number is its virtual router's index. The same whatever the roles and verdicts
 * are. Release with wanted_rules_done(). 0 or -ENOMEM. */
int wanted_rules_build(const struct conf *conf, struct nft_rules *ret);
void wanted_rules_done(struct nft_rules *r);

/* The virtual addresses of a router that fullnat services listen on, each once. Free *ret. Their
 * number, or -ENOMEM. */
ssize_t wanted_rules_vips(const struct conf *conf, size_t router, struct addr **ret);
