/* Comparing and ordering what moves. */
#include "core/moved.h"

#include <string.h>

static bool same_prefix(const struct addr_prefix *a, const struct addr_prefix *b)
{
	return a->prefix_len == b->prefix_len && addr_equal(&a->addr, &b->addr);
}

/* A label or a scope does not make it another address. */
static bool same_address(const struct moved_address *a, const struct moved_address *b)
{
	return same_prefix(&a->prefix, &b->prefix);
}

static bool same_route(const struct moved_route *a, const struct moved_route *b)
{
	return same_prefix(&a->to, &b->to) && addr_equal(&a->via, &b->via) &&
	       addr_equal(&a->src, &b->src) && a->table == b->table && a->metric == b->metric &&
	       a->type == b->type && a->onlink == b->onlink;
}

static bool same_rule(const struct moved_rule *a, const struct moved_rule *b)
{
	return a->family == b->family && same_prefix(&a->from, &b->from) &&
	       same_prefix(&a->to, &b->to) && a->mark == b->mark && a->table == b->table &&
	       a->priority == b->priority && strcmp(a->iif, b->iif) == 0;
}

bool moved_equal(const struct moved *a, const struct moved *b)
{
	if (a->kind != b->kind)
		return false;
	switch ((enum moved_kind)a->kind) {
	case MOVED_ADDRESS:
		return same_address(&a->address, &b->address);
	case MOVED_ROUTE:
		return same_route(&a->route, &b->route);
	case MOVED_RULE:
		return same_rule(&a->rule, &b->rule);
	case MOVED_KIND_MAX_:
		break;
	}
	return false;
}

static bool prefix_is_sound(const struct addr_prefix *p)
{
	return addr_len(&p->addr) > 0 && p->prefix_len <= 8 * addr_len(&p->addr);
}

static bool prefix_is_sound_or_none(const struct addr_prefix *p)
{
	return p->addr.family == 0 || prefix_is_sound(p);
}

static bool is_family_or_none(const struct addr *a, uint16_t family)
{
	return a->family == 0 || a->family == family;
}

static bool name_is_sound(const char name[static MOVED_NAME_MAX])
{
	return memchr(name, '\0', MOVED_NAME_MAX) != NULL;
}

static bool route_is_sound(const struct moved_route *r)
{
	return prefix_is_sound(&r->to) && is_family_or_none(&r->via, r->to.addr.family) &&
	       is_family_or_none(&r->src, r->to.addr.family) && r->type < MOVED_ROUTE_TYPE_MAX_;
}

static bool rule_is_sound(const struct moved_rule *r)
{
	return (r->family == AF_INET || r->family == AF_INET6) &&
	       is_family_or_none(&r->from.addr, r->family) &&
	       is_family_or_none(&r->to.addr, r->family) && prefix_is_sound_or_none(&r->from) &&
	       prefix_is_sound_or_none(&r->to) && name_is_sound(r->iif);
}

bool moved_is_sound(const struct moved *m)
{
	if (m->kind >= MOVED_KIND_MAX_ || m->place > MOVED_ANYWHERE)
		return false;
	switch ((enum moved_kind)m->kind) {
	case MOVED_ADDRESS:
		return m->place != MOVED_ANYWHERE && prefix_is_sound(&m->address.prefix) &&
		       name_is_sound(m->address.label);
	case MOVED_ROUTE:
		return route_is_sound(&m->route);
	case MOVED_RULE:
		return rule_is_sound(&m->rule);
	case MOVED_KIND_MAX_:
		break;
	}
	return false;
}

static unsigned rank(const struct moved *m)
{
	if (m->kind != MOVED_ADDRESS)
		return MOVED_PLACES_MAX + m->kind;
	return m->place == MOVED_HOME ? MOVED_PLACES_MAX : m->place;
}

/* By insertion: lists are short, mostly sorted already, and equals must stay in their order. */
void moved_sort(struct moved *items, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct moved item = items[i];
		size_t at = i;

		for (; at > 0 && rank(&items[at - 1]) > rank(&item); at--)
			items[at] = items[at - 1];
		items[at] = item;
	}
}

static bool go_together(const struct moved *a, const struct moved *b)
{
	return a->kind == b->kind && a->place == b->place;
}

size_t moved_run(const struct moved *items, size_t n, size_t at, size_t max)
{
	size_t end = at;

	while (end < n && end - at < max && go_together(&items[at], &items[end]))
		end++;
	return end - at;
}

size_t moved_run_before(const struct moved *items, size_t end, size_t max)
{
	size_t at = end;

	while (at > 0 && end - at < max && go_together(&items[end - 1], &items[at - 1]))
		at--;
	return end - at;
}
