/* tandemctl maintenance: this host is not to be Active while somebody works on it. Written down
 * before it counts, like every decision of an operator. */
#include "director/state.h"

#include "base/cleanup.h"
#include "io/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void path_of(const struct director *d, char ret[static PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/maintenance.json", d->options->state_dir);
}

/* "off" since nobody knows when, where nothing is known. */
static bool parse(const json_t *json, struct maintenance_state *ret)
{
	const char *mode = json_string_value(json_object_get(json, "mode"));
	const json_t *since = json_object_get(json, "since_unix_us");

	if (!mode || !json_is_integer(since) || json_integer_value(since) < 0)
		return false;
	ret->mode = maintenance_by_name(mode);
	ret->since_unix_us = (uint64_t)json_integer_value(since);
	return ret->mode != MAINTENANCE_MAX_;
}

/* A file that cannot be read may mean that somebody works on the host: better no address here than
 * one too many. */
void maintenance_init(struct director *d)
{
	char path[PATH_MAX], message[PATH_MAX + 100];
	json_t *json;

	path_of(d, path);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return;
	json = json_load_file(path, 0, NULL);
	if (!parse(json, &d->maintenance)) {
		d->maintenance = (struct maintenance_state){.mode = MAINTENANCE_STANDBY};
		(void)snprintf(message, sizeof(message),
			"%s cannot be read: taken as \"standby\" until \"tandemctl maintenance\" "
			"says otherwise",
			path);
		director_event(d, EVENT_ERROR, message, NULL);
	}
	json_decref(json);
}

json_t *maintenance_to_json(const struct director *d)
{
	return json_pack("{s:s, s:I}", "mode", maintenance_name(d->maintenance.mode),
		"since_unix_us", (json_int_t)d->maintenance.since_unix_us);
}

static int save(const struct director *d, const struct maintenance_state *m)
{
	json_t *json = json_pack("{s:s, s:I}", "mode", maintenance_name(m->mode), "since_unix_us",
		(json_int_t)m->since_unix_us);
	auto_free char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	char path[PATH_MAX];

	json_decref(json);
	path_of(d, path);
	return text ? file_replace(path, text) : -ENOMEM;
}

void maintenance_request(struct director *d, struct control_call *call, const json_t *parameters)
{
	const char *name = json_string_value(json_object_get(parameters, "mode"));
	struct maintenance_state m = {.mode = name ? maintenance_by_name(name) : MAINTENANCE_MAX_,
		.since_unix_us = drains_now().unix_us};
	char message[80], path[PATH_MAX];
	int r;

	if (m.mode == MAINTENANCE_MAX_) {
		control_error(call, "InvalidParameter", json_pack("{s:s}", "parameter", "mode"));
		return;
	}
	if (m.mode == d->maintenance.mode) {
		control_reply(call, maintenance_to_json(d));
		return;
	}
	r = save(d, &m);
	if (r < 0) {
		path_of(d, path);
		control_error(call, "NotRecorded",
			json_pack("{s:s, s:s}", "path", path, "reason", strerror(-r)));
		return;
	}
	d->maintenance = m;
	(void)snprintf(
		message, sizeof(message), "maintenance of this host: %s", maintenance_name(m.mode));
	director_event(d, EVENT_MAINTENANCE, message, NULL);
	peer_touch(d);
	process_call(&d->helpers[HELPER_ELECTOR], "Maintenance",
		json_pack("{s:s}", "maintenance", maintenance_name(m.mode)));
	control_reply(call, maintenance_to_json(d));
}
