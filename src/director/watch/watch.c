/* The list of watches, and what a result does to one. */
#include "director/watch/watch.h"

#include "conf/alloc.h"
#include "io/clock.h"

#include <inttypes.h>

/* A text cut to fit may end within a character: what is not ASCII is not kept. */
static void keep(char ret[static WATCH_REASON_MAX], const char *text)
{
	(void)snprintf(ret, WATCH_REASON_MAX, "%s", text);
	for (; *ret; ret++)
		if ((unsigned char)*ret >= 0x80)
			*ret = '?';
}

static void note(struct watch *w, bool passed, const char *reason)
{
	w->results++;
	w->failures += !passed;
	keep(w->reason, reason);
}

void watch_result(struct watch *w, bool passed, const char *reason)
{
	const struct health_rule rule = {.rise = w->conf->rise, .fall = w->conf->fall};

	note(w, passed, reason);
	if (health_step(&w->health, &rule, passed, clock_now()))
		w->all->handler->changed(w, w->all->userdata);
}

void watch_state(struct watch *w, bool passed, const char *reason)
{
	static const struct health_rule at_once = {.rise = 1, .fall = 1};

	note(w, passed, reason);
	if (health_step(&w->health, &at_once, passed, clock_now()))
		w->all->handler->changed(w, w->all->userdata);
}

void watch_trouble(struct watch *w, const char *why)
{
	char text[WATCH_REASON_MAX];

	keep(text, why);
	if (strcmp(w->trouble, text) == 0)
		return;
	memcpy(w->trouble, text, sizeof(text));
	if (*w->trouble)
		w->all->handler->trouble(w, w->all->userdata);
}

/* --- Kinds --- */

static int start_asked(struct watch *w)
{
	(void)w; /* watches_end() asks */
	return 0;
}

static void stop_asked(struct watch *w)
{
	(void)w;
}

static const struct watch_kind watch_asked = {start_asked, stop_asked};

static const struct watch_kind *const kinds[CONF_TRACK_KINDS] = {
	[CONF_TRACK_INTERFACE] = &watch_interface,
	[CONF_TRACK_SCRIPT] = &watch_script,
	[CONF_TRACK_FILE] = &watch_file,
	[CONF_TRACK_PROCESS] = &watch_process,
	[CONF_TRACK_PING] = &watch_ping,
	[CONF_TRACK_ROUTE] = &watch_route,
	[CONF_TRACK_POOL] = &watch_asked,
	[CONF_TRACK_SERVICE] = &watch_asked,
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

char *watch_text(const struct conf_track *t, const struct conf *c)
{
	const char *kind = conf_track_kind_name(t->kind);
	char buf[ADDR_PREFIX_TEXT_MAX];

	switch (t->kind) {
	case CONF_TRACK_INTERFACE:
		return conf_printf("%s %s", kind, t->interface);
	case CONF_TRACK_SCRIPT:
		return conf_printf("%s %s", kind,
			t->command.shell ? t->command.argv[0] : base_name(t->command.argv[0]));
	case CONF_TRACK_FILE:
		return conf_printf("%s %s", kind, t->file);
	case CONF_TRACK_PROCESS:
		return conf_printf("%s %s", kind, t->process);
	case CONF_TRACK_PING:
		return conf_printf("%s %s%s%s", kind, addr_format(&t->ping, buf),
			t->interface ? " from " : "", t->interface ? t->interface : "");
	case CONF_TRACK_ROUTE:
		return t->table == 254
			       ? conf_printf("%s %s", kind, addr_prefix_format(&t->route, buf))
			       : conf_printf("%s %s in table %" PRIu32, kind,
					 addr_prefix_format(&t->route, buf), t->table);
	case CONF_TRACK_POOL:
		return conf_printf("%s %s%s", kind, c->pools[t->index].name,
			t->down_here ? ", down here" : "");
	case CONF_TRACK_SERVICE:
		return conf_printf("%s %s%s", kind, c->definitions[t->index].name,
			t->down_here ? ", down here" : "");
	case CONF_TRACK_TRACKER:
		return conf_dup(c->trackers[t->index].name);
	case CONF_TRACK_ALL:
	case CONF_TRACK_ANY:
	case CONF_TRACK_KINDS:
		break;
	}
	return conf_dup(kind);
}

/* All that makes a difference, each text with its length. */
static void put_text(FILE *f, const char *text)
{
	(void)fprintf(f, "%zu:%s,", text ? strlen(text) : 0, text ? text : "");
}

static char *make_key(const struct conf_track *t, const char *text)
{
	char *key = NULL;
	size_t len;
	FILE *f = open_memstream(&key, &len);

	if (!f)
		abort();
	(void)fprintf(f, "%d,", (int)t->kind);
	put_text(f, text);
	put_text(f, t->command.user);
	for (char **arg = t->command.argv; arg && *arg; arg++)
		put_text(f, *arg);
	(void)fprintf(f, "%d,%" PRIu64 ",%" PRIu64 ",%u,%u,%" PRIu32, t->command.shell,
		t->command.timeout_us, t->interval_us, t->rise, t->fall, t->count);
	if (fclose(f) != 0)
		abort();
	return key;
}

/* --- The list --- */

void watches_begin(struct watches *all)
{
	for (size_t i = 0; i < all->n; i++)
		all->items[i]->wanted = false;
}

static struct watch *find(const struct watches *all, const char *key)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i]->key, key) == 0)
			return all->items[i];
	return NULL;
}

