/* The table walker's part for addresses, ports and marks. Each returns whether the value is good;
 * an array that is not keeps the places of its faulty items, zeroed. */
#pragma once

#include "conf/parse.h"

/* KEY_UNICAST and KEY_GROUP. */
bool parse_address(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, struct addr *ret);
/* KEY_NETWORK: "192.0.2.0/24", "::/0". */
bool parse_network(const struct parse *p, const struct value *value, const struct path *path,
	struct addr_prefix *ret);
/* KEY_PREFIX: "192.0.2.1/24", of an address that can move from host to host. */
bool parse_prefix(const struct parse *p, const struct value *value, const struct path *path,
	struct addr_prefix *ret);
/* KEY_ADDRESSES: an array of such texts, and of objects. */
bool parse_virtual_addresses(const struct parse *p, const struct key *key,
	const struct value *value, const struct path *path, void *object);
/* KEY_PREFIXES */
bool parse_prefixes(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object);
/* KEY_RANGES: "192.0.2.1", "192.0.2.1-192.0.2.9", or an array of those. */
bool parse_speakers(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, void *object);
bool parse_addresses(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object);
/* KEY_PORTS: 80, "8000-8010", or an array of those. */
bool parse_ports(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object);
/* KEY_MARK */
bool parse_mark(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object);
