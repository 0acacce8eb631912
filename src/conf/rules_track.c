/* Rules about what is watched, and about programs that are run. */
#include "base/cleanup.h"
#include "base/duration.h"
#include "conf/alloc.h"
#include "conf/rules.h"
#include "conf/suggest.h"

#include <assert.h>

#define DEPTH_MAX 4 /* groups in groups */

static const struct path root;

static const char *const kind_names[CONF_TRACK_KINDS] = {
	[CONF_TRACK_INTERFACE] = "interface",
	[CONF_TRACK_SCRIPT] = "script",
	[CONF_TRACK_FILE] = "file",
	[CONF_TRACK_PROCESS] = "process",
	[CONF_TRACK_PING] = "ping",
	[CONF_TRACK_ROUTE] = "route",
	[CONF_TRACK_POOL] = "pool",
	[CONF_TRACK_SERVICE] = "service",
	[CONF_TRACK_TRACKER] = "tracker",
	[CONF_TRACK_ALL] = "all",
	[CONF_TRACK_ANY] = "any",
};

const char *conf_track_kind_name(enum conf_track_kind kind)
{
	assert(kind < CONF_TRACK_KINDS);
	return kind_names[kind];
}

/* Something watched, and where it is written. */
struct place_of {
	const struct rules *r;
	const struct source *source;
	const struct path *path;
	const struct value *json;
	unsigned depth; /* of groups around it */
	bool named;     /* it is, or is in, one of the trackers */
};

/* Takes text. */
static void report(const struct place_of *at, const char *key, char *text)
{
	const struct path member = {at->path, key, 0};

	fault_add(at->r->faults, at->source, key ? &member : at->path, FAULT_AT_VALUE, "%s", text);
	free(text);
}

/* --- What it is --- */

/* A ping may name an interface to leave by. */
static bool is_option(const struct place_of *at, enum conf_track_kind kind)
{
	return kind == CONF_TRACK_INTERFACE && value_get(at->json, "ping");
}

/* CONF_TRACK_KINDS: that cannot be said; reported. */
static enum conf_track_kind kind_of(const struct place_of *at)
{
	enum conf_track_kind found = CONF_TRACK_KINDS;

	for (enum conf_track_kind k = 0; k < CONF_TRACK_KINDS; k++) {
		if (!value_get(at->json, kind_names[k]) || is_option(at, k))
			continue;
		if (found != CONF_TRACK_KINDS) {
			report(at, kind_names[k],
				conf_printf("\"%s\" is watched here already", kind_names[found]));
			return CONF_TRACK_KINDS;
		}
		found = k;
	}
	if (found == CONF_TRACK_KINDS)
		report(at, NULL,
			conf_dup("nothing is watched: one of interface, script, file, process, "
				 "ping, route, pool, service, tracker, all and any is needed"));
	return found;
}

#define BIT(kind) (1U << CONF_TRACK_##kind)

/* Which keys say something about which kind. */
static const struct {
	const char *key;
	unsigned kinds;
	const char *only;
} options[] = {
	{"interval", BIT(SCRIPT) | BIT(PROCESS) | BIT(PING), "script, process and ping"},
	{"timeout", BIT(SCRIPT) | BIT(PING), "script and ping"},
	{"rise", BIT(SCRIPT) | BIT(PING), "script and ping"},
	{"fall", BIT(SCRIPT) | BIT(PING), "script and ping"},
	{"user", BIT(SCRIPT), "script"},
	{"shell", BIT(SCRIPT), "script"},
	{"count", BIT(PROCESS), "process"},
	{"table", BIT(ROUTE), "route"},
	{"down_here", BIT(POOL) | BIT(SERVICE), "pool and service"},
};

static void rule_options(const struct place_of *at, enum conf_track_kind kind)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (rules_given(at->json, options[i].key) && !(options[i].kinds & 1U << kind))
			report(at, options[i].key, conf_printf("only for %s", options[i].only));
}

