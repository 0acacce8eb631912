/* Merging. Objects keep the order of files and text; a name is given in one file only. */
#include "conf/build.h"
#include "base/cleanup.h"
#include "base/index.h"
#include "conf/alloc.h"
#include "conf/parse.h"

#include <assert.h>

static const struct path root;

/* The first file that gives `key`, with its value; NULL when none does. */
static const struct source *find_member(
	const struct sources *s, const struct key *key, struct value **ret_value)
{
	for (size_t i = 0; i < s->n; i++) {
		struct value *value = value_get(s->items[i]->root, key->name);
		if (value) {
			*ret_value = value;
			return s->items[i];
		}
	}
	return NULL;
}

/* A value that is there once: the first counts, others are faults. */
static void build_single(const struct sources *s, struct faults *faults, enum root_key index,
	struct conf *ret, struct origins *origins)
{
	const struct key *key = &root_keys.items[index];
	const struct path at = {&root, key->name, 0};
	const struct source *first;
	struct value *value;

	parse_default(key, ret);
	first = find_member(s, key, &value);
	if (!first)
		return;
	(void)parse_value(&(struct parse){faults, first}, key, value, &at, ret);
	if (key->type == KEY_OBJECT) {
		origins->of[index] = conf_alloc(1, sizeof(struct origin));
		origins->of[index][0] = (struct origin){first, value};
	}
	for (size_t i = first->order + 1; i < s->n; i++) {
		auto_free char *where = NULL;
		if (!value_get(s->items[i]->root, key->name))
			continue;
		where = fault_where(first, &at);
		fault_add(faults, s->items[i], &at, FAULT_AT_KEY, "\"%s\" is already set at %s",
			key->name, where);
	}
}

static void build_patterns(const struct sources *s, struct faults *faults, const struct key *key)
{
	const struct path at = {&root, key->name, 0};

	for (size_t i = 0; i < s->n; i++) {
		struct value *value = value_get(s->items[i]->root, key->name);
		if (value)
			(void)parse_value(
				&(struct parse){faults, s->items[i]}, key, value, &at, NULL);
	}
}

/* --- Maps --- */

/* A map under construction. */
struct merge {
	struct faults *faults;
	const struct key *key;
	char *items;
	struct origin *origins;
	size_t n;
	struct index names; /* to find what is given twice */
};

static void report_twice(
	const struct merge *m, const struct source *source, const struct path *path, size_t first)
{
	auto_free char *where = fault_where(m->origins[first].source, path);
	auto_free char *name = fault_quote(path->key);

	fault_add(
		m->faults, source, path, FAULT_AT_KEY, "%s is already defined at %s", name, where);
}

static const char *name_of(const struct merge *m, size_t i)
{
	return *(char *const *)(const void *)(m->items + i * m->key->object->size);
}

/* Index of the member of that name, which has this hash; INDEX_NONE: there is none yet. */
static size_t find_name(const struct merge *m, const char *name, uint64_t hash)
{
	size_t i;

	while ((i = index_next(&m->names, &hash)) != INDEX_NONE)
		if (strcmp(name_of(m, i), name) == 0)
			break;
	return i;
}

static void merge_members(struct merge *m, const struct source *source, struct value *map)
{
	const struct path up = {&root, m->key->name, 0};
	const struct parse p = {m->faults, source};

	for (struct value *member = value_members(map); member; member = member->next) {
		struct path at = {&up, member->key, 0};
		uint64_t hash = index_hash(INDEX_HASH, member->key, strlen(member->key));
		size_t first = find_name(m, member->key, hash);

		if (strcmp(member->key, KEY_COMMENT) == 0)
			continue;
		if (first != INDEX_NONE) {
			report_twice(m, source, &at, first);
			continue;
		}
		index_add(&m->names, hash, m->n);
		m->origins[m->n] = (struct origin){source, member};
		parse_named(
			&p, m->key->object, member, &at, m->items + m->n * m->key->object->size);
		m->n++;
	}
}

static size_t count_members(const struct sources *s, const struct key *key)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += value_count(value_get(s->items[i]->root, key->name));
	return n;
}

/* The number of members is known when all files are read: it is reported for the first of them. */
static void check_size(const struct sources *s, const struct merge *m, bool complete)
{
	const struct path at = {&root, m->key->name, 0};
	struct value *value;
	const struct source *source = find_member(s, m->key, &value);

	if (source)
		parse_map_size(&(struct parse){m->faults, source}, m->key, m->n, &at);
	else if (m->key->min && complete)
		fault_add(m->faults, s->items[0], &root, FAULT_AT_VALUE, "missing key \"%s\"",
			m->key->name);
}

static void build_map(const struct sources *s, struct faults *faults, enum root_key index,
	struct conf *ret, struct origins *origins)
{
	const struct key *key = &root_keys.items[index];
	const struct path at = {&root, key->name, 0};
	size_t n = count_members(s, key);
	struct merge m = {.faults = faults, .key = key};

	m.items = conf_alloc(n, key->object->size);
	if (index_init(&m.names, n) < 0)
		abort();
	m.origins = origins->of[index] = conf_alloc(n, sizeof(struct origin));
	for (size_t i = 0; i < s->n; i++) {
		struct value *map = value_get(s->items[i]->root, key->name);
		if (map && parse_expect_object(&(struct parse){faults, s->items[i]}, map, &at))
			merge_members(&m, s->items[i], map);
	}
	*(void **)key_field(ret, key->field) = m.items;
	*(size_t *)key_field(ret, key->also) = m.n;
	check_size(s, &m, origins->complete);
	index_done(&m.names);
}

void build_conf(const struct sources *s, struct faults *faults, struct conf *ret,
	struct origins *ret_origins)
{
	ret_origins->complete = !s->incomplete;
	for (size_t i = 0; i < s->n; i++)
		parse_unknown(
			&(struct parse){faults, s->items[i]}, &root_keys, s->items[i]->root, &root);
	for (unsigned i = 0; i < ROOT_MAX_; i++) {
		const struct key *key = &root_keys.items[i];
		if (key->type == KEY_MAP)
			build_map(s, faults, (enum root_key)i, ret, ret_origins);
		else if (key->type == KEY_PATTERNS)
			build_patterns(s, faults, key);
		else
			build_single(s, faults, (enum root_key)i, ret, ret_origins);
	}
}

void origins_done(struct origins *o)
{
	for (size_t i = 0; i < ROOT_MAX_; i++)
		free(o->of[i]);
	*o = (struct origins){0};
}
