/* Causes as JSON. What they amount to is core/track's. */
#include "elector/causes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int causes_copy(const struct causes *from, struct causes *ret)
{
	struct causes copy = {.known = from->known, .n = from->n};

	if (from->n > 0) {
		copy.list = calloc(from->n, sizeof(*copy.list));
		if (!copy.list)
			return -ENOMEM;
		memcpy(copy.list, from->list, from->n * sizeof(*copy.list));
	}
	*ret = copy;
	return 0;
}

void causes_done(struct causes *causes)
{
	free(causes->list);
	*causes = (struct causes){0};
}

static bool read_cause(const json_t *json, struct track_cause *ret)
{
	const char *text = json_string_value(json_object_get(json, "text"));
	const json_t *weight = json_object_get(json, "weight");
	json_int_t value = json_integer_value(weight);
	struct track_cause cause = {.fault = json_is_true(json_object_get(json, "fault"))};

	if (!text || (!cause.fault && !json_is_integer(weight)) || value < -TRACK_WEIGHT_MAX ||
		value > TRACK_WEIGHT_MAX)
		return false;
	track_cause_name(&cause, text);
	cause.weight = cause.fault ? 0 : (int)value;
	*ret = cause;
	return true;
}

bool causes_read(const json_t *array, struct causes *ret)
{
	struct track_cause list[TRACK_CAUSES_MAX];
	struct causes causes = {.known = true, .list = list};
	const json_t *item;
	size_t i;

	if (!json_is_array(array))
		return false;
	json_array_foreach (array, i, item) {
		if (causes.n == TRACK_CAUSES_MAX)
			break;
		if (!read_cause(item, &list[causes.n++]))
			return false;
	}
	return causes_copy(&causes, ret) == 0;
}

json_t *causes_to_json(const struct causes *causes)
{
	json_t *array = json_array();

	for (size_t i = 0; i < causes->n; i++) {
		const struct track_cause *c = &causes->list[i];
		(void)json_array_append_new(array,
			c->fault ? json_pack("{s:s, s:b}", "text", c->text, "fault", true)
				 : json_pack("{s:s, s:i}", "text", c->text, "weight", c->weight));
	}
	return array;
}
