/* Walks the table of metrics over the things of a status. What each metric is, the table says. */
#include "web/metrics.h"

#include "base/cleanup.h"
#include "base/index.h"
#include "web/metric_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 3
#define MEMBER_MAX 64

/* One router, server, check ... and the values of the labels that name it; all borrowed. */
struct item {
	const json_t *value;
	const char *labels[LABELS_MAX];
};

struct items {
	struct item *list;
	size_t n, left_out;
	struct index by_labels;
};

static const struct {
	const char *name;
	const char *labels[LABELS_MAX + 1];
} scopes[METRIC_SCOPE_MAX_] = {
	[METRIC_OF_DIRECTOR] = {"director", {NULL}},
	[METRIC_OF_ROUTER] = {"router", {"router", NULL}},
	[METRIC_OF_TRACKER] = {"tracker", {"tracker", NULL}},
	[METRIC_OF_HELPER] = {"helper", {"helper", NULL}},
	[METRIC_OF_SERVICE] = {"service", {"service", NULL}},
	[METRIC_OF_SERVER] = {"server", {"service", "pool", "server", NULL}},
	[METRIC_OF_CHECK] = {"check", {"check", NULL}},
	[METRIC_OF_INTERFACE] = {"interface", {"interface", NULL}},
};

const char *metric_scope_name(enum metric_scope scope)
{
	return scopes[scope].name;
}

/* What there is metrics of */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static uint64_t hash_labels(const struct item *item)
{
	uint64_t hash = INDEX_HASH;

	for (size_t i = 0; i < LABELS_MAX && item->labels[i]; i++)
		hash = index_hash(hash, item->labels[i], strlen(item->labels[i]) + 1);
	return hash;
}

static bool same_labels(const struct item *a, const struct item *b)
{
	for (size_t i = 0; i < LABELS_MAX && a->labels[i]; i++)
		if (!b->labels[i] || strcmp(a->labels[i], b->labels[i]) != 0)
			return false;
	return true;
}

static bool is_known(const struct items *items, const struct item *item)
{
	uint64_t at = hash_labels(item);
	size_t i;

	while ((i = index_next(&items->by_labels, &at)) != INDEX_NONE)
		if (same_labels(&items->list[i], item))
			return true;
	return false;
}

/* What has no name, or the name of another, has no metrics. */
static void add_item(struct items *items, const struct item *item)
{
	if (!item->labels[0] || items->n == METRICS_ITEMS_MAX || is_known(items, item)) {
		items->left_out++;
		return;
	}
	index_add(&items->by_labels, hash_labels(item), items->n);
	items->list[items->n++] = *item;
}

static void add_all(struct items *items, const json_t *array, const char *name)
{
	const json_t *value;
	size_t i;

	json_array_foreach (array, i, value)
		add_item(items, &(struct item){value, {text_of(value, name)}});
}

static void add_servers(
	struct items *items, const char *service, const char *pool, const json_t *servers)
{
	const json_t *value;
	size_t i;

	json_array_foreach (servers, i, value) {
		const char *name = text_of(value, "name");
		struct item item = {value, {service, pool, name}};

		if (!service || !pool || !name)
			item.labels[0] = NULL;
		add_item(items, &item);
	}
}

static void add_services_servers(struct items *items, const json_t *services)
{
	const json_t *s;
	size_t i;

	json_array_foreach (services, i, s) {
		const json_t *fallback = json_object_get(s, "fallback");

		add_servers(items, text_of(s, "name"), text_of(s, "pool"),
			json_object_get(s, "servers"));
		add_servers(items, text_of(s, "name"), text_of(fallback, "pool"),
			json_object_get(fallback, "servers"));
	}
}

static void find_items(struct items *items, enum metric_scope scope, const json_t *status)
{
	const json_t *services = json_object_get(status, "services");

	switch (scope) {
	case METRIC_OF_DIRECTOR:
		items->list[items->n++] = (struct item){.value = status};
		break;
	case METRIC_OF_ROUTER:
		add_all(items, json_object_get(status, "routers"), "name");
		break;
	case METRIC_OF_TRACKER:
		add_all(items, json_object_get(status, "trackers"), "name");
		break;
	case METRIC_OF_HELPER:
		add_all(items, json_object_get(status, "helpers"), "name");
		break;
	case METRIC_OF_SERVICE:
		add_all(items, services, "name");
		break;
	case METRIC_OF_SERVER:
		add_services_servers(items, services);
		break;
	case METRIC_OF_CHECK:
		add_all(items, json_object_get(status, "checks"), "id");
		break;
	case METRIC_OF_INTERFACE:
		add_all(items, json_object_get(json_object_get(status, "sync"), "interfaces"),
			"interface");
		break;
	case METRIC_SCOPE_MAX_:
		break;
	}
}

