/* Interfaces and routes. Interfaces follow what the kernel tells. The kernel removes routes without
 * a word when an interface goes down or an address is removed, and one route may hide another: so
 * routes are listed anew when something happened that may concern them, ten times a second at most.
 */
#include "base/cleanup.h"
#include "conf/alloc.h"
#include "director/watch/watch.h"
#include "io/clock.h"
#include "io/net_monitor.h"

#include <errno.h>
#include <net/if.h>
#include <sys/epoll.h>

#define LIST_INTERVAL_US UINT64_C(100000)

struct link_state {
	int ifindex;
	char name[IF_NAMESIZE];
	bool admin_up, carrier;
	bool seen; /* in the list under way */
};

enum listing { LISTING_NOTHING, LISTING_LINKS, LISTING_IPV4, LISTING_IPV6 };

struct net_watch {
	struct watches *all;
	struct net_monitor *monitor;
	sd_event_source *news, *answers, *again;
	struct link_state *links;
	size_t n_links, size_links;
	enum listing listing;
	bool links_known;
	bool links_stale, routes_stale;
	struct instant listed; /* when the last list was begun */
};

/* A watched route. */
struct route {
	bool found; /* in the list under way */
};

/* --- What is known --- */

static struct link_state *find_link(const struct net_watch *n, int ifindex)
{
	for (size_t i = 0; i < n->n_links; i++)
		if (n->links[i].ifindex == ifindex)
			return &n->links[i];
	return NULL;
}

static const char *judge_link(const struct net_watch *n, const char *name, bool *ret_up)
{
	*ret_up = false;
	for (size_t i = 0; i < n->n_links; i++) {
		const struct link_state *l = &n->links[i];
		if (strcmp(l->name, name) != 0)
			continue;
		*ret_up = l->admin_up && l->carrier;
		return !l->admin_up ? "is set down" : !l->carrier ? "has no carrier" : "is up";
	}
	return "does not exist";
}

static void judge_watch(const struct net_watch *n, struct watch *w)
{
	bool up;
	const char *reason = judge_link(n, w->conf->interface, &up);

	if (n->links_known && strcmp(reason, w->reason) != 0)
		watch_state(w, up, reason);
}

static void judge_links(const struct net_watch *n)
{
	for (size_t i = 0; i < n->all->n; i++)
		if (n->all->items[i]->kind == &watch_interface)
			judge_watch(n, n->all->items[i]);
}

static bool is_route(const struct watch *w, const struct addr_prefix *to, uint32_t table)
{
	return w->kind == &watch_route && w->conf->table == table &&
	       w->conf->route.prefix_len == to->prefix_len &&
	       addr_equal(&w->conf->route.addr, &to->addr);
}

static bool has_routes(const struct net_watch *n)
{
	for (size_t i = 0; i < n->all->n; i++)
		if (n->all->items[i]->kind == &watch_route)
			return true;
	return false;
}

static void judge_routes(const struct net_watch *n)
{
	for (size_t i = 0; i < n->all->n; i++) {
		struct watch *w = n->all->items[i];
		const struct route *r = w->own;
		const char *reason;

		if (w->kind != &watch_route)
			continue;
		reason = r->found ? "is there" : "is missing";
		if (strcmp(reason, w->reason) != 0)
			watch_state(w, r->found, reason);
	}
}

/* --- Lists --- */

static void plan_list(struct net_watch *n);

static void begin_list(struct net_watch *n)
{
	int r;

	n->listed = clock_now();
	if (n->links_stale) {
		n->links_stale = false;
		n->listing = LISTING_LINKS;
		for (size_t i = 0; i < n->n_links; i++)
			n->links[i].seen = false;
		r = net_monitor_ask_links(n->monitor);
	} else {
		n->routes_stale = false;
		n->listing = LISTING_IPV4;
		for (size_t i = 0; i < n->all->n; i++)
			if (n->all->items[i]->kind == &watch_route)
				((struct route *)n->all->items[i]->own)->found = false;
		r = net_monitor_ask_routes(n->monitor, AF_INET);
	}
	if (r < 0) {
		n->listing = LISTING_NOTHING;
		n->links_stale = true;
		plan_list(n);
	}
}

/* What is stale is listed, now or when it may be. */
static void plan_list(struct net_watch *n)
{
	bool routes = n->routes_stale && has_routes(n);

	if (n->listing != LISTING_NOTHING || (!n->links_stale && !routes))
		return;
	(void)sd_event_source_set_time(n->again, instant_add(n->listed, LIST_INTERVAL_US).us);
	(void)sd_event_source_set_enabled(n->again, SD_EVENT_ONESHOT);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct net_watch *n = userdata;

	(void)source;
	(void)usec;
	if (n->listing == LISTING_NOTHING)
		begin_list(n);
	return 0;
}

static void sweep_links(struct net_watch *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n_links; i++)
		if (n->links[i].seen)
			n->links[kept++] = n->links[i];
	n->n_links = kept;
	n->links_known = true;
	judge_links(n);
}