/* --- Its weight --- */

static void rule_weight(const struct place_of *at, const struct conf_track *t)
{
	bool given = rules_given(at->json, "weight");

	if (given && at->named)
		report(at, "weight", conf_dup("the weight is up to who watches the tracker"));
	else if (given && at->depth > 0)
		report(at, "weight", conf_dup("the weight is the whole group's"));
	else if (given && t->weight == 0)
		report(at, "weight",
			conf_dup("0 changes nothing; without a weight a failure is a fault"));
	else if (given && conf_track_is_number(t) && t->inverse)
		report(at, "inverse",
			conf_dup("a number has no inverse; the weight may be negative"));
}

/* --- What it names --- */

static const char *name_in(const struct conf *c, enum conf_track_kind kind, size_t i)
{
	return kind == CONF_TRACK_POOL      ? c->pools[i].name
	       : kind == CONF_TRACK_SERVICE ? c->definitions[i].name
					    : c->trackers[i].name;
}

static size_t number_of(const struct conf *c, enum conf_track_kind kind)
{
	return kind == CONF_TRACK_POOL      ? c->n_pools
	       : kind == CONF_TRACK_SERVICE ? c->n_definitions
					    : c->n_trackers;
}

static size_t find_name(const struct place_of *at, enum conf_track_kind kind)
{
	const struct conf *c = at->r->c;
	const char *name = value_text(value_get(at->json, kind_names[kind]));
	size_t n = number_of(c, kind);
	auto_free char *quoted = NULL;
	auto_free char *suggestion = NULL;
	struct suggest s;

	if (!name)
		return CONF_NONE;
	s = suggest_begin(name);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name_in(c, kind, i), name) == 0)
			return i;
		suggest_offer(&s, name_in(c, kind, i));
	}
	if (!at->r->origins->complete)
		return CONF_NONE;
	quoted = fault_quote(name);
	suggestion = fault_suggestion(suggest_result(&s));
	report(at, kind_names[kind],
		conf_printf("no %s is called %s%s", kind_names[kind], quoted, suggestion));
	return CONF_NONE;
}

static void rule_name(const struct place_of *at, struct conf_track *t)
{
	t->index = CONF_NONE;
	if (t->kind == CONF_TRACK_TRACKER && at->named)
		report(at, "tracker", conf_dup("a tracker cannot be made of others"));
	else if (t->kind == CONF_TRACK_POOL || t->kind == CONF_TRACK_SERVICE ||
		 t->kind == CONF_TRACK_TRACKER)
		t->index = find_name(at, t->kind);
}

/* --- Its times --- */

static void rule_timeout(const struct place_of *at, struct conf_track *t)
{
	char timeout[DURATION_TEXT_MAX], interval[DURATION_TEXT_MAX];

	if (!rules_given(at->json, "timeout"))
		t->command.timeout_us = t->interval_us;
	else if (!rules_faulty(at->r, at->json, "interval") &&
		 t->command.timeout_us > t->interval_us)
		report(at, "timeout",
			conf_printf("%s is longer than the interval of %s",
				duration_format(t->command.timeout_us, timeout),
				duration_format(t->interval_us, interval)));
}

/* --- Programs --- */

/* What is wrong with a program to be run; NULL: nothing. */
static char *program_fault(char *const *argv, bool shell)
{
	auto_free char *quoted = NULL;

	if (shell ? argv[0][0] != '\0' : argv[0][0] == '/')
		return NULL;
	if (shell)
		return conf_dup("an empty text is no command");
	quoted = fault_quote(argv[0]);
	return conf_printf("%s is not an absolute path", quoted);
}

static void rule_program(const struct place_of *at, const char *key, char *const *argv, bool shell)
{
	char *text = argv && rules_given(at->json, key) ? program_fault(argv, shell) : NULL;

	if (text)
		report(at, key, text);
}

