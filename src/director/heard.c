/* Which helper tells which events, with which fields of the journal; and what it could not do. */
#include "director/heard.h"

#include "base/text.h"

#include <string.h>

#define EVENTS_MAX 4
#define FIELDS_MAX 12

/* What a helper may say; `events` end with EVENT_STARTED, which is nobody's, `fields` with NULL. */
struct rights {
	bool any_event;
	enum event events[EVENTS_MAX];
	const char *fields[FIELDS_MAX + 1];
};

/* The elector's events are the election: it is trusted with it. */
static const struct rights rights[HELPER_MAX_] = {
	[HELPER_ELECTOR] = {.any_event = true,
		.fields = {"TANDEM_INSTANCE", "TANDEM_VRID", "TANDEM_STATE_OLD", "TANDEM_STATE_NEW",
			"TANDEM_REASON", "TANDEM_PEER", "TANDEM_PEER_PRIORITY", "TANDEM_SCORE",
			"TANDEM_SILENCE_US", "TANDEM_GROUP", "INTERFACE", "ERRNO"}},
	[HELPER_CHECKER] = {.events = {EVENT_ERROR}, .fields = {"TANDEM_REASON"}},
	[HELPER_LINK] = {.events = {EVENT_ERROR, EVENT_TABLE_READ, EVENT_TABLE_DIFFERS},
		.fields = {"INTERFACE", "TANDEM_COUNT"}},
};

static bool may_tell(const struct rights *r, enum event event)
{
	if (event == EVENT_MAX_)
		return false;
	for (size_t i = 0; i < EVENTS_MAX && r->events[i] != EVENT_STARTED; i++)
		if (r->events[i] == event)
			return true;
	return r->any_event;
}

static json_t *fields_of(const struct rights *r, const json_t *said)
{
	json_t *fields = json_object();
	char text[HEARD_TEXT_MAX];

	for (size_t i = 0; r->fields[i]; i++) {
		const char *value = json_string_value(json_object_get(said, r->fields[i]));

		if (value)
			(void)json_object_set_new(fields, r->fields[i],
				json_string(text_line(text, sizeof(text), value)));
	}
	return fields;
}

void heard_event_read(enum helper_index from, const json_t *parameters, struct heard_event *ret)
{
	const char *name = json_string_value(json_object_get(parameters, "event"));
	enum event event = name ? event_by_name(name) : EVENT_MAX_;

	ret->event = may_tell(&rights[from], event) ? event : EVENT_ERROR;
	(void)text_line(ret->message, sizeof(ret->message),
		json_string_value(json_object_get(parameters, "message")));
	ret->fields = fields_of(&rights[from], json_object_get(parameters, "fields"));
}

void heard_errors(json_t *errors, const json_t *said)
{
	char text[HEARD_TEXT_MAX];
	const json_t *item;
	size_t i, taken = 0;

	json_array_foreach (said, i, item) {
		if (taken == HEARD_ERRORS_MAX - 1 && json_array_size(said) - i > 1) {
			(void)json_array_append_new(errors,
				json_sprintf("and %zu more problems", json_array_size(said) - i));
			return;
		}
		if (!json_is_string(item))
			continue;
		(void)json_array_append_new(errors,
			json_string(text_line(text, sizeof(text), json_string_value(item))));
		taken++;
	}
}
