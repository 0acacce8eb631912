/* A flood of claims makes nothing late: they are read after everything else, and not often. */
#include "elector/claims.h"

#include "base/cleanup.h"
#include "io/claim_sock.h"
#include "io/clock.h"

#include <errno.h>
#include <stdlib.h>

#define INTERVAL_US 1000000 /* claims only tell of themselves */
#define WAKE_UPS 20

static void on_claim(int ifindex, const struct claim *claim, void *userdata)
{
	struct claims *c = userdata;

	elector_claimed(c->elector, ifindex, claim, clock_now());
}

static int on_arp(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)events;
	claim_sock_read_arp(fd, on_claim, userdata);
	return 0;
}

static int on_na(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)events;
	claim_sock_read_na(fd, on_claim, userdata);
	return 0;
}

void claims_init(struct claims *c, struct elector *elector)
{
	*c = (struct claims){.elector = elector, .fds = {-1, -1}};
}

static int add_source(struct claims *c, sd_event *loop, unsigned voice,
	sd_event_io_handler_t handler, int64_t priority)
{
	sd_event_source **source = &c->sources[voice];
	int r = sd_event_add_io(loop, source, c->fds[voice], EPOLLIN, handler, c);

	if (r >= 0)
		r = sd_event_source_set_priority(*source, priority);
	return r < 0 ? r : sd_event_source_set_ratelimit(*source, INTERVAL_US, WAKE_UPS);
}

int claims_open(struct claims *c, sd_event *loop, int64_t priority)
{
	int r = c->fds[VOICE_IPV4] = claim_sock_arp();
	int r6 = c->fds[VOICE_IPV6] = claim_sock_na();

	if (r >= 0)
		r = add_source(c, loop, VOICE_IPV4, on_arp, priority);
	if (r6 >= 0)
		r6 = add_source(c, loop, VOICE_IPV6, on_na, priority);
	if (r6 == -EAFNOSUPPORT)
		r6 = 0; /* a kernel without IPv6 */
	if (r < 0)
		return r;
	return r6 < 0 ? r6 : 0;
}

/* Those that we may have, whether we do or not: a change of state changes no filter. */
int claims_watch(const struct claims *c)
{
	const struct elector *e = c->elector;
	size_t n = 0, at = 0;
	struct addr *addrs;
	int r;

	if (c->fds[VOICE_IPV4] < 0)
		return 0;
	for (size_t i = 0; i < e->n_routers; i++)
		n += e->routers[i]->config.n_moved;
	addrs = calloc(n + 1, sizeof(*addrs));
	if (!addrs)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_routers; i++) {
		const struct router_config *config = &e->routers[i]->config;

		for (size_t k = 0; k < config->n_moved; k++)
			if (config->moved[k].kind == MOVED_ADDRESS)
				addrs[at++] = config->moved[k].address.prefix.addr;
	}
	r = claim_sock_watch(c->fds[VOICE_IPV4], addrs, at);
	free(addrs);
	return r;
}

void claims_close(struct claims *c)
{
	for (unsigned i = 0; i < VOICES; i++) {
		c->sources[i] = sd_event_source_disable_unref(c->sources[i]);
		cleanup_close(&c->fds[i]);
		c->fds[i] = -1;
	}
}
