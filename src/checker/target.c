/* Targets from and to JSON. What the director sends was validated with the configuration; here only
 * what would break this process is refused. */
#include "checker/target.h"

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

static bool read_rule(const json_t *wanted, struct health_rule *ret)
{
	uint64_t rise, fall, jitter_percent;

	if (!read_number(wanted, "interval_us", 1000, INT64_MAX, &ret->interval_us) ||
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
	uint64_t port;

	if (!address || !addr_parse(address, &ret->address) ||
		!read_number(wanted, "port", 1, UINT16_MAX, &port))
		return false;
	ret->port = (uint16_t)port;
	return true;
}

/* Returns what is wrong, or NULL. */
static const char *read_wanted(struct target *t, const json_t *wanted, target_prober prober)
{
	const char *id = json_string_value(json_object_get(wanted, "id"));
	const char *type = json_string_value(json_object_get(wanted, "type"));
	const char *state = json_string_value(json_object_get(wanted, "state"));
	struct probe_endpoint endpoint;
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
	if (!read_endpoint(wanted, &endpoint))
		return "no such address or port";
	shared = prober(t->owner, type, &t->type);
	if (!shared)
		return "this type of check is not available";
	return t->type->new (shared, &endpoint, wanted, t, &t->probe) < 0 ? "the check was refused"
									  : NULL;
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
	free(t->id);
	free(t);
}

bool target_same(const struct target *a, const struct target *b)
{
	return a->type == b->type && a->type->equal(a->probe, b->probe);
}

int target_compare(const void *a, const void *b)
{
	const struct target *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

json_t *target_verdict(const struct target *t)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "id", t->id, "state",
		health_state_name(t->health.state), "reason", t->reason, "latency_us",
		(json_int_t)t->latency_us);
}

json_t *target_report(const struct target *t)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "id", t->id, "state",
		health_state_name(t->health.state), "reason", t->reason, "latency_us",
		(json_int_t)t->latency_us, "since_us", (json_int_t)t->health.since.us, "checks",
		(json_int_t)t->checks, "failures", (json_int_t)t->failures);
}
