/* Decisions to JSON and back. */
#include "director/pair/overrides.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The peer has heard of it by then, or of something newer. */
#define TAKEN_BACK_KEPT_US (UINT64_C(30) * 86400 * 1000000)

static int compare_names(const struct override *item, const char *pool, const char *server)
{
	int order = strcmp(item->pool, pool);

	return order != 0 ? order : strcmp(item->server, server);
}

/* The first place whose names are not before these. */
static size_t place_of(const struct overrides *o, const char *pool, const char *server)
{
	size_t low = 0, high = o->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_names(&o->items[middle], pool, server) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct override *find(const struct overrides *o, const char *pool, const char *server)
{
	size_t place = place_of(o, pool, server);

	return place < o->n && compare_names(&o->items[place], pool, server) == 0 ? &o->items[place]
										  : NULL;
}

const struct override *overrides_find(
	const struct overrides *o, const char *pool, const char *server)
{
	return find(o, pool, server);
}

static void override_done(struct override *item)
{
	free(item->pool);
	free(item->server);
}

/* Pointers to other items are void then. */
static struct override *add(struct overrides *o, const char *pool, const char *server)
{
	size_t place = place_of(o, pool, server);
	struct override *items = realloc(o->items, (o->n + 1) * sizeof(*items));
	struct override item = {.pool = strdup(pool), .server = strdup(server)};

	if (items)
		o->items = items;
	if (!items || !item.pool || !item.server) {
		override_done(&item);
		return NULL;
	}
	memmove(&items[place + 1], &items[place], (o->n - place) * sizeof(*items));
	o->n++;
	items[place] = item;
	return &items[place];
}

static void drop(struct overrides *o, struct override *item)
{
	size_t place = (size_t)(item - o->items);

	override_done(item);
	o->n--;
	memmove(item, item + 1, (o->n - place) * sizeof(*item));
}

static void drop_all(struct overrides *o)
{
	while (o->n > 0)
		override_done(&o->items[--o->n]);
}

static void forget_counts(struct override *item)
{
	item->looked_here = item->looked_there = false;
	item->counts_here = item->counts_there = (struct drain_count){0};
}

/* Instants and the wall clock */

static uint64_t to_unix_us(struct instant t, struct overrides_now now)
{
	return now.unix_us + (t.us - now.now.us); /* wraps as it should for an earlier t */
}

/* What was before this boot counts as now. */
static struct instant from_unix_us(uint64_t unix_us, struct overrides_now now)
{
	if (unix_us >= now.unix_us)
		return instant_add(now.now, unix_us - now.unix_us);
	if (now.unix_us - unix_us >= now.now.us)
		return now.now;
	return (struct instant){now.now.us - (now.unix_us - unix_us)};
}

/* Writing */

static json_t *drain_to_json(const struct drain *d, struct overrides_now now)
{
	json_t *o = json_pack("{s:s, s:I}", "state", drain_state_name(d->state), "requested_us",
		(json_int_t)to_unix_us(d->requested_at, now));

	if (!instant_is_never(d->deadline))
		(void)json_object_set_new(
			o, "deadline_us", json_integer((json_int_t)to_unix_us(d->deadline, now)));
	return o;
}

static json_t *decision_to_json(
	const struct decision *d, const struct stamp *stamp, struct overrides_now now)
{
	json_t *o = json_pack("{s:s, s:s, s:I, s:I}", "decision", decision_kind_name(d->kind), "by",
		stamp->by, "at_us", (json_int_t)stamp->at_unix_us, "over_us",
		(json_int_t)stamp->over_unix_us);

	if (d->has_weight)
		(void)json_object_set_new(o, "weight", json_integer(d->weight));
	if (d->kind == DECISION_DRAIN)
		(void)json_object_set_new(o, "drain", drain_to_json(&d->drain, now));
	return o;
}

static json_t *override_to_json(const struct override *item, struct overrides_now now)
{
	json_t *o = decision_to_json(&item->decision, &item->stamp, now);

	(void)json_object_set_new(o, "pool", json_string(item->pool));
	(void)json_object_set_new(o, "server", json_string(item->server));
	if (*item->lost.by)
		(void)json_object_set_new(
			o, "lost", decision_to_json(&item->lost_decision, &item->lost, now));
	return o;
}

/* That nothing is decided any more is worth knowing for who may have heard of a decision. */
static bool is_kept(const struct overrides *o, const struct override *item, uint64_t unix_us)
{
	if (item->decision.kind != DECISION_NONE || item->decision.has_weight)
		return true;
	return o->shared && item->stamp.at_unix_us + TAKEN_BACK_KEPT_US > unix_us;
}

/* No member: not looked at yet; null: it cannot be told. */
static void add_counts(json_t *json, const struct override *item)
{
	const struct drain_count *c = &item->counts_here;

	if (item->looked_here)
		(void)json_object_set_new(json, "counts",
			c->known ? json_pack(
					   "[I, I]", (json_int_t)c->active, (json_int_t)c->inactive)
				 : json_null());
}

static void read_counts(struct override *item, const json_t *theirs)
{
	const json_t *counts = json_object_get(theirs, "counts");
	json_int_t active = json_integer_value(json_array_get(counts, 0));
	json_int_t inactive = json_integer_value(json_array_get(counts, 1));

	item->looked_there = counts != NULL;
	item->counts_there = (struct drain_count){0};
	if (json_is_array(counts) && active >= 0 && inactive >= 0)
		item->counts_there =
			(struct drain_count){true, (uint64_t)active, (uint64_t)inactive};
}

/* `for_peer`: with how far a drain is, which is of no worth later. */
static json_t *list(const struct overrides *o, struct overrides_now now, bool for_peer)
{
	json_t *array = json_array(), *json;

	for (size_t i = 0; i < o->n; i++) {
		const struct override *item = &o->items[i];

		if (!is_kept(o, item, now.unix_us))
			continue;
		json = override_to_json(item, now);
		if (for_peer && item->decision.kind == DECISION_DRAIN)
			add_counts(json, item);
		(void)json_array_append_new(array, json);
	}
	return array;
}

json_t *overrides_for_peer(const struct overrides *o, struct overrides_now now)
{
	return list(o, now, true);
}

int overrides_save(const struct overrides *o, struct overrides_now now)
{
	json_t *json = json_pack("{s:o}", "servers", list(o, now, false));
	auto_free char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	json_decref(json);
	return text ? file_replace(o->path, text) : -ENOMEM;
}

int overrides_set(struct overrides *o, const char *pool, const char *server,
	const struct decision *decision, struct instant ready_at, const char *by,
	struct overrides_now now)
{
	struct override *item = find(o, pool, server), before;
	bool added = item == NULL;
	int r;

	if (added)
		item = add(o, pool, server);
	if (!item)
		return -ENOMEM;
	before = *item;
	item->decision = *decision;
	item->ready_at = ready_at;
	forget_counts(item);
	item->lost = (struct stamp){0};
	/* Newer than what it is decided over, whatever the clocks of the two say. */
	item->stamp = (struct stamp){.at_unix_us = now.unix_us > before.stamp.at_unix_us
							   ? now.unix_us
							   : before.stamp.at_unix_us + 1,
		.over_unix_us = before.stamp.at_unix_us};
	(void)snprintf(item->stamp.by, sizeof(item->stamp.by), "%s", by);
	r = overrides_save(o, now);
	if (r < 0 && added)
		drop(o, item);
	else if (r < 0)
		*item = before;
	return r;
}

/* Reading */

static bool state_by_name(const char *name, enum drain_state *ret)
{
	for (enum drain_state i = 0; i < DRAIN_MAX_; i++)
		if (name && strcmp(drain_state_name(i), name) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static bool kind_by_name(const char *name, enum decision_kind *ret)
{
	for (enum decision_kind i = 0; i < DECISION_MAX_; i++)
		if (name && strcmp(decision_kind_name(i), name) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static struct instant instant_of(
	const json_t *o, const char *key, struct instant fallback, struct overrides_now now)
{
	const json_t *value = json_object_get(o, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return fallback;
	return from_unix_us((uint64_t)json_integer_value(value), now);
}

static bool drain_parse(const json_t *o, struct overrides_now now, struct drain *ret)
{
	if (!state_by_name(text_of(o, "state"), &ret->state))
		return false;
	ret->requested_at = instant_of(o, "requested_us", now.now, now);
	ret->deadline = instant_of(o, "deadline_us", INSTANT_NEVER, now);
	return true;
}

static bool decision_parse(const json_t *o, struct overrides_now now, struct decision *ret)
{
	const json_t *weight = json_object_get(o, "weight");
	struct decision d = {0};

	if (!kind_by_name(text_of(o, "decision"), &d.kind))
		return false;
	if (weight) {
		if (!json_is_integer(weight) || json_integer_value(weight) < 0 ||
			json_integer_value(weight) > UINT16_MAX)
			return false;
		d.has_weight = true;
		d.weight = (uint32_t)json_integer_value(weight);
	}
	if (d.kind == DECISION_DRAIN && !drain_parse(json_object_get(o, "drain"), now, &d.drain))
		return false;
	*ret = d;
	return true;
}

/* No clock of ours is ever there; what is decided over it must be later still, and a number. */
#define UNIX_US_MAX (UINT64_C(1) << 62)

static uint64_t unix_of(const json_t *o, const char *key)
{
	json_int_t us = json_integer_value(json_object_get(o, key));

	if (us <= 0)
		return 0;
	return (uint64_t)us < UNIX_US_MAX ? (uint64_t)us : UNIX_US_MAX;
}

/* A file of a version that did not write it: nobody knows. */
static struct stamp stamp_of(const json_t *o)
{
	struct stamp s = {unix_of(o, "at_us"), unix_of(o, "over_us"), ""};

	(void)text_line(s.by, sizeof(s.by), text_of(o, "by"));
	return s;
}

/* The one that does not count, if whoever wrote it knows of one. */
static void take_lost(struct override *item, const json_t *from, struct overrides_now now)
{
	const json_t *lost = json_object_get(from, "lost");
	struct decision decision;

	if (!lost || !decision_parse(lost, now, &decision))
		return;
	item->lost = stamp_of(lost);
	item->lost_decision = decision;
}

static int take_item(struct overrides *o, const json_t *item, struct overrides_now now)
{
	const char *pool = text_of(item, "pool"), *server = text_of(item, "server");
	struct decision decision;
	struct override *added;

	if (!pool || !server || find(o, pool, server) || !decision_parse(item, now, &decision))
		return -EBADMSG;
	added = add(o, pool, server);
	if (!added)
		return -ENOMEM;
	added->decision = decision;
	added->stamp = stamp_of(item);
	take_lost(added, item, now);
	return 0;
}

static int take_all(struct overrides *o, const json_t *json, struct overrides_now now)
{
	const json_t *servers = json_object_get(json, "servers");
	json_t *item;
	size_t i;
	int r = json_is_array(servers) ? 0 : -EBADMSG;

	json_array_foreach (servers, i, item) {
		if (r == 0)
			r = take_item(o, item, now);
	}
	return r;
}

static void set_aside(const char *path)
{
	auto_free char *aside = NULL;

	if (asprintf(&aside, "%s.bad", path) < 0)
		aside = NULL;
	if (aside)
		(void)rename(path, aside);
}

int overrides_load(struct overrides *o, const char *state_dir, struct overrides_now now)
{
	json_error_t error;
	json_t *json;
	int r;

	*o = (struct overrides){0};
	if (asprintf(&o->path, "%s/overrides.json", state_dir) < 0) {
		o->path = NULL;
		return -ENOMEM;
	}
	if (mkdir(state_dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (access(o->path, F_OK) < 0)
		return errno == ENOENT ? 0 : -errno;
	json = json_load_file(o->path, 0, &error);
	r = take_all(o, json, now);
	json_decref(json);
	if (r == -EBADMSG) {
		drop_all(o);
		set_aside(o->path);
	}
	return r;
}

void overrides_done(struct overrides *o)
{
	drop_all(o);
	free(o->items);
	free(o->path);
	*o = (struct overrides){0};
}

/* The peer */

static int compare_stamps(const struct stamp *a, const struct stamp *b)
{
	if (a->at_unix_us != b->at_unix_us)
		return a->at_unix_us < b->at_unix_us ? -1 : 1;
	return strcmp(a->by, b->by);
}

static bool is_same_decision(const struct decision *a, const struct decision *b)
{
	return a->kind == b->kind && a->has_weight == b->has_weight &&
	       (!a->has_weight || a->weight == b->weight);
}

/* Whoever made the newer one did not know of the older one. */
static bool is_unaware(const struct stamp *newer, const struct stamp *older)
{
	return older->at_unix_us > 0 && newer->over_unix_us < older->at_unix_us;
}

static bool is_over(const struct decision *d)
{
	return d->kind == DECISION_FAIL || (d->kind == DECISION_DRAIN && drain_is_over(&d->drain));
}

static void take_theirs(struct override *item, const struct decision *decision,
	const struct stamp *stamp, struct overrides_now now, const struct overrides_listener *l)
{
	bool conflict =
		is_unaware(stamp, &item->stamp) && !is_same_decision(decision, &item->decision);

	/* Without connections for a while it is cold, and starts slowly. */
	if (decision->kind == DECISION_NONE && is_over(&item->decision))
		item->ready_at = now.now;
	item->lost = (struct stamp){0};
	if (conflict) {
		item->lost = item->stamp;
		item->lost_decision = item->decision;
	}
	item->decision = *decision;
	item->stamp = *stamp;
	forget_counts(item);
	l->taken(item, conflict, l->userdata);
}

static void keep_ours(struct override *item, const struct decision *decision,
	const struct stamp *stamp, const struct overrides_listener *l)
{
	if (!is_unaware(&item->stamp, stamp) || is_same_decision(decision, &item->decision) ||
		compare_stamps(&item->lost, stamp) == 0)
		return;
	item->lost = *stamp;
	item->lost_decision = *decision;
	l->kept(item, l->userdata);
}

/* The peer had ours already, and knows of a conflict. */
static void learn_of_lost(struct override *item, const json_t *theirs, struct overrides_now now,
	const struct overrides_listener *l)
{
	if (*item->lost.by)
		return;
	take_lost(item, theirs, now);
	if (*item->lost.by)
		l->kept(item, l->userdata);
}

static bool is_name(const char *name)
{
	return name && strlen(name) <= OVERRIDES_NAME_MAX;
}

/* Whether anything was taken. */
static bool merge_item(struct overrides *o, const json_t *theirs, struct overrides_now now,
	const struct overrides_listener *l)
{
	const char *pool = text_of(theirs, "pool"), *server = text_of(theirs, "server");
	struct stamp stamp = stamp_of(theirs);
	struct decision decision;
	struct override *item;
	int order;

	if (!is_name(pool) || !is_name(server) || !decision_parse(theirs, now, &decision))
		return false;
	item = find(o, pool, server);
	if (!item && o->n < OVERRIDES_MAX)
		item = add(o, pool, server);
	if (!item)
		return false;
	order = compare_stamps(&stamp, &item->stamp);
	if (order > 0)
		take_theirs(item, &decision, &stamp, now, l);
	else if (order < 0)
		keep_ours(item, &decision, &stamp, l);
	else
		learn_of_lost(item, theirs, now, l);
	read_counts(item, order >= 0 ? theirs : NULL);
	return order > 0;
}

int overrides_merge(struct overrides *o, const json_t *theirs, struct overrides_now now,
	const struct overrides_listener *listener)
{
	bool taken = false;
	json_t *item;
	size_t i;

	json_array_foreach (theirs, i, item)
		taken = merge_item(o, item, now, listener) || taken;
	return taken ? overrides_save(o, now) : 0;
}
