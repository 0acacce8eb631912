/* The elector's operations, made of sd-event and src/io. Event priorities say what comes first when
 * several things happened at once: adverts before the deadline they may move, news from the kernel
 * next, then the deadline, and the director last. */
#include "elector/daemon.h"

#include "base/cleanup.h"
#include "elector/claims.h"
#include "elector/elector.h"
#include "elector/leftovers.h"
#include "elector/message.h"
#include "elector/realtime.h"
#include "io/arp.h"
#include "io/clock.h"
#include "io/helper.h"
#include "io/ndisc.h"
#include "io/peer_memory.h"
#include "io/rtnl.h"
#include "io/sysctl.h"
#include "io/vrrp_sock.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
	PRIORITY_ADVERT = SD_EVENT_PRIORITY_NORMAL - 30,
	PRIORITY_KERNEL = SD_EVENT_PRIORITY_NORMAL - 20,
	PRIORITY_DEADLINE = SD_EVENT_PRIORITY_NORMAL - 10,
	PRIORITY_CLAIM = SD_EVENT_PRIORITY_NORMAL + 10,
};

#define PEER_FD 4 /* inherited; there may be none */
#define DEADLINE_ACCURACY_US 1
#define LOCK_RETRY_US 5000
#define MEMORY_IDLE_MAX (512 * 1024) /* bytes not in use that may stay */

/* A flood of datagrams gets a share of the time, the deadline and the director the rest. */
#define FLOOD_INTERVAL_US 10000
#define FLOOD_WAKE_UPS 50

struct daemon;

/* The event source of one port's socket of one family. */
struct listener {
	struct daemon *daemon;
	struct port *port;
	uint16_t family;
	int fd; /* the port's */
	sd_event_source *source;
	struct listener *next;
};

struct daemon {
	const char *runtime_dir;
	struct helper *helper;
	struct rtnl *rtnl;
	int arp_fd;
	int ndisc_fd;
	struct claims claims;
	sd_event_source *news; /* rtnetlink */
	sd_event_source *deadline;
	sd_event_source *idle;
	sd_event_source *lock; /* while a predecessor holds the state file */
	struct listener *listeners;
	struct vrrp_inbox inbox;
	struct state_file state;
	struct elector elector;
	const struct peer_page *peer; /* NULL: the director gave none */
	bool asks_peer;               /* ... and what is in it counts */
	json_t *pending;              /* a Configure that waits for the state file */
};

/* Operations */

static void read_adverts(struct listener *l)
{
	struct daemon *d = l->daemon;
	int n = vrrp_sock_receive(l->fd, &d->inbox);

	if (n > 0) /* -ENETDOWN and the like: the kernel tells about the link too */
		elector_hear(&d->elector, l->port, d->inbox.datagrams, (size_t)n, clock_now());
}

static int on_datagram(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	read_adverts(userdata);
	return 0;
}

static void free_listener(struct listener *l)
{
	sd_event_source_disable_unref(l->source);
	free(l);
}

static int listen_on(struct daemon *d, struct port *port, uint16_t family, int fd)
{
	struct listener *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->daemon = d;
	l->port = port;
	l->family = family;
	l->fd = fd;
	r = sd_event_add_io(helper_loop(d->helper), &l->source, fd, EPOLLIN, on_datagram, l);
	if (r >= 0)
		r = sd_event_source_set_priority(l->source, PRIORITY_ADVERT);
	if (r >= 0)
		r = sd_event_source_set_ratelimit(l->source, FLOOD_INTERVAL_US, FLOOD_WAKE_UPS);
	if (r < 0) {
		free_listener(l);
		return r;
	}
	l->next = d->listeners;
	d->listeners = l;
	return 0;
}