/* Takes key and text. */
static struct watch *add(struct watches *all, const struct conf_track *conf, char *key, char *text)
{
	struct watch *w = conf_alloc(1, sizeof(*w));

	*w = (struct watch){.kind = kinds[conf->kind],
		.all = all,
		.conf = conf,
		.key = key,
		.text = text,
		.health.since = clock_now()};
	all->items = reallocarray(all->items, all->n + 1, sizeof(struct watch *));
	if (!all->items)
		abort();
	all->items[all->n++] = w;
	return w;
}

static void start(struct watch *w)
{
	char why[WATCH_REASON_MAX];
	int r = w->kind->start(w);

	if (r >= 0)
		return;
	(void)snprintf(why, sizeof(why), "cannot be watched: %s", strerror(-r));
	watch_trouble(w, why);
	watch_state(w, false, why);
}

struct watch *watches_want(struct watches *all, const struct conf_track *conf, const struct conf *c)
{
	char *text = watch_text(conf, c), *key = make_key(conf, text);
	struct watch *w = find(all, key);

	if (w) {
		free(text);
		free(key);
		w->conf = conf;
	} else {
		w = add(all, conf, key, text);
		start(w);
	}
	w->wanted = true;
	return w;
}

static void drop(struct watch *w)
{
	w->kind->stop(w);
	free(w->key);
	free(w->text);
	free(w);
}

void watches_end(struct watches *all)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (all->items[i]->wanted)
			all->items[kept++] = all->items[i];
		else
			drop(all->items[i]);
	}
	all->n = kept;
}

void watches_done(struct watches *all)
{
	watches_begin(all);
	watches_end(all);
	net_watch_free(all->net);
	all->net = NULL;
	free(all->items);
	all->items = NULL;
}

static void tell_quorum(struct watch *w, enum health_state state)
{
	if (state != HEALTH_UNKNOWN && state != w->health.state)
		watch_state(w, state == HEALTH_UP,
			state == HEALTH_UP ? "has its quorum" : "is below its quorum");
}

/* A number that changed without the state is news, too. */
static void tell_down_here(struct watch *w, enum health_state state, int64_t number)
{
	char reason[64];
	bool another = number != w->number;

	if (state == w->health.state && !another)
		return;
	w->number = number;
	(void)snprintf(reason, sizeof(reason), "%" PRId64 " of its servers down here only", number);
	if (state != w->health.state) {
		watch_state(w, state == HEALTH_UP, reason);
	} else {
		note(w, state == HEALTH_UP, reason);
		w->all->handler->changed(w, w->all->userdata);
	}
}

void watches_ask(struct watches *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct watch *w = all->items[i];
		enum health_state state;
		int64_t number = 0;

		if (w->kind != &watch_asked)
			continue;
		state = all->handler->ask(w->conf, &number, all->userdata);
		if (w->conf->down_here)
			tell_down_here(w, state, number);
		else
			tell_quorum(w, state);
	}
}
