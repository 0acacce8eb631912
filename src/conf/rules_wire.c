/* Rules about adverts: their family, version and length, and the ends between which they go. */
#include "conf/alloc.h"
#include "conf/rules.h"

#include <stdio.h>

#define SECOND_CS 100

/* An advert must fit into one datagram (RFC 9568, 5.2.9), of Ethernet's 1500 bytes: less its IPv6
 * header, VRRP's, and what signs it, this is room for 89 addresses. IPv4 has room for all 255. */
#define IPV6_ADDRESSES_MAX ((1500 - 40 - 8 - 28) / 16)

static void report(const struct rules *r, size_t router, const char *key, char *text)
{
	rules_report(r, ROOT_VIRTUAL_ROUTERS, router, key, text);
}

/* RFC 9568, 5.2.9. */
static void rule_family(const struct rules *r, size_t i)
{
	struct conf_router *vr = &r->c->routers[i];

	if (vr->n_addresses == 0)
		return;
	vr->family = vr->addresses[0].prefix.addr.family;
	for (size_t k = 1; k < vr->n_addresses; k++) {
		const struct addr *a = &vr->addresses[k].prefix.addr;
		if (!a->family || !vr->family)
			continue;
		if (a->family != vr->family) {
			report(r, i, "addresses",
				conf_dup("all must be of one address family; make two virtual "
					 "routers of them, or put what is of the other family "
					 "into excluded_addresses"));
			return;
		}
		if (addr_is_link_local(a) && !addr_is_link_local(&vr->addresses[0].prefix.addr)) {
			report(r, i, "addresses",
				conf_dup("a link-local address must be the first"));
			return;
		}
	}
	if (vr->family == AF_INET6 && vr->n_addresses > IPV6_ADDRESSES_MAX)
		report(r, i, "addresses",
			conf_printf("%zu IPv6 addresses do not fit into one advert, %d do; the "
				    "others may be in excluded_addresses",
				vr->n_addresses, IPV6_ADDRESSES_MAX));
}

static void rule_version(const struct rules *r, size_t i)
{
	const struct conf_router *vr = &r->c->routers[i];

	if (vr->version != 2)
		return;
	if (vr->family == AF_INET6)
		report(r, i, "version", conf_dup("version 2 is for IPv4 alone"));
	if (vr->advert_interval_cs % SECOND_CS != 0)
		report(r, i, "advert_interval",
			conf_dup("must be whole seconds with \"version\": 2"));
}

static void rule_checksum(const struct rules *r, size_t i)
{
	const struct conf_router *vr = &r->c->routers[i];

	if (vr->pseudo_header && (vr->version == 2 || vr->family == AF_INET6))
		report(r, i, "checksum", conf_dup("the choice is version 3's, on IPv4"));
}

static const struct conf_speaker *find_speaker(const struct conf_router *vr, const char *name)
{
	for (size_t i = 0; i < vr->n_unicast; i++)
		if (strcmp(vr->unicast[i].name, name) == 0)
			return &vr->unicast[i];
	return NULL;
}

static bool is_repeated(const struct conf_router *vr, size_t speaker)
{
	for (size_t i = 0; i < speaker; i++)
		if (addr_equal(&vr->unicast[i].address, &vr->unicast[speaker].address))
			return true;
	return false;
}

static void rule_unicast(const struct rules *r, size_t i)
{
	const struct conf_router *vr = &r->c->routers[i];

	if (!vr->n_unicast && vr->min_ttl != 255)
		report(r, i, "min_ttl", conf_dup("only with \"unicast\""));
	for (size_t node = 0; vr->n_unicast && node < r->c->n_nodes; node++)
		if (r->origins->complete && !find_speaker(vr, r->c->nodes[node].name))
			report(r, i, "unicast",
				conf_printf("node \"%s\" has no address", r->c->nodes[node].name));
	for (size_t k = 0; k < vr->n_unicast; k++) {
		const struct conf_speaker *s = &vr->unicast[k];
		if (!s->address.family)
			continue;
		if (vr->family && s->address.family != vr->family)
			report(r, i, "unicast",
				conf_printf("the address of \"%s\" is not of the family of "
					    "\"addresses\"",
					s->name));
		else if (is_repeated(vr, k))
			report(r, i, "unicast",
				conf_printf("\"%s\" has the address of another", s->name));
	}
}

