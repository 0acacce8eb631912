/* Targets from and to JSON. What the director sends was validated with the configuration; here only
 * what would break this process is refused. */
#include "checker/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_number(
	const json_t *wanted, const char *key, uint64_t min, uint64_t max, uint64_t *ret)
{
	const json_t *value = json_object_get(wanted, key);
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || (uint64_t)number < min ||
		(uint64_t)number > max)
		return false;
	*ret = (uint64_t)number;
	return true;
}

/* 0 when it is not there. */
static bool read_interval(const json_t *wanted, const char *key, uint64_t *ret)
{
	*ret = 0;
	return !json_object_get(wanted, key) || read_number(wanted, key, 1000, INT64_MAX, ret);
}

static bool read_rule(const json_t *wanted, struct health_rule *ret)
{
	uint64_t rise, fall, jitter_percent;

	if (!read_number(wanted, "interval_us", 1000, INT64_MAX, &ret->interval_us) ||
		!read_interval(wanted, "fail_interval_us", &ret->fail_interval_us) ||
		!read_interval(wanted, "down_interval_us", &ret->down_interval_us) ||
		!read_interval(wanted, "standby_interval_us", &ret->standby_interval_us) ||
		!read_number(wanted, "timeout_us", 1000, INT64_MAX, &ret->timeout_us) ||
		!read_number(wanted, "rise", 1, UINT16_MAX, &rise) ||
		!read_number(wanted, "fall", 1, UINT16_MAX, &fall) ||
		!read_number(wanted, "jitter_percent", 0, 100, &jitter_percent))
		return false;
	ret->rise = (unsigned)rise;
	ret->fall = (unsigned)fall;
	ret->jitter_percent = (unsigned)jitter_percent;
	return true;
}

static bool read_endpoint(const json_t *wanted, struct probe_endpoint *ret)
{
	const char *address = json_string_value(json_object_get(wanted, "address"));
	const char *source = json_string_value(json_object_get(wanted, "source"));
	const char *interface = json_string_value(json_object_get(wanted, "interface"));
	uint64_t port, mark = 0;

	*ret = (struct probe_endpoint){0};
	if (!address || !addr_parse(address, &ret->address) ||
		!read_number(wanted, "port", 0, UINT16_MAX, &port))
		return false;
	if (source &&
		(!addr_parse(source, &ret->source) || ret->source.family != ret->address.family))
		return false;
	if (json_object_get(wanted, "mark") && !read_number(wanted, "mark", 0, UINT32_MAX, &mark))
		return false;
	(void)snprintf(ret->interface, sizeof(ret->interface), "%s", interface ? interface : "");
	ret->port = (uint16_t)port;
	ret->mark = (uint32_t)mark;
	return true;
}

/* The server that the service must take it to, and who else asks it. */
static bool read_through(struct target *t, const json_t *through)
{
	const char *server = json_string_value(json_object_get(through, "server"));
	const char *interface = json_string_value(json_object_get(through, "source_interface"));
	const char *direct = json_string_value(json_object_get(through, "direct"));
	struct probe_endpoint *e = &t->endpoint;
	uint64_t mark;

	if (!through)
		return true;
	if (!server || !addr_parse(server, &e->server) || e->server.family != e->address.family ||
		!read_number(through, "mark", 1, UINT32_MAX, &mark))
		return false;
	e->mark = (uint32_t)mark;
	(void)snprintf(
		e->source_interface, sizeof(e->source_interface), "%s", interface ? interface : "");
	t->direct = direct ? strdup(direct) : NULL;
	return !direct || t->direct;
}

/* Its text, so that two can be compared; "" for none. NULL: out of memory. */
static char *settings_text(const json_t *settings)
{
	return settings ? json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS) : strdup("");
}

static int make_probe(struct target *t, struct prober *shared, const json_t *wanted)
{
	json_t *settings = json_object_get(wanted, "settings");
	json_auto_t *none = settings ? NULL : json_object();

	if (settings && !json_is_object(settings))
		return -EINVAL;
	t->settings = settings_text(settings);
	if (!t->settings || (!settings && !none))
		return -ENOMEM;
	return t->type->new (shared, &t->endpoint, settings ? settings : none, t, &t->probe);
}

static const char *const wish_names[] = {
	[PROBE_WISH_NONE] = "none",
	[PROBE_WISH_SERVE] = "serve",
	[PROBE_WISH_DRAIN] = "drain",
	[PROBE_WISH_MAINT] = "maint",
};

