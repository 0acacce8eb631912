/* How the adverts of a virtual router look and whom they go to, as the elector is told. */
#include "director/state.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_MIN_S 5

static bool is_self(const struct conf *conf, const struct conf_speaker *speaker)
{
	return strcmp(speaker->name, conf->nodes[conf->self].name) == 0;
}

/* RFC 9568 has no clocks: three adverts may be on their way, and clocks differ. */
static int window_s(const struct conf_router *router)
{
	int adverts_s = 3 * router->advert_interval_cs / 100;

	if (router->auth.window_s)
		return router->auth.window_s;
	return adverts_s > WINDOW_MIN_S ? adverts_s : WINDOW_MIN_S;
}

static const char *mode_name(enum conf_auth_mode mode)
{
	switch (mode) {
	case CONF_AUTH_ENFORCE:
		return "enforce";
	case CONF_AUTH_PERMISSIVE:
		return "permissive";
	case CONF_AUTH_RECEIVE_ONLY:
		return "receive_only";
	}
	return "unknown";
}

static json_t *key_to_json(const struct conf_key *key)
{
	char hex[2 * CONF_KEY_LEN_MAX + 1] = "";
	json_t *json;

	for (size_t i = 0; i < key->len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", key->bytes[i]);
	json = json_pack("{s:i, s:s}", "id", (int)key->id, "key", hex);
	explicit_bzero(hex, sizeof(hex));
	return json;
}

static json_t *auth_to_json(const struct conf_router *router)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < router->auth.n_keys; i++)
		(void)json_array_append_new(keys, key_to_json(&router->auth.keys[i]));
	return json_pack("{s:s, s:i, s:i, s:o}", "mode", mode_name(router->auth.mode), "window_s",
		window_s(router), "active_key", (int)router->auth.active_key, "keys", keys);
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
	if (router->auth.type == CONF_AUTH_HMAC)
		(void)json_object_set_new(wire, "auth", auth_to_json(router));
	if (router->auth.type == CONF_AUTH_PASSWORD)
		(void)json_object_set_new(wire, "password", json_string(router->auth.password));
	return wire;
}
