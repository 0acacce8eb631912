#include "elector/spare.h"

#include "elector/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void spare_free(struct spare *s)
{
	while (s->n_routers > 0)
		free(s->routers[--s->n_routers]);
	while (s->n_ports > s->n_old_ports)
		free(s->ports[--s->n_ports]);
	for (size_t i = 0; s->configs && i < s->n; i++)
		causes_done(&s->configs[i].causes);
	for (size_t i = 0; s->auths && i < s->n; i++)
		free(s->auths[i]);
	free(s->routers);
	free(s->ports);
	elector_free_lists(s->lists, s->lists_size);
	free(s->configs);
	free(s->auths);
	free(s->firsts);
}

static bool has_spare_port(const struct spare *s, const char *interface)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if (strcmp(s->ports[i]->interface, interface) == 0)
			return true;
	return false;
}

static bool allocate_port(const char *interface, struct spare *s)
{
	struct port *p;

	if (!*interface || has_spare_port(s, interface))
		return true;
	p = calloc(1, sizeof(*p));
	if (!p)
		return false;
	for (size_t i = 0; i < VOICES; i++)
		p->voices[i].fd = -1;
	(void)snprintf(p->interface, sizeof(p->interface), "%s", interface);
	s->ports[s->n_ports++] = p;
	return true;
}

static bool allocate_ports(const struct router_config *wanted, struct spare *s)
{
	if (!allocate_port(wanted->interface, s))
		return false;
	for (size_t place = 0; place < MOVED_PLACES_MAX; place++)
		if (!allocate_port(wanted->places[place], s))
			return false;
	return true;
}

static bool allocate_router(
	const struct elector *e, const struct router_config *wanted, struct spare *s)
{
	if (elector_find_router(e, wanted))
		return true;
	s->routers[s->n_routers] = calloc(1, sizeof(struct router));
	return s->routers[s->n_routers++] != NULL;
}

static bool allocate_auth(
	const struct elector *e, const struct router_config *wanted, struct vrrp_auth **ret)
{
	const struct router *r = elector_find_router(e, wanted);
	uint8_t n = vrrp_auth_marks(&wanted->peers);

	if (wanted->auth.mode == VRRP_AUTH_OFF || (r && r->auth && r->auth->n_marks >= n))
		return true;
	*ret = calloc(1, sizeof(**ret) + n * sizeof(*(*ret)->marks));
	if (!*ret)
		return false;
	(*ret)->marks = (struct vrrp_auth_mark *)(*ret + 1);
	(*ret)->n_marks = n;
	return true;
}

static bool allocate_lists(const struct router_config *wanted, struct spare *s)
{
	void *at;

	for (size_t i = 0; i < s->n; i++)
		s->lists_size += router_config_size(&wanted[i]);
	s->lists = at = calloc(1, s->lists_size + 1);
	if (!s->lists)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (router_config_place(
			    &wanted[i], i > 0 ? &s->configs[i - 1] : NULL, &at, &s->configs[i]) < 0)
			return false;
	return true;
}

static bool allocate(
	const struct elector *e, const struct router_config *wanted, size_t n, struct spare *s)
{
	s->routers = calloc(n + 1, sizeof(*s->routers));
	s->ports = calloc(e->n_ports + n * (MOVED_PLACES_MAX + 1) + 1, sizeof(struct port *));
	s->configs = calloc(n + 1, sizeof(*s->configs));
	s->auths = calloc(n + 1, sizeof(struct vrrp_auth *));
	s->firsts = calloc(n + 1, sizeof(*s->firsts));
	s->n = n;
	if (!s->routers || !s->ports || !s->configs || !s->auths || !s->firsts)
		return false;
	s->n_ports = s->n_old_ports = e->n_ports;
	if (e->n_ports > 0)
		memcpy(s->ports, e->ports, e->n_ports * sizeof(struct port *));
	for (size_t i = 0; i < n; i++)
		if (!allocate_router(e, &wanted[i], s) || !allocate_ports(&wanted[i], s) ||
			!allocate_auth(e, &wanted[i], &s->auths[i]))
			return false;
	return allocate_lists(wanted, s);
}

/* Which places of the state file are somebody's list, or are to be. */
static void mark_taken(const struct elector *e, bool *taken)
{
	for (size_t i = 0; i < STATE_ROUTERS_MAX; i++) {
		const struct state_router *s = &e->state->routers[i];
		if (s->used)
			memset(taken + s->list.first, true, s->list.n);
	}
	for (size_t i = 0; i < e->n_routers; i++)
		memset(taken + e->routers[i]->first, true, e->routers[i]->config.n_moved);
}

static bool has_this_list(const struct router *r, const struct router_config *wanted)
{
	return r->config.n_moved == wanted->n_moved &&
	       memcmp(r->config.moved, wanted->moved, wanted->n_moved * sizeof(*wanted->moved)) ==
		       0;
}

/* From *at on, the first gap of n places. The array ends with as many as all lists need. */
static size_t find_gap(const bool *taken, size_t *at, size_t n)
{
	size_t len = 0;

	while (len < n)
		len = taken[(*at)++] ? 0 : len + 1;
	return *at - n;
}

/* Where each list goes: a router whose list stays keeps its place, others get one beside what they
 * have, since that is what counts until the change is made. */
static int reserve(
	const struct elector *e, const struct router_config *wanted, size_t n, struct spare *s)
{
	size_t total = 0, at = 0, end = 0;
	bool *taken;

	for (size_t i = 0; i < n; i++)
		total += wanted[i].n_moved;
	taken = calloc(e->state->n_moved + total + 1, sizeof(*taken));
	if (!taken)
		return -ENOMEM;
	mark_taken(e, taken);
	for (size_t i = 0; i < n; i++) {
		const struct router *r = elector_find_router(e, &wanted[i]);
		if (r && has_this_list(r, &wanted[i]))
			s->firsts[i] = r->first;
		else
			s->firsts[i] = find_gap(taken, &at, wanted[i].n_moved);
		if (s->firsts[i] + wanted[i].n_moved > end)
			end = s->firsts[i] + wanted[i].n_moved;
	}
	free(taken);
	return state_file_grow(e->state, end);
}

int spare_prepare(
	const struct elector *e, const struct router_config *wanted, size_t n, struct spare *ret)
{
	int r = allocate(e, wanted, n, ret) ? reserve(e, wanted, n, ret) : -ENOMEM;

	if (r < 0)
		spare_free(ret);
	return r;
}
