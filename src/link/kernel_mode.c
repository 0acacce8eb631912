/* In kernel mode the sync daemons are the kernel's, and starting them is the director's work. What
 * is left to say here is whether their interface is there, and whether the peer is heard on it. */
#include "link/kernel_mode.h"

#include "base/addr.h"
#include "core/link_watch.h"
#include "core/traffic.h"
#include "io/clock.h"
#include "io/group_sock.h"
#include "io/rtnl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ERROR_TEXT_MAX 256

/* What Configure wants. group.family 0: the link is off. */
struct wanted {
	char interface[LINK_WATCH_NAME_MAX];
	struct addr group;
	uint16_t port;
};

struct kernel_mode {
	struct helper *helper;
	struct rtnl *rtnl;
	sd_event_source *changes; /* of interfaces */
	struct wanted wanted;
	struct link_watch watch;
	bool told;          /* the director has heard of the interface since Configure */
	int joined_ifindex; /* 0: no socket */
	int fd;
	sd_event_source *arrivals; /* from the group */
	struct traffic traffic;
};

static void leave_group(struct kernel_mode *l)
{
	sd_event_source_disable_unref(l->arrivals);
	l->arrivals = NULL;
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
	l->joined_ifindex = 0;
}

static void on_heard(const struct addr *sender, size_t len, void *userdata)
{
	struct kernel_mode *l = userdata;

	traffic_heard(&l->traffic, sender, len, clock_now());
}

static int on_arrivals(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)revents;
	/* An error of the socket (the interface going away) was taken off by reading it; that the
	 * interface is gone is told by rtnetlink. */
	(void)group_sock_read(fd, on_heard, userdata);
	return 0;
}

static int join_group(struct kernel_mode *l)
{
	int r;

	l->fd = group_sock_open(&l->wanted.group, l->wanted.port, l->watch.ifindex);
	if (l->fd < 0)
		return l->fd;
	r = sd_event_add_io(helper_loop(l->helper), &l->arrivals, l->fd, EPOLLIN, on_arrivals, l);
	if (r < 0) {
		leave_group(l);
		return r;
	}
	l->joined_ifindex = l->watch.ifindex;
	return 0;
}

/* Listen on the interface of the moment, if there is one. */
static int follow_interface(struct kernel_mode *l)
{
	if (l->joined_ifindex == l->watch.ifindex)
		return 0;
	leave_group(l);
	return l->watch.ifindex ? join_group(l) : 0;
}

static void tell_interface(struct kernel_mode *l)
{
	l->told = true;
	helper_send(l->helper, "Interface",
		json_pack("{s:b, s:i, s:b}", "present", l->watch.ifindex != 0, "ifindex",
			l->watch.ifindex, "up", l->watch.up));
}

static void complain(struct kernel_mode *l, int error)
{
	char message[ERROR_TEXT_MAX], group[ADDR_TEXT_MAX];

	(void)snprintf(message, sizeof(message),
		"Cannot listen to the sync group %s on %s: %s; what arrives is not counted",
		addr_format(&l->wanted.group, group), l->wanted.interface, strerror(-error));
	helper_event(l->helper, EVENT_ERROR, message, "INTERFACE", l->wanted.interface, NULL);
}

static void interface_changed(struct kernel_mode *l)
{
	int r;

	tell_interface(l);
	r = follow_interface(l);
	if (r < 0)
		complain(l, r);
}

static void on_link(const struct rtnl_link *link, void *userdata)
{
	struct kernel_mode *l = userdata;

	if (link_watch_seen(&l->watch, link->ifindex, link->name, link->up))
		interface_changed(l);
}

static void on_link_gone(int ifindex, void *userdata)
{
	struct kernel_mode *l = userdata;

	if (link_watch_gone(&l->watch, ifindex))
		interface_changed(l);
}

static void on_addr(int ifindex, const struct addr_prefix *addr, bool present, void *userdata)
{
	(void)ifindex;
	(void)addr;
	(void)present;
	(void)userdata;
}

static int look_again(struct kernel_mode *l)
{
	int r;

	link_watch_dump_begins(&l->watch);
	r = rtnl_dump(l->rtnl);
	if (r < 0)
		return r;
	if (link_watch_dump_ends(&l->watch))
		interface_changed(l);
	return 0;
}