static void on_told(bool whole, void *userdata)
{
	struct net_watch *n = userdata;
	enum listing was = n->listing;

	n->listing = LISTING_NOTHING;
	if (was == LISTING_LINKS) {
		sweep_links(n);
		n->links_stale = n->links_stale || !whole;
	} else if (was == LISTING_IPV4) {
		n->routes_stale = n->routes_stale || !whole;
		if (net_monitor_ask_routes(n->monitor, AF_INET6) == 0) {
			n->listing = LISTING_IPV6;
			return;
		}
		n->routes_stale = true;
	} else if (was == LISTING_IPV6) {
		n->routes_stale = n->routes_stale || !whole;
		if (!n->routes_stale) /* else what was found is not all there is */
			judge_routes(n);
	}
	plan_list(n);
}

/* --- News --- */

static void stir(struct net_watch *n)
{
	n->routes_stale = true;
	plan_list(n);
}

static void on_link(int ifindex, const char *name, bool admin_up, bool carrier, void *userdata)
{
	struct net_watch *n = userdata;
	struct link_state *l = find_link(n, ifindex);

	if (!l) {
		n->links = conf_grow(n->links, n->n_links, &n->size_links, sizeof(*n->links));
		l = &n->links[n->n_links++];
		*l = (struct link_state){0};
	}
	if (l->admin_up != admin_up || l->carrier != carrier)
		stir(n);
	*l = (struct link_state){
		.ifindex = ifindex, .admin_up = admin_up, .carrier = carrier, .seen = true};
	(void)snprintf(l->name, sizeof(l->name), "%s", name);
}

static void on_link_gone(int ifindex, void *userdata)
{
	struct net_watch *n = userdata;
	struct link_state *l = find_link(n, ifindex);

	if (l)
		*l = n->links[--n->n_links];
	stir(n);
}

static void on_route(const struct addr_prefix *to, uint32_t table, bool change, void *userdata)
{
	struct net_watch *n = userdata;

	for (size_t i = 0; i < n->all->n; i++) {
		const struct watch *w = n->all->items[i];
		if (!is_route(w, to, table))
			continue;
		if (change)
			stir(n);
		else
			((struct route *)w->own)->found = true;
	}
}

static void on_address_gone(void *userdata)
{
	stir(userdata);
}

static const struct net_monitor_handler handler = {
	on_link, on_link_gone, on_route, on_address_gone, on_told};

static int on_news(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct net_watch *n = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	if (net_monitor_read(n->monitor) < 0) { /* something was lost: learn it all anew */
		n->links_stale = true;
		stir(n);
	}
	judge_links(n);
	return 0;
}

static int on_answer(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct net_watch *n = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	if (net_monitor_read_answer(n->monitor) < 0) {
		n->listing = LISTING_NOTHING;
		n->links_stale = n->routes_stale = true;
		plan_list(n);
	}
	return 0;
}

/* --- Beginning and end --- */

static int set_up(struct net_watch *n, sd_event *loop)
{
	int r = net_monitor_open(&handler, n, &n->monitor);

	if (r >= 0)
		r = sd_event_add_io(
			loop, &n->news, net_monitor_fd(n->monitor), EPOLLIN, on_news, n);
	if (r >= 0)
		r = sd_event_add_io(loop, &n->answers, net_monitor_answer_fd(n->monitor), EPOLLIN,
			on_answer, n);
	if (r >= 0)
		r = sd_event_add_time(
			loop, &n->again, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_again, n);
	if (r >= 0)
		r = sd_event_source_set_enabled(n->again, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void net_watch_free(struct net_watch *n)
{
	if (!n)
		return;
	sd_event_source_disable_unref(n->news);
	sd_event_source_disable_unref(n->answers);
	sd_event_source_disable_unref(n->again);
	net_monitor_close(n->monitor);
	free(n->links);
	free(n);
}

/* The first that needs it makes it. */
static int need(struct watches *all)
{
	struct net_watch *n;
	int r;

	if (all->net)
		return 0;
	n = conf_alloc(1, sizeof(*n));
	n->all = all;
	r = set_up(n, all->loop);
	if (r < 0) {
		net_watch_free(n);
		return r;
	}
	n->links_stale = n->routes_stale = true;
	all->net = n;
	return 0;
}

static int start_interface(struct watch *w)
{
	int r = need(w->all);

	if (r < 0)
		return r;
	judge_watch(
		w->all->net, w); /* not the others: they may be of a configuration that is gone */
	plan_list(w->all->net);
	return 0;
}

static void stop_interface(struct watch *w)
{
	(void)w;
}

static int start_route(struct watch *w)
{
	int r = need(w->all);

	w->own = conf_alloc(1, sizeof(struct route));
	if (r < 0)
		return r;
	stir(w->all->net);
	return 0;
}

static void stop_route(struct watch *w)
{
	free(w->own);
}

const struct watch_kind watch_interface = {start_interface, stop_interface};
const struct watch_kind watch_route = {start_route, stop_route};
