/* Addresses, ports and marks. A list of one may be written without its brackets. */
#include "conf/parse_net.h"

#include "base/cleanup.h"
#include "conf/alloc.h"

#include <inttypes.h>

/* --- Addresses --- */

/* Multicast, class E and "this network" are no address of a host. */
static bool is_unicast(const struct addr *a)
{
	if (a->family == AF_INET6)
		return !addr_is_multicast(a) && !addr_is_zero(a);
	return a->bytes[0] >= 1 && a->bytes[0] < 224;
}

static bool report_text(
	const struct parse *p, const char *text, const struct path *path, const char *what)
{
	auto_free char *quoted = fault_quote(text);

	return parse_fault(p, path, conf_printf("%s %s", quoted, what));
}

static bool report_address(
	const struct parse *p, const char *text, const struct path *path, const char *wanted)
{
	auto_free char *what = conf_printf("is not %s", wanted);

	return report_text(p, text, path, what);
}

bool parse_address(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, struct addr *ret)
{
	bool group = key->type == KEY_GROUP;
	const char *text = value_text(value);
	struct addr a;

	if (!parse_expect(p, value_is(value, VALUE_TEXT), "an address", value, path))
		return false;
	if (!addr_parse(text, &a))
		return report_address(p, text, path, "an address");
	if (group ? !addr_is_multicast(&a) : !is_unicast(&a))
		return report_address(
			p, text, path, group ? "a multicast address" : "the address of a host");
	*ret = a;
	return true;
}

static bool is_loopback(const struct addr *a)
{
	static const struct addr loopback6 = {.family = AF_INET6, .bytes = {[15] = 1}};

	return a->family == AF_INET ? a->bytes[0] == 127 : addr_equal(a, &loopback6);
}

/* Whether all bits beyond the length have this value. */
static bool host_bits_are(const struct addr_prefix *p, bool value)
{
	for (size_t bit = p->prefix_len; bit < 8 * addr_len(&p->addr); bit++)
		if (((p->addr.bytes[bit / 8] & 0x80 >> bit % 8) != 0) != value)
			return false;
	return true;
}

/* Why the address cannot move between hosts; NULL: it can. A network of two addresses or one has
 * neither of those that are taken (RFC 3021). */
static const char *virtual_fault(const struct addr_prefix *p)
{
	if (!is_unicast(&p->addr))
		return "is not the address of a host";
	if (is_loopback(&p->addr))
		return "is a loopback address: it is each host's own";
	if (p->addr.family != AF_INET || p->prefix_len > 30)
		return NULL;
	if (host_bits_are(p, false))
		return "is the address of its network, and not of a host";
	return host_bits_are(p, true) ? "is the broadcast address of its network" : NULL;
}

bool parse_prefix(const struct parse *p, const struct value *value, const struct path *path,
	struct addr_prefix *ret)
{
	const char *text = value_text(value), *why;
	struct addr_prefix a;

	if (!parse_expect(p, value_is(value, VALUE_TEXT), "an address such as \"192.0.2.1/24\"",
		    value, path))
		return false;
	if (!addr_prefix_parse(text, &a) || a.prefix_len == 0)
		return report_address(
			p, text, path, "an address with a prefix length, such as \"192.0.2.1/24\"");
	why = virtual_fault(&a);
	if (why)
		return report_text(p, text, path, why);
	*ret = a;
	return true;
}

bool parse_network(const struct parse *p, const struct value *value, const struct path *path,
	struct addr_prefix *ret)
{
	const char *text = value_text(value);
	struct addr_prefix a;

	if (!parse_expect(p, value_is(value, VALUE_TEXT), "a network such as \"192.0.2.0/24\"",
		    value, path))
		return false;
	if (!strchr(text, '/') || !addr_prefix_parse(text, &a))
		return report_address(
			p, text, path, "a network with a prefix length, such as \"192.0.2.0/24\"");
	if (!host_bits_are(&a, false))
		return report_address(p, text, path, "a network: it has bits beyond its length");
	*ret = a;
	return true;
}

