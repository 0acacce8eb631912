/* Causes as JSON. What they amount to is core/track's. */
#include "elector/causes.h"

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
	struct causes causes = {.known = true};
	const json_t *item;
	size_t i;

	if (!json_is_array(array))
		return false;
	json_array_foreach (array, i, item) {
		if (causes.n == TRACK_CAUSES_MAX)
			break;
		if (!read_cause(item, &causes.list[causes.n++]))
			return false;
	}
	*ret = causes;
	return true;
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
