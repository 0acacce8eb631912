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

const char *roles_auth_mode_name(enum conf_auth_mode mode)
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

static json_t *key_to_json(uint8_t id, const uint8_t *bytes, size_t len)
{
	char hex[2 * CONF_KEY_LEN_MAX + 1] = "";
	json_t *json;

	for (size_t i = 0; i < len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	json = json_pack("{s:i, s:s}", "id", (int)id, "key", hex);
	explicit_bzero(hex, sizeof(hex));
	return json;
}

/* A number that both directors find by themselves, wherever the key is in their files. Another key
 * may have the same. */
static uint8_t pair_key_number(const struct pair_key *key)
{
	return (uint8_t)(1 + key->id[0] % 255);
}

static json_t *pair_key_to_json(const struct pair_key *key)
{
	uint8_t derived[PAIR_KEY_LEN];
	json_t *json;

	pair_key_for_adverts(key, derived);
	json = key_to_json(pair_key_number(key), derived, sizeof(derived));
	explicit_bzero(derived, sizeof(derived));
	return json;
}

/* The active one first: it is the first of its number. */
static json_t *pair_keys_to_json(const struct pair_keys *pair)
{
	json_t *keys = json_array();

	for (unsigned i = 0; i < pair->n; i++)
		(void)json_array_append_new(keys, pair_key_to_json(&pair->items[i]));
	return keys;
}

static json_t *own_keys_to_json(const struct conf_auth *auth)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < auth->n_keys; i++)
		(void)json_array_append_new(keys,
			key_to_json(auth->keys[i].id, auth->keys[i].bytes, auth->keys[i].len));
	return keys;
}

static json_t *auth_to_json(
	const struct conf_router *router, int active_key, json_t *keys /* taken */)
{
	return json_pack("{s:s, s:i, s:i, s:o}", "mode", roles_auth_mode_name(router->auth.mode),
		"window_s", window_s(router), "active_key", active_key, "keys", keys);
}

static json_t *signature_to_json(const struct conf *conf, const struct conf_router *router)
{
	const struct pair_keys *pair = &conf->link.keys;

	if (router->auth.type == CONF_AUTH_HMAC)
		return auth_to_json(
			router, router->auth.active_key, own_keys_to_json(&router->auth));
	if (router->auth.type == CONF_AUTH_LINK && pair->n > 0)
		return auth_to_json(
			router, pair_key_number(&pair->items[0]), pair_keys_to_json(pair));
	return NULL;
}

json_t *roles_wire(const struct conf *conf, const struct conf_router *router)
{
	json_t *wire = json_pack("{s:i, s:b, s:i}", "version", (int)router->version,
		"pseudo_header", (int)router->pseudo_header, "min_ttl", (int)router->min_ttl);
	json_t *peers = json_array(), *auth;
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
	auth = signature_to_json(conf, router);
	if (auth)
		(void)json_object_set_new(wire, "auth", auth);
	if (router->auth.type == CONF_AUTH_PASSWORD)
		(void)json_object_set_new(wire, "password", json_string(router->auth.password));
	return wire;
}