/* --- Lists --- */

static bool check_number(const struct parse *p, const struct key *key, size_t n, const char *what,
	const struct path *path)
{
	if (n >= key->min && n <= key->max)
		return true;
	return parse_fault(p, path,
		conf_printf("must have %" PRIu64 "..%" PRIu64 " %s, not %zu", key->min, key->max,
			what, n));
}

bool parse_prefixes(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object)
{
	struct addr_prefix *prefixes;
	size_t n = value_count(value), i = 0;
	bool good = true;

	if (!parse_expect(p, value_is(value, VALUE_ARRAY), "an array of addresses", value, path))
		return false;
	prefixes = conf_alloc(n, sizeof(*prefixes));
	*(struct addr_prefix **)key_field(object, key->field) = prefixes;
	*(size_t *)key_field(object, key->also) = n;
	for (const struct value *item = value_elements(value); item; item = item->next, i++) {
		struct path at = {path, NULL, i};
		if (!parse_prefix(p, item, &at, &prefixes[i]))
			good = false;
	}
	return check_number(p, key, n, "addresses", path) && good;
}

static bool parse_virtual_address(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, struct conf_address *ret)
{
	if (!value_is(value, VALUE_OBJECT))
		return parse_expect(p, value_is(value, VALUE_TEXT),
			       "an address such as \"192.0.2.1/24\", or an object", value, path) &&
		       parse_prefix(p, value, path, &ret->prefix);
	parse_object(p, key->object, value, path, ret);
	return true; /* what is faulty in it is told there */
}

bool parse_virtual_addresses(const struct parse *p, const struct key *key,
	const struct value *value, const struct path *path, void *object)
{
	struct conf_address *addresses;
	size_t n = value_count(value), i = 0;
	bool good = true;

	if (!parse_expect(p, value_is(value, VALUE_ARRAY), "an array of addresses", value, path))
		return false;
	addresses = conf_alloc(n, sizeof(*addresses));
	*(struct conf_address **)key_field(object, key->field) = addresses;
	*(size_t *)key_field(object, key->also) = n;
	for (struct value *item = value_elements(value); item; item = item->next, i++) {
		struct path at = {path, NULL, i};
		if (!parse_virtual_address(p, key, item, &at, &addresses[i]))
			good = false;
	}
	return check_number(p, key, n, "addresses", path) && good;
}

/* A faulty address is null then: the rules know that the name was mentioned. */
bool parse_speakers(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, void *object)
{
	static const struct key address_key = {.type = KEY_UNICAST};
	struct conf_speaker *speakers;
	size_t n = 0;

	if (!parse_expect_object(p, value, path))
		return false;
	speakers = conf_alloc(value_count(value), sizeof(*speakers));
	for (const struct value *v = value_members(value); v; v = v->next) {
		struct path at = {path, v->key, 0};
		if (strcmp(v->key, KEY_COMMENT) == 0)
			continue;
		speakers[n].name = conf_dup(v->key);
		(void)parse_address(p, &address_key, v, &at, &speakers[n].address);
		n++;
	}
	*(struct conf_speaker **)key_field(object, key->field) = speakers;
	*(size_t *)key_field(object, key->also) = n;
	return check_number(p, key, n, "addresses", path);
}

static bool split_range(const char *text, char from[static ADDR_TEXT_MAX], const char **ret_to)
{
	const char *dash = strchr(text, '-');
	size_t len = dash ? (size_t)(dash - text) : strlen(text);

	if (len >= ADDR_TEXT_MAX)
		return false;
	memcpy(from, text, len);
	from[len] = '\0';
	*ret_to = dash ? dash + 1 : from;
	return true;
}