static int open_port(void *io, struct port *port, uint16_t family)
{
	auto_close int fd = vrrp_sock_open(family, port->interface, port->ifindex);
	int r;

	if (fd < 0)
		return fd;
	r = port->made ? vrrp_sock_hear_only(fd, port->mac) : 0;
	if (r < 0)
		return r;
	r = listen_on(io, port, family, fd);
	if (r < 0)
		return r;
	port_voice(port, family)->fd = take_fd(&fd);
	return 0;
}

static void close_port(void *io, struct port *port, uint16_t family)
{
	struct daemon *d = io;

	for (struct listener **l = &d->listeners; *l; l = &(*l)->next) {
		if ((*l)->port == port && (*l)->family == family) {
			struct listener *found = *l;
			*l = found->next;
			free_listener(found);
			break;
		}
	}
	cleanup_close(&port_voice(port, family)->fd);
	port_voice(port, family)->fd = -1;
}

static int send_packet(void *io, const struct port *port, const struct addr *source,
	const struct addr *destination, const uint8_t *packet, size_t len)
{
	const struct voice *v = &port->voices[source->family == AF_INET6 ? VOICE_IPV6 : VOICE_IPV4];

	(void)io;
	return vrrp_sock_send(v->fd, port->ifindex, source, destination, packet, len);
}

static int add(void *io, int ifindex, const struct moved *items, size_t n, size_t *ret_changed)
{
	struct daemon *d = io;

	return rtnl_change(d->rtnl, RTNL_ADD, ifindex, items, n, ret_changed);
}

static int take(void *io, int ifindex, const struct moved *items, size_t n, size_t *ret_changed)
{
	struct daemon *d = io;
	int r = rtnl_change(d->rtnl, RTNL_REMOVE, ifindex, items, n, ret_changed);

	return r == -ENODEV ? 0 : r; /* they went with the interface */
}

static size_t run_of_one_family(const struct moved *items, size_t n)
{
	size_t i = 1;

	while (i < n && items[i].address.prefix.addr.family == items->address.prefix.addr.family)
		i++;
	return i;
}

/* A full queue costs one round: the next says the same. */
static void announce(
	void *io, const struct port *port, unsigned arp_forms, const struct moved *items, size_t n)
{
	struct daemon *d = io;

	for (size_t i = 0, run; i < n; i += run) {
		run = run_of_one_family(items + i, n - i);
		if (items[i].address.prefix.addr.family == AF_INET)
			(void)arp_announce(
				d->arp_fd, port->ifindex, port->mac, arp_forms, items + i, run);
		else
			(void)ndisc_announce(d->ndisc_fd, port->ifindex, port->mac,
				ndisc_is_router(port->interface), items + i, run);
	}
}

static int tidy(void *io, struct state_router *record, size_t *ret_removed)
{
	struct daemon *d = io;

	return leftovers_tidy(&d->state, record, ret_removed);
}

static int tidy_device(void *io, struct state_router *record)
{
	(void)io;
	return leftovers_remove_device(record);
}

/* Its filter is never stricter than none is elsewhere: the way to a client is the parent's. */
static uint32_t filter_of_devices(void)
{
	char all[16] = "0";

	(void)sysctl_read("net/ipv4/conf/all/rp_filter", all, sizeof(all));
	return strcmp(all, "0") == 0 ? 0 : 2;
}

static int make_device(
	void *io, const struct port *port, int parent, const uint8_t mac[static PORT_MAC_LEN])
{
	struct daemon *d = io;
	char name[80];
	int r = rtnl_add_macvlan(d->rtnl, port->interface, parent, mac, filter_of_devices());

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "net/ipv6/conf/%s/accept_ra", port->interface);
	r = sysctl_write(name, "0"); /* no address or route of its own from anywhere */
	return r == -ENOENT ? 0 : r; /* without IPv6 there are none */
}

/* To bring a device down, or to remove it, takes the kernel some 20 ms, in which an advert of
 * another router would be late: the director does it. */