static void rule_file(const struct place_of *at, const struct conf_track *t)
{
	if (t->kind == CONF_TRACK_FILE && t->file && t->file[0] != '/')
		report(at, "file", conf_dup("must be an absolute path"));
}

/* --- All of it --- */

static void rule_track(const struct place_of *at, struct conf_track *t);

static void rule_members(
	const struct place_of *at, const char *key, struct conf_track *members, size_t n)
{
	const struct path list = {at->path, key, 0};
	const struct value *item = value_elements(value_get(at->json, key));

	if (n > 0 && at->depth == DEPTH_MAX) {
		report(at, key, conf_printf("groups are at most %d deep", DEPTH_MAX));
		return;
	}
	for (size_t i = 0; i < n; i++, item = value_next(item)) {
		const struct path path = {&list, NULL, i};
		struct place_of member = *at;

		member.path = &path;
		member.json = item;
		member.depth++;
		rule_track(&member, &members[i]);
	}
}

static void rule_track(const struct place_of *at, struct conf_track *t)
{
	enum conf_track_kind kind =
		value_is(at->json, VALUE_OBJECT) ? kind_of(at) : CONF_TRACK_KINDS;

	t->index = CONF_NONE;
	if (kind == CONF_TRACK_KINDS)
		return;
	t->kind = kind;
	rule_options(at, kind);
	rule_weight(at, t);
	rule_name(at, t);
	rule_timeout(at, t);
	rule_file(at, t);
	if (kind == CONF_TRACK_SCRIPT)
		rule_program(at, "script", t->command.argv, t->command.shell);
	rule_members(at, "all", t->all, t->n_all);
	rule_members(at, "any", t->any, t->n_any);
}

static void rule_before_active(const struct place_of *at, const struct conf_notify *n)
{
	const struct path path = {at->path, "before_active", 0};
	struct place_of its = *at;

	its.path = &path;
	its.json = value_get(at->json, "before_active");
	rule_program(&its, "command", n->before_active.command, n->shell);
}

static void rule_notify(const struct place_of *at, const struct conf_notify *n)
{
	rule_program(at, "active", n->active, n->shell);
	rule_program(at, "backup", n->backup, n->shell);
	rule_program(at, "fault", n->fault, n->shell);
	rule_program(at, "stop", n->stop, n->shell);
	rule_program(at, "any", n->any, n->shell);
	rule_before_active(at, n);
}

static void rule_router(const struct rules *r, size_t router)
{
	const struct path map = {&root, root_keys.items[ROOT_VIRTUAL_ROUTERS].name, 0};
	const struct path object = {&map, r->c->routers[router].name, 0};
	const struct path list = {&object, "track", 0}, notify = {&object, "notify", 0};
	const struct origin *origin = rules_origin(r, ROOT_VIRTUAL_ROUTERS, router);
	const struct value *item = value_elements(value_get(origin->json, "track"));
	struct place_of at = {r, origin->source, &notify, NULL, 0, false};
	struct conf_router *vr = &r->c->routers[router];

	at.json = value_get(origin->json, "notify");
	rule_notify(&at, &vr->notify);
	for (size_t i = 0; i < vr->n_track; i++, item = value_next(item)) {
		const struct path path = {&list, NULL, i};

		at.path = &path;
		at.json = item;
		rule_track(&at, &vr->track[i]);
	}
}

static void rule_tracker(const struct rules *r, size_t tracker)
{
	const struct path map = {&root, root_keys.items[ROOT_TRACKERS].name, 0};
	const struct path path = {&map, r->c->trackers[tracker].name, 0};
	const struct origin *origin = rules_origin(r, ROOT_TRACKERS, tracker);
	const struct place_of at = {r, origin->source, &path, origin->json, 0, true};

	rule_track(&at, &r->c->trackers[tracker]);
}

void rules_track(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_trackers; i++)
		rule_tracker(r, i);
	for (size_t i = 0; i < r->c->n_routers; i++)
		rule_router(r, i);
}
