/* The "wire" of a virtual router in "Configure": how its adverts look, and whom they go to. Without
 * it they are version 3, to the group. */
#include "elector/message.h"

#include <string.h>

#define SECOND_CS 100

static bool read_peers(const json_t *peers, const struct router_config *c, struct vrrp_peers *ret)
{
	const json_t *item;
	size_t i;

	if (!peers)
		return true;
	if (!json_is_array(peers) || json_array_size(peers) > VRRP_PEERS_MAX)
		return false;
	json_array_foreach (peers, i, item) {
		const char *text = json_string_value(item);
		if (!text || !addr_parse(text, &ret->list[i]) ||
			ret->list[i].family != c->format.family)
			return false;
		ret->n++;
	}
	return true;
}

static bool read_source(const json_t *source, struct router_config *c)
{
	const char *text = json_string_value(source);

	if (!source)
		return true;
	return text && addr_parse(text, &c->source) && c->source.family == c->format.family;
}

static bool read_password(const json_t *password, struct vrrp_format *ret)
{
	const char *text = json_string_value(password);

	if (!password)
		return true;
	if (!text || strlen(text) > VRRP_PASSWORD_LEN || ret->version != 2)
		return false;
	memcpy(ret->password, text, strlen(text));
	ret->has_password = true;
	return true;
}

const char *message_read_wire(const json_t *router, struct router_config *c)
{
	const json_t *wire = json_object_get(router, "wire");
	int version = 3, pseudo_header = 0, min_ttl = VRRP_TTL;

	/* jansson takes no const here, and changes nothing. */
	if (wire && json_unpack((json_t *)(uintptr_t)wire, "{s:i, s:b, s:i}", "version", &version,
			    "pseudo_header", &pseudo_header, "min_ttl", &min_ttl) < 0)
		return "wire is incomplete";
	if ((version != 2 && version != 3) || min_ttl < 1 || min_ttl > VRRP_TTL)
		return "version or min_ttl is out of range";
	if (version == 2 && (c->format.family != AF_INET || c->interval_cs % SECOND_CS != 0))
		return "version 2 is for IPv4 and whole seconds";
	c->format.version = (uint8_t)version;
	c->format.pseudo_header = pseudo_header;
	c->format.min_ttl = (uint8_t)min_ttl;
	c->format.interval_cs = c->interval_cs;
	if (!read_source(json_object_get(wire, "source"), c) ||
		!read_peers(json_object_get(wire, "peers"), c, &c->peers))
		return "source and peers must be addresses of the router's family, at most 16";
	if (!read_password(json_object_get(wire, "password"), &c->format))
		return "password is for version 2, and at most eight bytes";
	return NULL;
}