static int on_changes(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct kernel_mode *l = userdata;
	int r = rtnl_read(l->rtnl);

	(void)source;
	(void)fd;
	(void)revents;
	if (r == -ENOBUFS)
		r = look_again(l);
	/* A process that cannot see interfaces is of no use: end, and be started again. */
	if (r < 0)
		(void)sd_event_exit(helper_loop(l->helper), r);
	return 0;
}

/* Returns what is wrong, or NULL. */
static const char *read_wanted(const json_t *parameters, struct wanted *ret)
{
	const char *mode = json_string_value(json_object_get(parameters, "mode"));
	const char *interface = json_string_value(json_object_get(parameters, "interface"));
	const char *group = json_string_value(json_object_get(parameters, "group"));
	json_int_t port = json_integer_value(json_object_get(parameters, "port"));
	struct wanted w = {.port = (uint16_t)port};

	if (mode && strcmp(mode, "off") == 0) {
		*ret = w;
		return NULL;
	}
	if (!mode || strcmp(mode, "kernel") != 0)
		return "mode: neither \"kernel\" nor \"off\"";
	if (!interface || !*interface || strlen(interface) >= sizeof(w.interface))
		return "interface: no name of an interface";
	if (!group || !addr_parse(group, &w.group) || !addr_is_multicast(&w.group))
		return "group: not a multicast address";
	if (port < 1 || port > UINT16_MAX)
		return "port: not a port";
	(void)snprintf(w.interface, sizeof(w.interface), "%s", interface);
	*ret = w;
	return NULL;
}

static bool wanted_equal(const struct wanted *a, const struct wanted *b)
{
	return strcmp(a->interface, b->interface) == 0 && addr_equal(&a->group, &b->group) &&
	       a->port == b->port;
}

static void start_over(struct kernel_mode *l, const struct wanted *wanted)
{
	leave_group(l);
	l->wanted = *wanted;
	l->watch = (struct link_watch){0};
	memcpy(l->watch.name, wanted->interface, sizeof(l->watch.name));
	l->traffic = (struct traffic){0};
	l->told = false;
}

void kernel_mode_configure(struct kernel_mode *l, const json_t *parameters, json_t *errors)
{
	struct wanted wanted;
	const char *wrong = read_wanted(parameters, &wanted);
	int r;

	if (wrong) {
		(void)json_array_append_new(errors, json_string(wrong));
		return;
	}
	if (wanted_equal(&wanted, &l->wanted))
		return;
	start_over(l, &wanted);
	if (!wanted.group.family)
		return;
	r = look_again(l);
	if (r < 0)
		(void)json_array_append_new(errors, json_sprintf("interface: %s", strerror(-r)));
	else if (!l->told)
		tell_interface(l);
}

void kernel_mode_report(const struct kernel_mode *l, json_t *report)
{
	json_t *senders = json_array();
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < l->traffic.n_senders; i++)
		(void)json_array_append_new(
			senders, json_string(addr_format(&l->traffic.senders[i].addr, text)));
	(void)json_object_set_new(
		report, "datagrams", json_integer((json_int_t)l->traffic.datagrams));
	(void)json_object_set_new(report, "bytes", json_integer((json_int_t)l->traffic.bytes));
	(void)json_object_set_new(
		report, "last_heard_us", json_integer((json_int_t)l->traffic.last_heard.us));
	(void)json_object_set_new(report, "senders", senders);
}

int kernel_mode_new(struct helper *helper, struct kernel_mode **ret)
{
	static const struct rtnl_handler handler = {
		.link = on_link,
		.link_gone = on_link_gone,
		.addr = on_addr,
	};
	struct kernel_mode *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->helper = helper;
	l->fd = -1;
	r = rtnl_open(&handler, l, &l->rtnl);
	if (r >= 0)
		r = sd_event_add_io(
			helper_loop(helper), &l->changes, rtnl_fd(l->rtnl), EPOLLIN, on_changes, l);
	if (r < 0) {
		kernel_mode_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void kernel_mode_free(struct kernel_mode *l)
{
	if (!l)
		return;
	leave_group(l);
	sd_event_source_disable_unref(l->changes);
	rtnl_close(l->rtnl);
	free(l);
}