static enum probe_wish wish_by_name(const char *name)
{
	for (enum probe_wish w = PROBE_WISH_SERVE; name && w <= PROBE_WISH_MAINT; w++)
		if (strcmp(wish_names[w], name) == 0)
			return w;
	return PROBE_WISH_NONE;
}

/* What it asked for before this process was there. */
static void read_wishes(struct target *t, const json_t *wanted)
{
	uint64_t percent;

	t->weight_percent = read_number(wanted, "weight_percent", 0, PROBE_WEIGHT_MAX, &percent)
				    ? (int)percent
				    : PROBE_WEIGHT_NONE;
	t->wish = wish_by_name(json_string_value(json_object_get(wanted, "wish")));
}

/* Returns what is wrong, or NULL. */
static const char *read_wanted(struct target *t, const json_t *wanted, target_prober prober)
{
	const char *id = json_string_value(json_object_get(wanted, "id"));
	const char *type = json_string_value(json_object_get(wanted, "type"));
	const char *state = json_string_value(json_object_get(wanted, "state"));
	struct prober *shared;

	if (!id || !type || !state)
		return "id, type or state is missing";
	t->id = strdup(id);
	if (!t->id)
		return "out of memory";
	if (!health_state_by_name(state, &t->health.state))
		return "unknown state";
	if (!read_rule(wanted, &t->rule))
		return "interval, timeout, rise, fall or jitter is out of range";
	if (!read_endpoint(wanted, &t->endpoint))
		return "no such address, port, source or mark";
	if (!read_through(t, json_object_get(wanted, "through")))
		return "no such way through a service";
	read_wishes(t, wanted);
	shared = prober(t->owner, type, &t->type_index);
	if (!shared)
		return "this type of check is not available";
	t->type = probe_types[t->type_index];
	return make_probe(t, shared, wanted) < 0 ? "the check was refused" : NULL;
}

struct target *target_new(const json_t *wanted, target_prober prober, void *owner,
	struct instant now, char *error, size_t error_size)
{
	struct target *t = calloc(1, sizeof(*t));
	const char *wrong = "out of memory";

	if (t) {
		t->owner = owner;
		wrong = read_wanted(t, wanted, prober);
	}
	if (wrong) {
		(void)snprintf(error, error_size, "target %s: %s",
			t && t->id ? t->id : "without id", wrong);
		target_free(t);
		return NULL;
	}
	t->health.since = now;
	(void)snprintf(t->reason, sizeof(t->reason), "not checked yet");
	health_schedule_start(&t->schedule, &t->rule, health_seed(t->id), now);
	return t;
}

void target_free(struct target *t)
{
	if (!t)
		return;
	if (t->probe)
		t->type->free(t->probe);
	free(t->direct);
	free(t->settings);
	free(t->id);
	free(t);
}

bool target_same(const struct target *a, const struct target *b)
{
	return a->type == b->type && probe_endpoint_equal(&a->endpoint, &b->endpoint) &&
	       strcmp(a->settings, b->settings) == 0 &&
	       (!a->type->equal || a->type->equal(a->probe, b->probe));
}

const char *target_id(const void *target)
{
	return ((const struct target *)target)->id;
}

/* What no check has said is left out. */
static json_t *add_wishes(json_t *o, const struct target *t)
{
	if (t->weight_percent != PROBE_WEIGHT_NONE)
		(void)json_object_set_new(o, "weight_percent", json_integer(t->weight_percent));
	if (t->wish != PROBE_WISH_NONE)
		(void)json_object_set_new(o, "wish", json_string(wish_names[t->wish]));
	return o;
}

bool target_take_wishes(struct target *t, const struct probe_result *result)
{
	bool changed = false;

	if (result->weight_percent != PROBE_WEIGHT_NONE) {
		changed = t->weight_percent != result->weight_percent;
		t->weight_percent = result->weight_percent;
	}
	if (result->wish != PROBE_WISH_NONE) {
		changed = changed || t->wish != result->wish;
		t->wish = result->wish;
	}
	return changed;
}

json_t *target_verdict(const struct target *t)
{
	return add_wishes(json_pack("{s:s, s:s, s:s, s:I}", "id", t->id, "state",
				  health_state_name(t->health.state), "reason", t->reason,
				  "latency_us", (json_int_t)t->latency_us),
		t);
}

json_t *target_report(const struct target *t)
{
	return add_wishes(
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "id", t->id, "state",
			health_state_name(t->health.state), "reason", t->reason, "latency_us",
			(json_int_t)t->latency_us, "since_us", (json_int_t)t->health.since.us,
			"checks", (json_int_t)t->checks, "failures", (json_int_t)t->failures),
		t);
}
