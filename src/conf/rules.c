/* Rules: the tools. A claim is sorted among all others of its kind, so that a clash costs no
 * comparison of each with each. */
#include "conf/rules.h"
#include "conf/alloc.h"

#define FEW 8

const struct origin *rules_origin(const struct rules *r, enum root_key kind, size_t index)
{
	return &r->origins->of[kind][index];
}

bool rules_given(const struct value *object, const char *key)
{
	const struct value *value = value_get(object, key);

	return value && !value_is(value, VALUE_NULL);
}

bool rules_faulty(const struct rules *r, const struct value *object, const char *key)
{
	return r->faults->n > 0 && value_is(value_get(object, key), VALUE_NULL);
}

/* Every named object begins with its name. */
static const char *name_of(const struct rules *r, enum root_key kind, size_t index)
{
	const struct key *key = &root_keys.items[kind];
	const char *items = *(char **)key_field(r->c, key->field);
	const void *item = items + index * key->object->size;

	return *(char *const *)item;
}

static void report(const struct rules *r, struct faults *faults, enum root_key kind, size_t index,
	const char *key, char *text)
{
	const struct path root = {0}, map = {&root, root_keys.items[kind].name, 0};
	const struct path object = {&map, name_of(r, kind, index), 0};
	const struct path member = {&object, key, 0};

	fault_add(faults, rules_origin(r, kind, index)->source, key ? &member : &object,
		FAULT_AT_VALUE, "%s", text);
	free(text);
}

void rules_report(
	const struct rules *r, enum root_key kind, size_t index, const char *key, char *text)
{
	report(r, r->faults, kind, index, key, text);
}

void rules_warn(
	const struct rules *r, enum root_key kind, size_t index, const char *key, char *text)
{
	report(r, r->warnings, kind, index, key, text);
}

void rules_report_server(
	const struct rules *r, size_t pool, size_t server, const char *key, char *text)
{
	const struct path root = {0}, map = {&root, root_keys.items[ROOT_POOLS].name, 0};
	const struct path object = {&map, r->c->pools[pool].name, 0};
	const struct path servers = {&object, "servers", 0};
	const struct path at = {&servers, r->c->pools[pool].servers[server].name, 0};
	const struct path member = {&at, key, 0};

	fault_add(r->faults, rules_origin(r, ROOT_POOLS, pool)->source, &member, FAULT_AT_VALUE,
		"%s", text);
	free(text);
}

static int compare_what(const struct claim *a, const struct claim *b)
{
	int order = strcmp(a->text, b->text);

	if (!order)
		order = addr_compare(&a->addr, &b->addr);
	return order ? order : (a->number > b->number) - (a->number < b->number);
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = compare_what(x, y);

	if (!order)
		order = (x->owner > y->owner) - (x->owner < y->owner);
	return order ? order : (x->item > y->item) - (x->item < y->item);
}

static void sort_claims(struct claim *claims, size_t n)
{
	if (n)
		qsort(claims, n, sizeof(*claims), compare_claims);
}

/* Each with each, which for a few is done sooner than sorting them. */
static bool all_differ(const struct claim *claims, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (claims[i].number == claims[j].number &&
				compare_what(&claims[i], &claims[j]) == 0)
				return false;
	return true;
}

void rules_find_clashes(const struct rules *r, struct claim *claims, size_t n, rules_clash clash)
{
	size_t first = 0;

	if (n <= FEW && all_differ(claims, n))
		return;
	sort_claims(claims, n);
	for (size_t i = 1; i < n; i++) {
		if (compare_what(&claims[first], &claims[i]) == 0)
			clash(r, &claims[first], &claims[i]);
		else
			first = i;
	}
}

static size_t claim_prefixes(struct claim *claims, size_t n, const char *key, size_t router,
	const struct addr_prefix *prefixes, size_t n_prefixes)
{
	for (size_t i = 0; i < n_prefixes; i++)
		if (prefixes[i].addr.family)
			claims[n++] = (struct claim){.text = "",
				.addr = prefixes[i].addr,
				.owner = router,
				.item = i,
				.key = key};
	return n;
}

static size_t claim_addresses(struct claim *claims, size_t n, const char *key, size_t router,
	const struct conf_address *addresses, size_t n_addresses)
{
	for (size_t i = 0; i < n_addresses; i++)
		if (addresses[i].prefix.addr.family)
			claims[n++] = (struct claim){.text = "",
				.addr = addresses[i].prefix.addr,
				.owner = router,
				.item = i,
				.key = key};
	return n;
}

struct claim *rules_virtual_addresses(const struct conf *c, bool snat, size_t *ret_n)
{
	size_t n = 0;
	struct claim *claims;

	for (size_t i = 0; i < c->n_routers; i++)
		n += c->routers[i].n_addresses + c->routers[i].n_excluded + c->routers[i].n_snat;
	claims = conf_alloc(n, sizeof(*claims));
	n = 0;
	for (size_t i = 0; i < c->n_routers; i++) {
		const struct conf_router *vr = &c->routers[i];

		n = claim_addresses(claims, n, "addresses", i, vr->addresses, vr->n_addresses);
		n = claim_addresses(
			claims, n, "excluded_addresses", i, vr->excluded, vr->n_excluded);
		if (snat)
			n = claim_prefixes(claims, n, "snat_addresses", i, vr->snat, vr->n_snat);
	}
	sort_claims(claims, n);
	*ret_n = n;
	return claims;
}
