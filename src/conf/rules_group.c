/* Rules about sync groups: who is in one, and that its members agree. */
#include "conf/alloc.h"
#include "conf/rules.h"

#include <stdlib.h>
#include <string.h>

static const struct path root;

static size_t find_router(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_routers; i++)
		if (strcmp(c->routers[i].name, name) == 0)
			return i;
	return CONF_NONE;
}

static void report_member(const struct rules *r, size_t group, size_t item, char *text)
{
	const struct path map = {&root, root_keys.items[ROOT_SYNC_GROUPS].name, 0};
	const struct path object = {&map, r->c->groups[group].name, 0};
	const struct path members = {&object, "members", 0};
	const struct path at = {&members, NULL, item};

	fault_add(r->faults, rules_origin(r, ROOT_SYNC_GROUPS, group)->source, &at, FAULT_AT_VALUE,
		"%s", text);
	free(text);
}

/* Who advertises different priorities on different networks would be better on one and worse on the
 * other, and nobody could be Active on both. */
static bool same_priorities(
	const struct rules *r, const struct conf_router *a, const struct conf_router *b)
{
	for (size_t node = 0; node < r->c->n_nodes && node < CONF_NODES_MAX; node++)
		if (a->priority[node] != b->priority[node])
			return false;
	return true;
}

static void resolve_member(
	const struct rules *r, size_t group, size_t item, const char *name, size_t *first)
{
	const struct conf_group *groups = r->c->groups;
	size_t index = find_router(r->c, name);
	struct conf_router *router;

	if (index == CONF_NONE) {
		report_member(r, group, item, conf_dup("there is no virtual router of that name"));
		return;
	}
	router = &r->c->routers[index];
	if (router->group != CONF_NONE) {
		report_member(r, group, item,
			conf_printf("\"%s\" is already a member of sync group \"%s\"", name,
				groups[router->group].name));
		return;
	}
	router->group = group;
	if (*first == CONF_NONE)
		*first = index;
	else if (!same_priorities(r, router, &r->c->routers[*first]))
		report_member(r, group, item,
			conf_printf("its priority is not that of \"%s\"; the members of a group "
				    "need the same",
				r->c->routers[*first].name));
}

static void resolve_group(const struct rules *r, size_t group)
{
	const struct value *members =
		value_get(rules_origin(r, ROOT_SYNC_GROUPS, group)->json, "members");
	size_t i = 0, first = CONF_NONE;

	if (value_is(members, VALUE_TEXT))
		resolve_member(r, group, 0, value_text(members), &first);
	if (value_count(members) > CONF_GROUP_MEMBERS_MAX)
		rules_report(r, ROOT_SYNC_GROUPS, group, "members",
			conf_dup("at most 32 virtual routers can be in a group"));
	for (const struct value *item = value_elements(members); item; item = item->next, i++)
		if (value_is(item, VALUE_TEXT))
			resolve_member(r, group, i, value_text(item), &first);
}

void rules_groups(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_routers; i++)
		r->c->routers[i].group = CONF_NONE;
	for (size_t i = 0; r->origins->complete && i < r->c->n_groups; i++)
		resolve_group(r, i);
}
