/* Rules about adverts: their family, version and length, and the ends between which they go. */
#include "conf/alloc.h"
#include "conf/rules.h"

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

void rules_wire(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_routers; i++) {
		rule_family(r, i);
		rule_version(r, i);
		rule_checksum(r, i);
		rule_unicast(r, i);
	}
}
