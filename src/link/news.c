/* Facts are told when they differ from what was told last. */
#include "link/news.h"

#include "base/instant.h"
#include "io/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_INTERVAL_US 1000000

struct news {
	const struct news_world *world;
	sd_event_source *tell;
	char reason[NEWS_REASON_MAX];
	struct {
		bool said, alive, stream;
		char reason[NEWS_REASON_MAX];
		struct instant at;
	} told;
	bool state_untold;
};

void news_reason(struct news *n, const char *reason)
{
	(void)snprintf(n->reason, sizeof(n->reason), "%s", reason);
}

const char *news_last_reason(const struct news *n)
{
	return n->reason;
}

/* Another reason alone may be some stranger's doing: not more than one a second. */
static bool is_news(const struct news *n, const struct news_facts *facts)
{
	if (!n->told.said || n->told.alive != facts->alive || n->told.stream != facts->stream ||
		n->state_untold)
		return true;
	return strcmp(n->told.reason, n->reason) != 0 &&
	       instant_reached(instant_add(n->told.at, REASON_INTERVAL_US), clock_now());
}

static int on_tell(sd_event_source *source, void *userdata)
{
	struct news *n = userdata;
	struct news_facts facts;

	(void)source;
	n->world->look(&facts, n->world->userdata);
	if (!facts.wanted || !is_news(n, &facts))
		return 0;
	n->told.said = true;
	n->told.at = clock_now();
	memcpy(n->told.reason, n->reason, sizeof(n->told.reason));
	n->told.alive = facts.alive;
	n->told.stream = facts.stream;
	n->state_untold = false;
	helper_send(n->world->helper, "Peer",
		json_pack("{s:b, s:b, s:O?, s:s}", "alive", facts.alive, "stream", facts.stream,
			"state", facts.state, "reason",
			facts.alive && facts.stream ? "" : n->reason));
	return 0;
}

void news_changed(struct news *n)
{
	(void)sd_event_source_set_enabled(n->tell, SD_EVENT_ONESHOT);
}

void news_state_changed(struct news *n)
{
	n->state_untold = true;
	news_changed(n);
}

void news_forget(struct news *n)
{
	n->told.said = false;
}

int news_new(const struct news_world *world, struct news **ret)
{
	struct news *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->world = world;
	r = sd_event_add_defer(helper_loop(world->helper), &n->tell, on_tell, n);
	if (r >= 0)
		r = sd_event_source_set_enabled(n->tell, SD_EVENT_OFF);
	if (r < 0) {
		news_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

void news_free(struct news *n)
{
	if (!n)
		return;
	sd_event_source_disable_unref(n->tell);
	free(n);
}