static bool collect(struct items all[static METRIC_SCOPE_MAX_], const json_t *status)
{
	for (enum metric_scope scope = 0; scope < METRIC_SCOPE_MAX_; scope++) {
		struct items *items = &all[scope];

		items->list = calloc(METRICS_ITEMS_MAX, sizeof(*items->list));
		if (!items->list || index_init(&items->by_labels, METRICS_ITEMS_MAX) < 0)
			return false;
		find_items(items, scope, status);
	}
	return true;
}

static void forget(struct items all[static METRIC_SCOPE_MAX_])
{
	for (enum metric_scope scope = 0; scope < METRIC_SCOPE_MAX_; scope++) {
		free(all[scope].list);
		index_done(&all[scope].by_labels);
	}
}

/* How it is written */

/* A metric under way: its head stands before its first sample, or nowhere. */
struct output {
	FILE *f;
	const struct metric *metric;
	bool begun;
	size_t n_labels; /* of the sample under way */
	struct instant now;
};

static bool is_counter(const char *name)
{
	static const char suffix[] = "_total";
	size_t len = strlen(name);

	return len >= sizeof(suffix) && strcmp(name + len - (sizeof(suffix) - 1), suffix) == 0;
}

static void begin_sample(struct output *o)
{
	const struct metric *m = o->metric;

	if (!o->begun)
		(void)fprintf(o->f, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
			is_counter(m->name) ? "counter" : "gauge");
	o->begun = true;
	o->n_labels = 0;
	(void)fputs(m->name, o->f);
}

static void put_label(struct output *o, const char *name, const char *value)
{
	(void)fprintf(o->f, "%s%s=\"", o->n_labels++ == 0 ? "{" : ",", name);
	for (; *value; value++) {
		if (*value == '\n')
			(void)fputs("\\n", o->f);
		else if (*value == '"' || *value == '\\')
			(void)fprintf(o->f, "\\%c", *value);
		else
			(void)fputc(*value, o->f);
	}
	(void)fputc('"', o->f);
}

static void begin_item(struct output *o, const struct item *item)
{
	const char *const *names = scopes[o->metric->scope].labels;

	begin_sample(o);
	for (size_t i = 0; names[i]; i++)
		put_label(o, names[i], item->labels[i]);
}

static void end_labels(struct output *o)
{
	(void)fputs(o->n_labels > 0 ? "} " : " ", o->f);
}

static void end_number(struct output *o, int64_t number)
{
	end_labels(o);
	(void)fprintf(o->f, "%" PRId64 "\n", number);
}

static void end_value(struct output *o, double value)
{
	end_labels(o);
	(void)fprintf(o->f, "%.15g\n", value);
}

/* The forms */

/* NULL: it is not there. */
static const json_t *member_of(const json_t *value, const char *path)
{
	while (value && *path) {
		size_t len = strcspn(path, "/");
		char key[MEMBER_MAX];

		(void)snprintf(key, sizeof(key), "%.*s", (int)len, path);
		value = json_object_get(value, key);
		path += path[len] ? len + 1 : len;
	}
	return value;
}

static void write_number(struct output *o, const struct item *item, const json_t *value)
{
	if (!json_is_number(value))
		return;
	begin_item(o, item);
	if (json_is_integer(value))
		end_number(o, json_integer_value(value));
	else
		end_value(o, json_real_value(value));
}

static void write_scaled(
	struct output *o, const struct item *item, const json_t *value, double per_unit)
{
	if (!json_is_number(value))
		return;
	begin_item(o, item);
	end_value(o, json_number_value(value) / per_unit);
}

static void write_age(struct output *o, const struct item *item, const json_t *value)
{
	json_int_t at = json_integer_value(value);

	if (at <= 0)
		return;
	begin_item(o, item);
	end_value(o, (double)instant_between_us((struct instant){(uint64_t)at}, o->now) / 1e6);
}

static void write_flag(struct output *o, const struct item *item, bool flag)
{
	begin_item(o, item);
	end_number(o, flag);
}

static void write_word(struct output *o, const struct item *item, const char *word, int64_t number)
{
	begin_item(o, item);
	put_label(o, o->metric->label, word);
	end_number(o, number);
}

static bool has_word(const char *const *words, const char *word)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words;
}

/* A state that is newer than the table is not kept back. */
static void write_state(struct output *o, const struct item *item, const char *state)
{
	const char *const *words = o->metric->words;

	if (!state)
		return;
	for (size_t i = 0; words[i]; i++)
		write_word(o, item, words[i], strcmp(words[i], state) == 0);
	if (!has_word(words, state))
		write_word(o, item, state, 1);
}

