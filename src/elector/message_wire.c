/* The "wire" of a virtual router in "Configure": how its adverts look, and whom they go to. Without
 * it they are version 3, to the group. */
#include "elector/message.h"

#include <stdlib.h>
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

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_key(const json_t *json, struct vrrp_auth_key *ret)
{
	uint8_t bytes[VRRP_AUTH_KEY_MAX];
	const char *hex;
	json_int_t id;
	size_t n;

	if (json_unpack((json_t *)(uintptr_t)json, "{s:I, s:s%}", "id", &id, "key", &hex, &n) < 0)
		return false;
	if (id < 1 || id > 255 || n % 2 != 0 || n < 2 * VRRP_AUTH_KEY_MIN ||
		n > 2 * VRRP_AUTH_KEY_MAX)
		return false;
	for (size_t i = 0; i < n / 2; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	ret->id = (uint8_t)id;
	hmac_sha256_init(&ret->hmac, bytes, n / 2);
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}

static enum vrrp_auth_mode read_mode(const char *name)
{
	if (strcmp(name, "enforce") == 0)
		return VRRP_AUTH_ENFORCE;
	if (strcmp(name, "permissive") == 0)
		return VRRP_AUTH_PERMISSIVE;
	return strcmp(name, "receive_only") == 0 ? VRRP_AUTH_RECEIVE_ONLY : VRRP_AUTH_OFF;
}

static bool read_auth(const json_t *json, struct router_config *c)
{
	struct vrrp_auth_config *auth = &c->auth;
	json_int_t window_s, active;
	const json_t *keys, *item;
	const char *mode;
	bool found = false;
	size_t i;

	if (!json)
		return true;
	if (json_unpack((json_t *)(uintptr_t)json, "{s:s, s:I, s:I, s:o}", "mode", &mode,
		    "window_s", &window_s, "active_key", &active, "keys", &keys) < 0)
		return false;
	auth->mode = read_mode(mode);
	if (auth->mode == VRRP_AUTH_OFF || window_s < 1 || window_s > VRRP_AUTH_WINDOW_MAX_S ||
		json_array_size(keys) > VRRP_AUTH_KEYS_MAX)
		return false;
	auth->window_s = (uint16_t)window_s;
	auth->keys = calloc(json_array_size(keys) + 1, sizeof(*auth->keys));
	if (!auth->keys)
		return false;
	json_array_foreach (keys, i, item) {
		if (!read_key(item, &auth->keys[i]))
			return false;
		auth->n_keys++;
		if (!found && auth->keys[i].id == active) {
			auth->active = (uint8_t)i;
			found = true;
		}
	}
	c->format.takes_trailer = true;
	return found;
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
	if (!read_auth(json_object_get(wire, "auth"), c))
		return "auth does not fit";
	return NULL;
}