static void ask_director(struct daemon *d, const struct port *port, const char *wish)
{
	helper_send(d->helper, "Device",
		json_pack("{s:s, s:i, s:s}", "name", port->interface, "ifindex", port->ifindex,
			"wish", wish));
}

static int set_up_device(void *io, const struct port *port, bool up)
{
	struct daemon *d = io;

	ask_director(d, port, up ? "up" : "down");
	return up ? rtnl_set_up(d->rtnl, port->ifindex, true) : 0;
}

static int remove_device(void *io, int ifindex)
{
	struct daemon *d = io;

	return rtnl_remove_link(d->rtnl, ifindex);
}

static void give_up_device(void *io, const struct port *port)
{
	ask_director(io, port, "gone");
}

static int dump(void *io)
{
	struct daemon *d = io;

	return rtnl_dump(d->rtnl);
}

static bool ask_peer(void *io, const char *name, struct peer_news *ret)
{
	struct daemon *d = io;

	return d->peer && d->asks_peer && peer_page_read(d->peer, peer_page_hash(name), ret);
}

static uint64_t wall_us(void *io)
{
	struct timespec t;

	(void)io;
	(void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail with this clock */
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void arm(void *io, struct instant deadline)
{
	struct daemon *d = io;

	if (instant_is_never(deadline)) {
		(void)sd_event_source_set_enabled(d->deadline, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(d->deadline, deadline.us);
	(void)sd_event_source_set_enabled(d->deadline, SD_EVENT_ONESHOT);
}

static enum event event_of(const struct vrrp *v)
{
	if (v->reason == VRRP_REASON_ADOPTED)
		return EVENT_ROUTER_ADOPTED;
	if (v->reason == VRRP_REASON_LATE)
		return EVENT_ROUTER_LATE;
	return v->state == VRRP_ACTIVE   ? EVENT_ROUTER_ACTIVE
	       : v->state == VRRP_BACKUP ? EVENT_ROUTER_BACKUP
					 : EVENT_ROUTER_INITIALIZE;
}

static void transition(void *io, const struct router *router, enum vrrp_state old_state)
{
	struct daemon *d = io;
	const struct vrrp *v = &router->vrrp;
	char text[200], vrid[4], peer[ADDR_TEXT_MAX] = "", peer_priority[4] = "",
				 silence_us[24] = "", score[TRACK_SCORE_TEXT_MAX];

	if (v->peer.family)
		(void)addr_format(&v->peer, peer);
	if (v->heard.us)
		(void)snprintf(peer_priority, sizeof(peer_priority), "%u", v->peer_priority);
	if (v->heard.us && v->state == VRRP_ACTIVE)
		(void)snprintf(silence_us, sizeof(silence_us), "%" PRIu64,
			instant_between_us(v->heard, v->since));
	(void)snprintf(vrid, sizeof(vrid), "%u", router->config.vrid);
	(void)snprintf(text, sizeof(text), "%s on %s: %s to %s, because of %s", router->config.name,
		router->config.interface, vrrp_state_name(old_state), vrrp_state_name(v->state),
		message_reason(router));
	helper_send(d->helper, "Router", message_router(router));
	helper_event(d->helper, event_of(v), text, "TANDEM_INSTANCE", router->config.name,
		"TANDEM_VRID", vrid, "TANDEM_STATE_OLD", vrrp_state_name(old_state),
		"TANDEM_STATE_NEW", vrrp_state_name(v->state), "TANDEM_REASON",
		message_reason(router), "TANDEM_PEER", peer, "TANDEM_PEER_PRIORITY", peer_priority,
		"TANDEM_SCORE",
		track_score_text(router->config.priority, router->config.causes.list,
			router->config.causes.n, score),
		"TANDEM_SILENCE_US", silence_us, "TANDEM_GROUP", router->config.group, "INTERFACE",
		router->config.interface, NULL);
}

static void prepare(void *io, const struct router *router)
{
	struct daemon *d = io;
	json_t *json = message_router(router);

	(void)json_object_set_new(
		json, "reason", json_string(vrrp_reason_name(router->vrrp.vacant)));
	(void)json_object_set_new(json, "number", json_integer(router->prepares));
	helper_send(d->helper, "Prepare", json);
}

static void changed(void *io, const struct router *router)
{
	struct daemon *d = io;

	helper_send(d->helper, "Router", message_router(router));
}

static void event(void *io, enum event what, const struct router *router, const char *message)
{
	struct daemon *d = io;

	if (router)
		helper_event(d->helper, what, message, "TANDEM_INSTANCE", router->config.name,
			"INTERFACE", router->config.interface, NULL);
	else
		helper_event(d->helper, what, message, NULL);
}

static const struct elector_ops operations = {
	.open_port = open_port,
	.close_port = close_port,
	.send = send_packet,
	.add = add,
	.remove = take,
	.announce = announce,
	.tidy = tidy,
	.tidy_device = tidy_device,
	.make_device = make_device,
	.set_up = set_up_device,
	.remove_device = remove_device,
	.give_up_device = give_up_device,
	.dump = dump,
	.ask_peer = ask_peer,
	.wall_us = wall_us,
	.arm = arm,
	.transition = transition,
	.prepare = prepare,
	.changed = changed,
	.event = event,
};

/* What happens */

static void on_link(const struct rtnl_link *link, void *userdata)
{
	struct daemon *d = userdata;

	elector_link(&d->elector, link->ifindex, link->name, link->up, link->mac);
	elector_link_mtu(&d->elector, link->ifindex, link->mtu);
}

static void on_link_gone(int ifindex, void *userdata)
{
	struct daemon *d = userdata;

	elector_link_gone(&d->elector, ifindex);
}

static void on_addr(int ifindex, const struct addr_prefix *addr, bool present, void *userdata)
{
	struct daemon *d = userdata;

	elector_addr(&d->elector, ifindex, addr, present);
}

static void on_route_gone(const struct moved *what, void *userdata)
{
	struct daemon *d = userdata;

	elector_route_gone(&d->elector, what);
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct daemon *d = userdata;

	(void)source;
	(void)fd;
	(void)events;
	if (rtnl_read(d->rtnl) < 0)
		elector_news_lost(&d->elector, clock_now());
	else
		elector_settle(&d->elector, clock_now());
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct daemon *d = userdata;

	(void)source;
	(void)usec;
	elector_timer(&d->elector, clock_now());
	return 0;
}

/* The channel hands over every message that it has, and a reload takes its time: what came first,
 * and what is due, goes between two of them. */
static void catch_up(struct daemon *d)
{
	for (struct listener *l = d->listeners; l; l = l->next)
		read_adverts(l);
	elector_timer(&d->elector, clock_now());
}

static void complain_about_router(const struct router *r, json_t *errors)
{
	char text[200];

	if (!r->home->ifindex) {
		(void)snprintf(text, sizeof(text),
			"interface %s does not exist: virtual router %s waits for it",
			r->home->interface, r->config.name);
		(void)json_array_append_new(errors, json_string(text));
	}
	for (size_t place = 0; place < MOVED_PLACES_MAX; place++) {
		const struct port *port = r->sites[place].port;
		if (!port || port == r->home || port->ifindex || port->made)
			continue;
		(void)snprintf(text, sizeof(text),
			"interface %s does not exist: what %s has there waits for it",
			port->interface, r->config.name);
		(void)json_array_append_new(errors, json_string(text));
	}
}

/* A message about a thousand routers takes some megabytes while it is read or written. They go back
 * to the system when there is nothing else to do. */
static int on_idle(sd_event_source *source, void *userdata)
{
	(void)source;
	(void)userdata;
	if (mallinfo2().fordblks > MEMORY_IDLE_MAX)
		(void)malloc_trim(0);
	return 0;
}

static void tidy_memory_later(struct daemon *d)
{
	if (d->idle)
		(void)sd_event_source_set_enabled(d->idle, SD_EVENT_ONESHOT);
}

/* A director that has been ready is so for a restarted elector too. */
static void hold(struct elector *e, const json_t *parameters)
{
	uint64_t timeout_us;
	bool ready;

	message_read_ready(parameters, &ready, &timeout_us);
	if (ready)
		elector_ready(e, clock_now());
	else
		elector_hold(e, timeout_us, clock_now());
}

static void configure_now(struct daemon *d, const json_t *parameters, json_t *errors)
{
	struct router_config *wanted;
	size_t n;
	int r = message_read_configure(parameters, errors, &wanted, &n);

	if (r < 0 && r != -ENOMEM)
		return;
	d->asks_peer = !json_is_false(json_object_get(parameters, "second_opinion"));
	if (r == 0) {
		hold(&d->elector, parameters);
		elector_maintain(&d->elector, message_read_maintenance(parameters), clock_now());
		r = elector_configure(&d->elector, wanted, n, clock_now());
		message_free_configs(wanted, n);
	}
	if (r < 0) {
		(void)json_array_append_new(errors, json_string(strerror(-r)));
		return;
	}
	if (claims_watch(&d->claims) < 0)
		(void)json_array_append_new(
			errors, json_string("addresses that another host claims cannot be heard"));
	for (size_t i = 0; i < d->elector.n_routers; i++)
		complain_about_router(d->elector.routers[i], errors);
	for (size_t i = 0; i < d->elector.n_routers; i++) {
		const struct router *router = d->elector.routers[i];
		helper_send(d->helper, "Router", message_router(router));
	}
}

static bool configure(struct helper *h, const json_t *parameters, json_t *errors, void *userdata)
{
	struct daemon *d = userdata;

	tidy_memory_later(d);
	(void)h;
	if (d->state.data) {
		catch_up(d);
		configure_now(d, parameters, errors);
		return true;
	}
	json_decref(d->pending);
	d->pending = json_deep_copy(parameters);
	return true;
}

/* Causes for a Configure that waits. */
static void amend(json_t *configure_parameters, const char *name, json_t *causes)
{
	json_t *router;
	size_t i;

	json_array_foreach (json_object_get(configure_parameters, "routers"), i, router) {
		const char *its = json_string_value(json_object_get(router, "name"));
		if (its && strcmp(its, name) == 0)
			(void)json_object_set(router, "causes", causes);
	}
}

static void on_causes(struct daemon *d, const json_t *parameters)
{
	struct causes causes;
	const char *name;

	if (!message_read_causes(parameters, &name, &causes))
		return;
	if (!d->state.data) {
		amend(d->pending, name, json_object_get(parameters, "causes"));
		causes_done(&causes);
		return;
	}
	if (elector_causes(&d->elector, name, &causes, clock_now()) < 0)
		helper_event(d->helper, EVENT_ERROR, "no memory for what is tracked",
			"TANDEM_INSTANCE", name, NULL);
	causes_done(&causes);
}

static void report(struct helper *h, json_t *report_object, void *userdata)
{
	struct daemon *d = userdata;

	(void)h;
	tidy_memory_later(d);
	(void)json_object_set_new(
		report_object, "routers", message_report(&d->elector, clock_now()));
}

static void on_prepared(struct daemon *d, const json_t *parameters)
{
	const char *name = json_string_value(json_object_get(parameters, "name"));
	json_int_t number = json_integer_value(json_object_get(parameters, "number"));

	if (name)
		elector_prepared(&d->elector, name, (uint32_t)number, clock_now());
}

/* The file of the state was removed, and the director has made its directory again. */
static void renew_state(struct daemon *d)
{
	int r = state_file_renew(&d->state, d->runtime_dir);
	char text[PATH_MAX + 200];

	if (r >= 0)
		return;
	(void)snprintf(text, sizeof(text),
		"%s/elector.state cannot be made again: a restarted elector will not know what it "
		"had",
		d->runtime_dir);
	helper_event(d->helper, EVENT_ERROR, text, "ERRNO", strerror(-r), NULL);
}

/* What an operator asks for. One that comes before the state file is ours is not for us yet. */
static void take_message(
	struct helper *h, const char *method, const json_t *parameters, void *userdata)
{
	struct daemon *d = userdata;

	(void)h;
	if (strcmp(method, "Causes") == 0)
		on_causes(d, parameters);
	if (!d->state.data) {
		if (strcmp(method, "Ready") == 0)
			(void)json_object_set_new(d->pending, "ready", json_true());
		return;
	}
	catch_up(d);
	if (strcmp(method, "Switchover") == 0)
		elector_switchover(&d->elector,
			json_string_value(json_object_get(parameters, "name")),
			json_is_true(json_object_get(parameters, "insist")), clock_now());
	else if (strcmp(method, "Prepared") == 0)
		on_prepared(d, parameters);
	else if (strcmp(method, "Ready") == 0)
		elector_ready(&d->elector, clock_now());
	else if (strcmp(method, "Maintenance") == 0)
		elector_maintain(&d->elector, message_read_maintenance(parameters), clock_now());
	else if (strcmp(method, "Record") == 0)
		renew_state(d);
}

static void leave(struct helper *h, enum helper_leave why, void *userdata)
{
	struct daemon *d = userdata;

	(void)h;
	if (why == HELPER_LEAVE_RESTART && d->state.data)
		elector_pause(&d->elector, clock_now());
	else /* with or without a director: nobody is left to lead, so the peer must */
		elector_leave(&d->elector, clock_now());
}

/* Start and end */

static void state_is_ours(struct daemon *d)
{
	json_t *errors;

	elector_init(&d->elector, &operations, d, &d->state);
	if (!d->pending)
		return;
	errors = json_array();
	configure_now(d, d->pending, errors);
	for (size_t i = 0; i < json_array_size(errors); i++)
		helper_event(
			d->helper, EVENT_ERROR, json_string_value(json_array_get(errors, i)), NULL);
	json_decref(errors);
	json_decref(d->pending);
	d->pending = NULL;
}

static void say_no_state(struct daemon *d, int error)
{
	char text[PATH_MAX + 200];

	(void)snprintf(text, sizeof(text), "no election without %s/elector.state: %s",
		d->runtime_dir, strerror(-error));
	helper_event(d->helper, EVENT_ERROR, text, "ERRNO", strerror(-error), NULL);
}

/* A predecessor that is still leaving owns the addresses until it is gone. */
static int try_state(struct daemon *d)
{
	int r = state_file_open(d->runtime_dir, true, &d->state);

	if (r == 0) {
		state_is_ours(d);
		return 0;
	}
	if (r != -EWOULDBLOCK) {
		say_no_state(d, r);
		return r;
	}
	r = sd_event_source_set_time_relative(d->lock, LOCK_RETRY_US);
	return r < 0 ? r : sd_event_source_set_enabled(d->lock, SD_EVENT_ONESHOT);
}

static int on_lock_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct daemon *d = userdata;
	int r = try_state(d);

	(void)source;
	(void)usec;
	/* Without the file there is no election: end, and be started again. */
	if (r < 0)
		(void)sd_event_exit(helper_loop(d->helper), r);
	return 0;
}

static int add_sources(struct daemon *d)
{
	sd_event *loop = helper_loop(d->helper);
	int r = sd_event_add_io(loop, &d->news, rtnl_fd(d->rtnl), EPOLLIN, on_news, d);

	if (r >= 0)
		r = sd_event_source_set_priority(d->news, PRIORITY_KERNEL);
	if (r >= 0)
		r = sd_event_add_time(loop, &d->deadline, CLOCK_BOOTTIME, 0, DEADLINE_ACCURACY_US,
			on_deadline, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(d->deadline, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(d->deadline, PRIORITY_DEADLINE);
	if (r >= 0)
		r = sd_event_add_time(loop, &d->lock, CLOCK_MONOTONIC, 0, 0, on_lock_retry, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(d->lock, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(loop, &d->idle, on_idle, NULL);
	if (r >= 0)
		r = sd_event_source_set_priority(d->idle, SD_EVENT_PRIORITY_IDLE);
	return r;
}

/* The election does without it. */
static void hear_claims(struct daemon *d)
{
	int r = claims_open(&d->claims, helper_loop(d->helper), PRIORITY_CLAIM);

	if (r < 0)
		helper_event(d->helper, EVENT_ERROR,
			"addresses that another host claims cannot be heard", "ERRNO", strerror(-r),
			NULL);
}

static int set_up(struct daemon *d)
{
	static const struct rtnl_handler handler = {on_link, on_link_gone, on_addr, on_route_gone};
	int r = rtnl_open(&handler, d, &d->rtnl);

	if (r < 0)
		return r;
	d->arp_fd = arp_open();
	if (d->arp_fd < 0)
		return d->arp_fd;
	d->ndisc_fd = ndisc_open();
	if (d->ndisc_fd < 0)
		return d->ndisc_fd;
	hear_claims(d);
	r = add_sources(d);
	return r < 0 ? r : try_state(d);
}

/* Without these the election works, less punctually or with more rights than it needs. */
static void harden(struct daemon *d)
{
	int r = realtime_enter();

	if (r < 0)
		helper_event(d->helper, EVENT_ERROR,
			"tandem-elector runs without real-time priority", "ERRNO", strerror(-r),
			NULL);
	r = realtime_drop_privileges();
	if (r < 0)
		helper_event(d->helper, EVENT_ERROR, "tandem-elector could not drop privileges",
			"ERRNO", strerror(-r), NULL);
}

static void tear_down(struct daemon *d)
{
	elector_done(&d->elector);
	state_file_close(&d->state);
	json_decref(d->pending);
	sd_event_source_disable_unref(d->lock);
	sd_event_source_disable_unref(d->idle);
	sd_event_source_disable_unref(d->deadline);
	sd_event_source_disable_unref(d->news);
	claims_close(&d->claims);
	cleanup_close(&d->ndisc_fd);
	cleanup_close(&d->arp_fd);
	rtnl_close(d->rtnl);
	helper_free(d->helper);
	peer_memory_unmap(d->peer);
}

/* What the director gave besides the channel. Whatever else is open there is not that. */
static const struct peer_page *take_peer_page(void)
{
	const struct peer_page *page = NULL;

	if (peer_memory_map_reader(PEER_FD, &page) == 0)
		(void)close(PEER_FD);
	return page;
}

/* Not on the stack: what is locked of that at the start may be all there ever is. */
int daemon_run(const char *runtime_dir)
{
	static const struct helper_program program = {
		.name = "tandem-elector",
		.configure = configure,
		.report = report,
		.message = take_message,
		.leave = leave,
	};
	struct daemon *d;
	int r;

	/* Long buffers are mapped, and gone when they are freed; said once, the limit stays. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	/* It holds keys: no core dump, and nobody of the same user may look into it. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->peer = take_peer_page(); /* before anything else takes that number */
	d->runtime_dir = runtime_dir;
	d->arp_fd = d->ndisc_fd = -1;
	claims_init(&d->claims, &d->elector);
	r = helper_new(&program, d, &d->helper);
	if (r < 0) {
		peer_memory_unmap(d->peer);
		free(d);
		return r;
	}
	elector_init(&d->elector, &operations, d, &d->state);
	r = set_up(d);
	if (r >= 0) {
		harden(d);
		r = helper_run(d->helper);
	}
	tear_down(d);
	free(d);
	return r;
}