static void write_states(struct output *o, const struct item *item, const json_t *array)
{
	const char *const *words = o->metric->words;

	for (size_t i = 0; json_is_array(array) && words[i]; i++) {
		const json_t *element;
		int64_t n = 0;
		size_t j;

		json_array_foreach (array, j, element) {
			const char *state = text_of(element, "state");
			n += state && strcmp(state, words[i]) == 0;
		}
		write_word(o, item, words[i], n);
	}
}

static void write_each(struct output *o, const struct item *item, const json_t *object)
{
	const char *prefix = o->metric->words[0];
	const char *key;
	json_t *value;

	/* jansson takes no const here, and changes nothing. */
	json_object_foreach ((json_t *)(uintptr_t)object, key, value)
		if (strncmp(key, prefix, strlen(prefix)) == 0 && json_is_integer(value))
			write_word(o, item, key + strlen(prefix), json_integer_value(value));
}

static const char *label_of(const char *path)
{
	const char *last = strrchr(path, '/');

	return last ? last + 1 : path;
}

static bool says_anything(const char *const *words, const json_t *of)
{
	for (; *words; words++) {
		const json_t *value = member_of(of, *words);

		if (json_is_integer(value) || (json_is_string(value) && json_string_length(value)))
			return true;
	}
	return false;
}

static void write_info(struct output *o, const struct item *item, const json_t *of)
{
	if (!says_anything(o->metric->words, of))
		return;
	begin_item(o, item);
	for (const char *const *word = o->metric->words; *word; word++) {
		const json_t *value = member_of(of, *word);
		char number[24] = "";

		if (json_is_integer(value))
			(void)snprintf(number, sizeof(number), "%lld",
				(long long)json_integer_value(value));
		put_label(o, label_of(*word),
			json_is_string(value) ? json_string_value(value) : number);
	}
	end_number(o, 1);
}

static void write_left_out(struct output *o, const struct items all[static METRIC_SCOPE_MAX_])
{
	for (enum metric_scope scope = METRIC_OF_DIRECTOR + 1; scope < METRIC_SCOPE_MAX_; scope++) {
		begin_sample(o);
		put_label(o, o->metric->label, metric_scope_name(scope));
		end_number(o, (int64_t)all[scope].left_out);
	}
}

static void write_item(struct output *o, const struct item *item)
{
	const struct metric *m = o->metric;
	const json_t *value = member_of(item->value, m->member);

	switch (m->form) {
	case METRIC_ONE:
		write_flag(o, item, true);
		break;
	case METRIC_NUMBER:
		write_number(o, item, value);
		break;
	case METRIC_SECONDS:
		write_scaled(o, item, value, 1e6);
		break;
	case METRIC_RATIO:
		write_scaled(o, item, value, 100);
		break;
	case METRIC_AGE:
		write_age(o, item, value);
		break;
	case METRIC_FLAG:
		if (json_is_boolean(value))
			write_flag(o, item, json_is_true(value));
		break;
	case METRIC_IS:
		if (json_is_string(value))
			write_flag(o, item, strcmp(json_string_value(value), m->words[0]) == 0);
		break;
	case METRIC_SOME:
		if (value)
			write_flag(o, item, !json_is_null(value));
		break;
	case METRIC_COUNT:
		if (json_is_array(value)) {
			begin_item(o, item);
			end_number(o, (int64_t)json_array_size(value));
		}
		break;
	case METRIC_STATE:
		write_state(o, item, json_string_value(value));
		break;
	case METRIC_STATES:
		write_states(o, item, value);
		break;
	case METRIC_EACH:
		write_each(o, item, value);
		break;
	case METRIC_INFO:
		write_info(o, item, value);
		break;
	case METRIC_LEFT_OUT:
		break;
	}
}

static void write_metric(struct output *o, const struct items all[static METRIC_SCOPE_MAX_])
{
	const struct items *items = &all[o->metric->scope];

	if (o->metric->form == METRIC_LEFT_OUT)
		write_left_out(o, all);
	for (size_t i = 0; i < items->n; i++)
		write_item(o, &items->list[i]);
}

static void write_down(FILE *f)
{
	struct output o = {.f = f, .metric = &metric_table[0]};

	begin_sample(&o);
	end_number(&o, 0);
}

bool metrics_print(FILE *f, const json_t *status, struct instant now)
{
	struct items all[METRIC_SCOPE_MAX_] = {0};
	bool complete;

	if (!status) {
		write_down(f);
		return true;
	}
	complete = collect(all, status);
	for (size_t i = 0; complete && i < metric_table_len; i++) {
		struct output o = {.f = f, .metric = &metric_table[i], .now = now};
		write_metric(&o, all);
	}
	forget(all);
	return complete;
}
