/* What operators decide about servers holds for the pair: each director has all decisions, tells
 * them with its state, and takes over those of the peer that are newer. */
#include "director/state.h"

#include <stdio.h>
#include <string.h>

struct merging {
	struct director *d;
	bool any;
};

static const char *describe(const struct decision *decision, char *buf, size_t size)
{
	const char *kind = decision->kind == DECISION_DRAIN  ? "drained"
			   : decision->kind == DECISION_FAIL ? "taken as down"
							     : "in use";

	if (decision->has_weight)
		(void)snprintf(buf, size, "%s with weight %u", kind, decision->weight);
	else
		(void)snprintf(buf, size, "%s", kind);
	return buf;
}

static void on_taken(const struct override *item, bool conflict, void *userdata)
{
	struct merging *m = userdata;
	char now[40], before[40], what[300];

	(void)describe(&item->decision, now, sizeof(now));
	if (conflict)
		(void)snprintf(what, sizeof(what),
			"is %s by %.64s, whose decision is newer than the one of %.64s: %s", now,
			item->stamp.by, item->lost.by,
			describe(&item->lost_decision, before, sizeof(before)));
	else
		(void)snprintf(what, sizeof(what), "is %s by %.64s", now, item->stamp.by);
	drains_tell(m->d, conflict ? EVENT_DECISION_CONFLICT : EVENT_OVERRIDE, item->pool,
		item->server, what);
	shares_touch_server(m->d, item->pool, item->server);
	m->any = true;
}

static void on_kept(const struct override *item, void *userdata)
{
	struct merging *m = userdata;
	char now[40], before[40], what[300];

	(void)snprintf(what, sizeof(what),
		"stays %s, since that is newer than what %.64s decided: %s",
		describe(&item->decision, now, sizeof(now)), item->lost.by,
		describe(&item->lost_decision, before, sizeof(before)));
	drains_tell(m->d, EVENT_DECISION_CONFLICT, item->pool, item->server, what);
}

void replicate_heard(struct director *d, const json_t *decisions)
{
	struct merging m = {.d = d};
	const struct overrides_listener listener = {on_taken, on_kept, &m};
	char message[300];
	int r = overrides_merge(&d->overrides, decisions, drains_now(), &listener);

	if (r < 0) {
		(void)snprintf(message, sizeof(message),
			"the peer's decisions count, but cannot be kept in %.120s: %s",
			d->overrides.path, strerror(-r));
		director_event(d, EVENT_ERROR, message, NULL);
	}
	if (m.any) {
		drains_schedule(d, 0);
		peer_touch(d);
	}
}

void replicate_counted(struct director *d, struct override *item, const struct drain_count *count)
{
	const struct drain_count *before = &item->counts_here;

	if (item->looked_here && before->known == count->known && before->active == count->active &&
		before->inactive == count->inactive)
		return;
	item->looked_here = true;
	item->counts_here = *count;
	peer_touch(d);
}

bool replicate_is_counted_there(const struct director *d, const struct override *item)
{
	return !d->peer.alive || !d->peer.stream || item->looked_there;
}

struct drain_count replicate_count(const struct director *d, const struct override *item)
{
	static const struct drain_count nobody;

	return drain_count_pair(&item->counts_here,
		d->peer.alive && d->peer.stream ? &item->counts_there : &nobody);
}
