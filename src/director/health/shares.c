/* Who gets what, kept current: pools are evaluated at the end of a turn of the loop in which
 * something happened to their servers, and when a slow start comes to its next step; what is news
 * is told, and what is different brought to the kernel. */
#include "director/state.h"

#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>

struct pools_input shares_input(
	const struct director *d, const struct conf *conf, const struct targets *targets)
{
	return (struct pools_input){.conf = conf,
		.targets = targets,
		.overrides = &d->overrides,
		.peer_says = peer_says,
		.peer = d};
}

static void tell(struct director *d, enum event event, size_t view, const char *what)
{
	const struct view *v = &d->targets.views.items[view];
	const struct conf_pool *pool = &d->conf->pools[v->pool];
	uint64_t weight = d->pools.views[view].state.usable_weight;
	char port[32] = "", message[300], usable[24], quorum[16];

	if (v->check_port)
		(void)snprintf(port, sizeof(port), " on port %u", v->check_port);
	(void)snprintf(usable, sizeof(usable), "%" PRIu64, weight);
	(void)snprintf(quorum, sizeof(quorum), "%" PRIu32, pool->quorum);
	(void)snprintf(message, sizeof(message), "pool %s%s %s: usable weight %s, quorum %s",
		pool->name, port, what, usable, quorum);
	director_event(d, event, message, "TANDEM_POOL", pool->name, "TANDEM_WEIGHT", usable,
		"TANDEM_QUORUM", quorum, NULL);
}

static void tell_fallback(struct director *d, size_t view)
{
	const struct views *v = &d->targets.views;
	const char *pool = d->conf->pools[v->items[view].pool].name;
	const char *fallback = d->conf->pools[v->items[v->items[view].fallback].pool].name;
	char message[300];

	(void)snprintf(
		message, sizeof(message), "pool %s serves instead of pool %s", fallback, pool);
	director_event(d, EVENT_FALLBACK_USED, message, "TANDEM_POOL", pool, "TANDEM_FALLBACK",
		fallback, NULL);
}

static void on_news(enum pool_news news, size_t view, void *userdata)
{
	switch (news) {
	case POOL_NEWS_QUORUM_LOST:
		tell(userdata, EVENT_QUORUM_LOST, view, "has lost its quorum");
		break;
	case POOL_NEWS_QUORUM_REGAINED:
		tell(userdata, EVENT_QUORUM_REGAINED, view, "has its quorum again");
		break;
	case POOL_NEWS_FALLBACK_USED:
		tell_fallback(userdata, view);
		break;
	case POOL_NEWS_PANIC:
		tell(userdata, EVENT_PANIC, view, "has too few servers up: all are used");
		break;
	case POOL_NEWS_PANIC_OVER:
		tell(userdata, EVENT_PANIC_OVER, view, "uses only servers that are up again");
		break;
	}
}

static void on_changed(size_t view, void *userdata)
{
	struct director *d = userdata;
	size_t n;
	const size_t *services = lists_of(&d->targets.views.users, view, &n);

	for (size_t i = 0; i < n; i++)
		apply_service(d, services[i]);
}

void shares_tell(struct director *d, const struct told_later *news)
{
	for (size_t i = 0; i < news->n; i++)
		on_news(news->items[i].news, news->items[i].view, d);
}

/* The candidate's shares are not what they would be now. */
static void note_stale(struct director *d)
{
	if (d->candidate)
		d->candidate->stale = true;
}

/* What is left goes on in turns to come. */
static void settle_some(struct director *d, size_t n_servers)
{
	const struct pools_listener listener = {on_news, on_changed, d};
	struct pools_input in = shares_input(d, d->conf, &d->targets);
	bool all;

	note_stale(d);
	all = pools_evaluate_some(&d->pools, &in, clock_now(), &listener, n_servers);
	(void)sd_event_source_set_enabled(d->shares.defer, all ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
	if (!all)
		return;
	track_pools(d);
	(void)sd_event_source_set_time(d->shares.timer, d->pools.next.us);
	(void)sd_event_source_set_enabled(
		d->shares.timer, instant_is_never(d->pools.next) ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

void shares_settle(struct director *d)
{
	settle_some(d, SIZE_MAX);
}

static int on_defer(sd_event_source *source, void *userdata)
{
	(void)source;
	settle_some(userdata, POOLS_AT_ONCE);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	settle_some(userdata, POOLS_AT_ONCE);
	return 0;
}

int shares_init(struct director *d)
{
	struct shares *s = &d->shares;
	int r = sd_event_add_defer(d->loop, &s->defer, on_defer, d);

	if (r >= 0)
		r = sd_event_source_set_enabled(s->defer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &s->timer, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_timer, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void shares_done(struct director *d)
{
	sd_event_source_disable_unref(d->shares.defer);
	sd_event_source_disable_unref(d->shares.timer);
	pools_done(&d->pools);
}

int shares_prepare(const struct director *d, const struct conf *conf, const struct targets *targets,
	struct pools *ret)
{
	struct pools_input in = shares_input(d, conf, targets);
	struct pools_input old = shares_input(d, d->conf, &d->targets);

	return pools_build(&in, &old, d->conf ? &d->pools : NULL, ret);
}

void shares_adopt(struct director *d, const struct ipvs_table *have)
{
	struct pools_input in = shares_input(d, d->conf, &d->targets);

	pools_adopt(&d->pools, &in, have);
}

static void settle_soon(struct director *d)
{
	note_stale(d);
	(void)sd_event_source_set_enabled(d->shares.defer, SD_EVENT_ONESHOT);
}

void shares_touch_target(struct director *d, const struct target *target)
{
	size_t n;
	const size_t *views = targets_users(&d->targets, target, &n);

	for (size_t i = 0; i < n; i++)
		pools_touch(&d->pools, views[i]);
	settle_soon(d);
}

void shares_touch_peer(struct director *d)
{
	if (pools_touch_peer(&d->pools, &d->targets.views))
		settle_soon(d);
}

void shares_touch_server(struct director *d, const char *pool, const char *server)
{
	struct pools_input in = shares_input(d, d->conf, &d->targets);

	pools_touch_server(&d->pools, &in, pool, server);
	settle_soon(d);
}
