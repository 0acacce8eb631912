/* Read strictly: what the director sends was checked there, so anything odd is a fault of ours. */
#include "link/settings.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define HEARTBEAT_MIN_US 1000
#define HEARTBEAT_MAX_US 10000000

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool copy_name(const char *from, char *to, size_t size)
{
	if (!from || !*from || strlen(from) >= size)
		return false;
	(void)snprintf(to, size, "%s", from);
	return true;
}

static bool read_number(
	const json_t *o, const char *key, json_int_t min, json_int_t max, json_int_t *ret)
{
	const json_t *number = json_object_get(o, key);
	json_int_t value = json_integer_value(number);

	if (!json_is_integer(number) || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

static bool read_address(const json_t *o, const char *key, struct addr *ret)
{
	const char *text = text_of(o, key);

	return text && addr_parse(text, ret);
}

static const char *read_interfaces(const json_t *o, struct settings *s)
{
	const json_t *array = json_object_get(o, "interfaces");

	s->n_interfaces = json_array_size(array);
	if (s->n_interfaces == 0 || s->n_interfaces > SETTINGS_INTERFACES_MAX)
		return "interfaces: not one to four names";
	for (size_t i = 0; i < s->n_interfaces; i++)
		if (!copy_name(json_string_value(json_array_get(array, i)), s->interfaces[i],
			    sizeof(s->interfaces[i])))
			return "interfaces: no name of an interface";
	return NULL;
}

static const char *read_addresses(const json_t *o, struct settings *s)
{
	if (!read_address(o, "own_address", &s->own_address))
		return "own_address: not an address";
	if (!read_address(o, "peer_address", &s->peer_address))
		return "peer_address: not an address";
	if (s->own_address.family != s->peer_address.family ||
		addr_equal(&s->own_address, &s->peer_address))
		return "peer_address: not another address of the same family";
	if (!read_address(o, "group", &s->group) || !addr_is_multicast(&s->group))
		return "group: not a multicast address";
	return NULL;
}

static const char *read_numbers(const json_t *o, struct settings *s)
{
	json_int_t port, ttl, sync_id, heartbeat_us;

	if (!read_number(o, "port", 1, UINT16_MAX, &port))
		return "port: not a port";
	if (!read_number(o, "ttl", 1, 255, &ttl))
		return "ttl: not 1 to 255";
	if (!read_number(o, "sync_id", 0, 255, &sync_id))
		return "sync_id: not 0 to 255";
	if (!read_number(o, "heartbeat_us", HEARTBEAT_MIN_US, HEARTBEAT_MAX_US, &heartbeat_us))
		return "heartbeat_us: not 10 ms to 10 s";
	s->port = (uint16_t)port;
	s->ttl = (unsigned)ttl;
	s->sync_id = (unsigned)sync_id;
	s->heartbeat_us = (uint64_t)heartbeat_us;
	return NULL;
}

/* A key a line, as in a file of them: the same parser, the same rules. */
static const char *read_keys(const json_t *o, struct pair_keys *ret)
{
	const json_t *array = json_object_get(o, "keys");
	char text[PAIR_KEYS_MAX * PAIR_KEY_TEXT_MAX + 1];
	size_t len = 0;
	unsigned line;
	enum pair_key_fault fault;

	if (json_array_size(array) == 0 || json_array_size(array) > PAIR_KEYS_MAX)
		return "keys: not one to eight";
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *key = json_string_value(json_array_get(array, i));
		if (!key || strlen(key) != PAIR_KEY_TEXT_MAX - 1) {
			OPENSSL_cleanse(text, sizeof(text));
			return "keys: not a key";
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n", key);
	}
	fault = pair_keys_parse(text, len, ret, &line);
	OPENSSL_cleanse(text, sizeof(text));
	return fault == PAIR_KEY_OK ? NULL : "keys: not a key, or the same twice";
}

const char *settings_parse(
	const json_t *parameters, struct settings *ret, struct pair_keys *ret_keys)
{
	struct settings s = {0};
	const char *wrong;

	if (!copy_name(text_of(parameters, "node"), s.node, sizeof(s.node)))
		return "node: no name";
	if (!copy_name(text_of(parameters, "peer"), s.peer, sizeof(s.peer)) ||
		strcmp(s.node, s.peer) == 0)
		return "peer: no name of another node";
	wrong = read_interfaces(parameters, &s);
	if (!wrong)
		wrong = read_addresses(parameters, &s);
	if (!wrong)
		wrong = read_numbers(parameters, &s);
	if (!wrong)
		wrong = read_keys(parameters, ret_keys);
	if (!wrong)
		*ret = s;
	return wrong;
}

bool settings_same_sockets(const struct settings *a, const struct settings *b)
{
	return memcmp(a->interfaces, b->interfaces, sizeof(a->interfaces)) == 0 &&
	       addr_equal(&a->own_address, &b->own_address) &&
	       addr_equal(&a->peer_address, &b->peer_address) && addr_equal(&a->group, &b->group) &&
	       a->port == b->port && a->ttl == b->ttl;
}