/* --- Authentication --- */

static bool read_id(const char *name, uint8_t *ret)
{
	char text[4];
	unsigned long id = strtoul(name, NULL, 10);

	(void)snprintf(text, sizeof(text), "%lu", id % 1000);
	if (id < 1 || id > 255 || strcmp(text, name) != 0)
		return false;
	*ret = (uint8_t)id;
	return true;
}

static bool has_key(const struct conf_auth *auth, uint8_t id)
{
	for (size_t i = 0; i < auth->n_keys; i++)
		if (auth->keys[i].id == id)
			return true;
	return false;
}

static void rule_keys(const struct rules *r, size_t i)
{
	struct conf_auth *auth = &r->c->routers[i].auth;

	for (size_t k = 0; k < auth->n_keys; k++)
		if (!read_id(auth->keys[k].name, &auth->keys[k].id))
			report(r, i, "auth",
				conf_printf("a key is called by a number, 1 to 255, not \"%s\"",
					auth->keys[k].name));
	if (auth->n_keys == 0)
		report(r, i, "auth", conf_dup("\"hmac\" needs \"keys\""));
	else if (!auth->active_key && auth->n_keys == 1)
		auth->active_key = auth->keys[0].id;
	else if (!auth->active_key)
		report(r, i, "auth", conf_dup("several keys need \"active_key\""));
	else if (!has_key(auth, auth->active_key))
		report(r, i, "auth", conf_dup("\"active_key\" is none of the keys"));
}

/* Whoever has the pair's keys signs with them, unless told otherwise. */
static void resolve_auth(const struct rules *r, struct conf_router *vr)
{
	bool has_keys = r->c->link.enabled && r->c->link.key_file;

	if (vr->auth.type == CONF_AUTH_BY_LINK)
		vr->auth.type = has_keys && vr->version == 3 ? CONF_AUTH_LINK : CONF_AUTH_NONE;
}

static void rule_signature(const struct rules *r, size_t i)
{
	const struct conf_router *vr = &r->c->routers[i];
	const struct conf_auth *auth = &vr->auth;

	if (auth->type == CONF_AUTH_HMAC) {
		rule_keys(r, i);
		return;
	}
	if (auth->n_keys || auth->active_key)
		report(r, i, "auth", conf_dup("keys and active_key are for \"hmac\""));
	if (auth->type != CONF_AUTH_LINK) {
		if (auth->window_s || auth->mode != CONF_AUTH_ENFORCE)
			report(r, i, "auth",
				conf_dup("mode and window are for \"hmac\" and \"link\""));
		return;
	}
	if (vr->version == 2)
		report(r, i, "auth",
			conf_dup("\"link\" is for version 3: version 2 is not signed"));
	if (!r->c->link.enabled || !r->c->link.key_file)
		report(r, i, "auth", conf_dup("\"link\" needs the link's \"key_file\""));
}

static void rule_auth(const struct rules *r, size_t i)
{
	struct conf_router *vr = &r->c->routers[i];
	const struct conf_auth *auth = &vr->auth;

	resolve_auth(r, vr);
	rule_signature(r, i);
	if ((auth->type == CONF_AUTH_PASSWORD) != (auth->password_file != NULL))
		report(r, i, "auth", conf_dup("\"password\" and \"password_file\" go together"));
	if (auth->type == CONF_AUTH_PASSWORD && vr->version != 2)
		report(r, i, "auth", conf_dup("a password is for \"version\": 2"));
}

void rules_wire(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_routers; i++) {
		rule_family(r, i);
		rule_version(r, i);
		rule_checksum(r, i);
		rule_unicast(r, i);
		rule_auth(r, i);
	}
}
