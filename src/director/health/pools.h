/* The pools at work: each view's shares, kept from one evaluation to the next, and what of it is
 * news. */
#pragma once

#include "conf/conf.h"
#include "core/pool.h"
#include "director/health/targets.h"
#include "director/pair/overrides.h"

#include <stdbool.h>
#include <stddef.h>

/* The servers of a fallback that is not needed any more keep weight 0 for so long, so that requests
 * under way are answered. */
#define POOLS_LEAVING_US UINT64_C(60000000)

/* Two directors do not find out about a death at the same moment: a server counts as down here only
 * when they have disagreed for as long as each of its checks takes to decide, and this. */
#define POOLS_AGREE_US UINT64_C(1000000)

/* Servers whose pools are evaluated in a turn of the loop: 2 ms. */
#define POOLS_AT_ONCE 8192

struct pool_view {
	struct pool_state state;
	bool touched;          /* evaluate it at the next occasion */
	bool uses_fallback;    /* the fallback's servers serve instead */
	struct instant until;  /* how long the fallback's servers stay after that */
	bool has_down;         /* a check of this director failed: what the peer says matters */
	size_t n_down_here;    /* servers down here only, and not for lack of time to agree */
	struct instant agreed; /* when there are more of them by time alone */
};

/* A server that this director sees down and the other up. */
struct pool_dissent {
	struct instant since; /* {0}: they agree */
	bool returned;        /* it was out of use until the peer's word counted */
};

struct pools {
	struct pool_view *views;       /* by view of the targets */
	struct pool_share *shares;     /* by place: without regard to fallbacks */
	struct pool_dissent *dissents; /* by place */
	struct instant next;           /* when something changes by time alone */
};

enum pool_news {
	POOL_NEWS_QUORUM_LOST,
	POOL_NEWS_QUORUM_REGAINED,
	POOL_NEWS_FALLBACK_USED,
	POOL_NEWS_PANIC,
	POOL_NEWS_PANIC_OVER,
};

/* What an evaluation reads. */
struct pools_input {
	const struct conf *conf;
	const struct targets *targets;
	const struct overrides *overrides;
	/* What the other director says of a server of a view of `targets`; NULL: there is none. */
	enum health_state (*peer_says)(
		const void *peer, const struct targets *targets, size_t view, size_t server);
	const void *peer;
};

struct pools_listener {
	void (*news)(enum pool_news news, size_t view, void *userdata); /* never of a fallback */
	void (*changed)(size_t view, void *userdata); /* what its services need is different now */
	void *userdata;
};

/* For the targets of `in`; views that stay go on from where they are in `old` (NULL: none), whose
 * input was `old_in`. All are touched. Returns 0 or -ENOMEM. */
int pools_build(const struct pools_input *in, const struct pools_input *old_in,
	const struct pools *old, struct pools *ret);
void pools_done(struct pools *p);

/* After a start: where the kernel's table shows that a fallback served, it goes on until the quorum
 * is there, instead of leaving its services without a server meanwhile. */
void pools_adopt(struct pools *p, const struct pools_input *in, const struct ipvs_table *have);

void pools_touch(struct pools *p, size_t view);
/* Those where the peer's word matters, when it is another one. Returns whether there are any. */
bool pools_touch_peer(struct pools *p, const struct views *views);
/* The views that have this server. */
void pools_touch_server(
	struct pools *p, const struct pools_input *in, const char *pool, const char *server);

/* Evaluates what was touched and what is due. */
void pools_evaluate(struct pools *p, const struct pools_input *in, struct instant now,
	const struct pools_listener *listener);
/* The same, up to the view that makes it `max` servers or more. Returns whether that was all: else
 * p->next stands for nothing until the rest is evaluated. */
bool pools_evaluate_some(struct pools *p, const struct pools_input *in, struct instant now,
	const struct pools_listener *listener, size_t max);

/* The share of a server of a view's own pool. */
struct pool_share pools_share(
	const struct pools *p, const struct targets *t, size_t view, size_t server);
/* The share of a server of a view's fallback pool, where pools_has_fallback(). */
struct pool_share pools_fallback_share(
	const struct pools *p, const struct targets *t, size_t view, size_t server);
/* Whether the servers of the fallback pool serve instead of a view's own. */
bool pools_uses_fallback(const struct pools *p, size_t view);
/* Whether the services have servers of the fallback pool, serving or leaving. */
bool pools_has_fallback(const struct pools *p, size_t view);