static bool parse_address_range(const struct parse *p, const struct value *value,
	const struct path *path, struct conf_addresses *ret)
{
	const char *text = value_text(value), *to;
	char from[ADDR_TEXT_MAX];
	struct conf_addresses range;

	if (!parse_expect(
		    p, value_is(value, VALUE_TEXT), "an address, or a range of them", value, path))
		return false;
	if (!split_range(text, from, &to) || !addr_parse(from, &range.first) ||
		!addr_parse(to, &range.last))
		return report_address(p, text, path, "an address, nor a range \"FROM-TO\"");
	if (!is_unicast(&range.first) || !is_unicast(&range.last))
		return report_address(p, text, path, "the address of a host");
	if (range.first.family != range.last.family || addr_compare(&range.first, &range.last) > 0)
		return report_address(p, text, path, "a range: its end is before its start");
	*ret = range;
	return true;
}

bool parse_addresses(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object)
{
	size_t n;
	const struct value *item = value_list(value, &n);
	struct conf_addresses *ranges = conf_alloc(n, sizeof(*ranges));
	bool good = true;

	*(struct conf_addresses **)key_field(object, key->field) = ranges;
	*(size_t *)key_field(object, key->also) = n;
	for (size_t i = 0; i < n; i++, item = item->next) {
		struct path at = parse_item_path(value, path, i);
		if (!parse_address_range(p, item, &at, &ranges[i]))
			good = false;
	}
	return check_number(p, key, n, "addresses", path) && good;
}

/* --- Ports --- */

static bool port_of_text(const char *text, char end, uint16_t *ret, const char **ret_rest)
{
	char *rest;
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	n = strtoul(text, &rest, 10);
	if (*rest != end || n < 1 || n > UINT16_MAX)
		return false;
	*ret = (uint16_t)n;
	*ret_rest = rest;
	return true;
}

static bool parse_port_range(const struct parse *p, const struct value *value,
	const struct path *path, struct conf_ports *ret)
{
	static const struct key port_key = {.max = UINT16_MAX};
	const char *text = value_text(value), *rest;
	struct conf_ports range;
	uint64_t n;

	if (value_is(value, VALUE_INTEGER)) {
		if (!parse_integer(p, &port_key, value, path, &n))
			return false;
		*ret = (struct conf_ports){(uint16_t)n, (uint16_t)n};
		return true;
	}
	if (!parse_expect(p, value_is(value, VALUE_TEXT), "a whole number, or a range \"FROM-TO\"",
		    value, path))
		return false;
	if (!port_of_text(text, '-', &range.first, &rest) ||
		!port_of_text(rest + 1, '\0', &range.last, &rest))
		return report_address(p, text, path, "a range of ports such as \"8000-8010\"");
	if (range.first > range.last)
		return report_address(p, text, path, "a range: its end is before its start");
	*ret = range;
	return true;
}

bool parse_ports(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object)
{
	size_t n;
	const struct value *item = value_list(value, &n);
	struct conf_ports *ranges = conf_alloc(n, sizeof(*ranges));
	bool good = true;

	*(struct conf_ports **)key_field(object, key->field) = ranges;
	*(size_t *)key_field(object, key->also) = n;
	for (size_t i = 0; i < n; i++, item = item->next) {
		struct path at = parse_item_path(value, path, i);
		if (!parse_port_range(p, item, &at, &ranges[i]))
			good = false;
	}
	return check_number(p, key, n, "ports", path) && good;
}

/* --- Marks --- */

bool parse_mark(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object)
{
	static const struct key mark_key = {.min = 1, .max = UINT32_MAX};
	const char *text = value_text(value);
	uint64_t n;

	if (text && strcmp(text, "auto") == 0) {
		*(bool *)key_field(object, key->also) = true;
		return true;
	}
	if (!parse_expect(p, value_is(value, VALUE_INTEGER), "a whole number, or \"auto\"", value,
		    path) ||
		!parse_integer(p, &mark_key, value, path, &n))
		return false;
	*(uint32_t *)key_field(object, key->field) = (uint32_t)n;
	return true;
}
