/* How the adverts of a virtual router look and whom they go to, as the elector is told. */
#include "director/state.h"

#include <string.h>

static bool is_self(const struct conf *conf, const struct conf_speaker *speaker)
{
	return strcmp(speaker->name, conf->nodes[conf->self].name) == 0;
}

json_t *roles_wire(const struct conf *conf, const struct conf_router *router)
{
	json_t *wire = json_pack("{s:i, s:b, s:i}", "version", (int)router->version,
		"pseudo_header", (int)router->pseudo_header, "min_ttl", (int)router->min_ttl);
	json_t *peers = json_array();
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < router->n_unicast; i++) {
		const struct conf_speaker *s = &router->unicast[i];
		json_t *address = json_string(addr_format(&s->address, text));
		if (is_self(conf, s))
			(void)json_object_set_new(wire, "source", address);
		else
			(void)json_array_append_new(peers, address);
	}
	(void)json_object_set_new(wire, "peers", peers);
	return wire;
}
