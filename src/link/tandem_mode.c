/* Reading has a budget per turn everywhere, so that neither a flood on a link nor a busy kernel
 * keeps heartbeats, the stream or the director waiting. */
#include "link/tandem_mode.h"

#include "core/link_watch.h"
#include "io/clock.h"
#include "io/link_sock.h"
#include "io/peer_memory.h"
#include "io/rtnl.h"
#include "io/tun.h"
#include "io/udp_queue.h"
#include "link/count.h"
#include "link/peer.h"
#include "link/relay.h"
#include "link/session.h"
#include "link/settings.h"
#include "link/shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TUN_FD 4
#define PAGE_FD 5
#define SHADOW_MAX 4194304u /* connections; memory is taken for what there is */
/* What the kernel says one by one is gathered for so long, in one turn and mostly one datagram;
 * what comes after a pause goes at once. A turn takes more than comes in that time. */
#define GATHER_US 4000
#define TUN_PER_TURN 1024
#define FLOOD_INTERVAL_US 1000 /* a flood gets so many turns in this time */
#define FLOOD_TURNS 10
#define TEXT_MAX 240

/* One interface of the link. */
struct way {
	struct tandem_mode *mode;
	struct link_watch watch;
	bool told;
	int fd;         /* -1: none */
	int ifindex;    /* of the socket */
	uint64_t inode; /* of the socket */
	sd_event_source *arrivals;
	int failure; /* -errno of the last attempt to open it */
};

struct tandem_mode {
	struct helper *helper;
	struct rtnl *rtnl;
	sd_event_source *changes;
	int tun;
	sd_event_source *kernel; /* the TUN device */
	struct tun_flow flow;
	struct udp_queue_file *queue;
	struct peer_page *page;

	bool wanted;
	struct settings settings;
	struct link_sock_settings sockets;
	struct pair_keys *keys; /* a page of its own, locked */
	struct way ways[SETTINGS_INTERFACES_MAX];

	struct counts counts;
	struct session *session;
	struct shadow *shadow;
	struct relay_world relay_world;
	struct relay relay;
	struct peer_world peer_world;
	struct peer *peer;
	struct link_sock_inbox inbox;
	uint8_t packet[TUN_PACKET_MAX];
};

/* The kernel's side */

static int inject(const void *message, size_t len, void *userdata)
{
	struct tandem_mode *t = userdata;

	return tun_write(t->tun, &t->flow, message, len);
}

/* What the relay takes from the peer: nobody says it again. */
static int inject_news(const void *message, size_t len, void *userdata)
{
	struct tandem_mode *t = userdata;
	int r = inject(message, len, t);

	if (r < 0)
		peer_not_injected(t->peer);
	return r;
}

static int kernel_queue(struct udp_queue *ret, void *userdata)
{
	struct tandem_mode *t = userdata;
	struct addr group = addr_v4(t->flow.group);
	uint64_t own[SETTINGS_INTERFACES_MAX]; /* they are bound to the same */
	size_t n = 0;

	for (size_t i = 0; i < t->settings.n_interfaces; i++)
		if (t->ways[i].fd >= 0)
			own[n++] = t->ways[i].inode;
	return udp_queue_read(t->queue, &group, t->flow.port, own, n, ret);
}

static int on_kernel(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct tandem_mode *t = userdata;
	struct instant now = clock_now();

	(void)source;
	(void)revents;
	for (unsigned i = 0; i < TUN_PER_TURN; i++) {
		const uint8_t *message;
		int len = tun_read(fd, &t->flow, t->packet, &message);

		if (len == -EBADMSG) {
			t->counts.n[COUNT_KERNEL_NOISE]++;
			continue;
		}
		/* Somebody deleted the device: it would be ready for ever. The director makes
		 * another one before it starts us again. */
		if (len == -EBADFD)
			return sd_event_exit(helper_loop(t->helper), len);
		if (len <= 0)
			break; /* -EIO: the device is down; then nothing comes */
		if (t->wanted)
			relay_from_kernel(&t->relay, message, (size_t)len, now);
	}
	relay_flush_out(&t->relay);
	return 0;
}

/* The network's side */

static void send_datagram(const uint8_t *datagram, size_t len, void *userdata)
{
	struct tandem_mode *t = userdata;

	for (size_t i = 0; i < t->settings.n_interfaces; i++) {
		const struct way *w = &t->ways[i];
		if (w->fd >= 0 && link_sock_send(w->fd, &t->sockets, w->ifindex, datagram, len) < 0)
			t->counts.n[COUNT_SEND_FAILED]++;
	}
}

static void on_item(const struct link_item *item, void *userdata)
{
	struct tandem_mode *t = userdata;

	peer_item(t->peer, item);
}

/* One batch. Returns how many there were. */
static int read_way(struct way *w)
{
	struct tandem_mode *t = w->mode;
	uint8_t text[LINK_SOCK_DATAGRAM_MAX];
	struct instant now = clock_now();
	int n = link_sock_receive(w->fd, &t->inbox);

	for (int i = 0; i < n; i++) {
		size_t len;
		if (session_open(t->session, t->inbox.bytes[i], t->inbox.lens[i],
			    (unsigned)(w - t->ways), now, text, &len))
			relay_from_peer(&t->relay, text, len, now, false);
	}
	relay_flush_in(&t->relay);
	peer_datagrams_read(t->peer);
	return n;
}

static int on_arrivals(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	(void)read_way(userdata); /* -ENETDOWN and the like: rtnetlink tells about the interface */
	return 0;
}

static void listen_now(void *userdata)
{
	struct tandem_mode *t = userdata;

	for (size_t i = 0; i < t->settings.n_interfaces; i++)
		if (t->ways[i].fd >= 0)
			(void)read_way(&t->ways[i]);
}

static bool can_hear(void *userdata)
{
	struct tandem_mode *t = userdata;

	for (size_t i = 0; i < t->settings.n_interfaces; i++)
		if (t->ways[i].fd >= 0 && t->ways[i].watch.up)
			return true;
	return false;
}

static void close_way(struct way *w)
{
	sd_event_source_disable_unref(w->arrivals);
	w->arrivals = NULL;
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
	w->ifindex = 0;
}

static int open_way(struct way *w)
{
	struct tandem_mode *t = w->mode;
	struct stat st;
	int r;

	w->fd = link_sock_open(&t->sockets, w->watch.name, w->watch.ifindex);
	if (w->fd < 0)
		return w->fd;
	w->inode = fstat(w->fd, &st) < 0 ? 0 : st.st_ino;
	r = sd_event_add_io(helper_loop(t->helper), &w->arrivals, w->fd, EPOLLIN, on_arrivals, w);
	if (r >= 0)
		r = sd_event_source_set_ratelimit(w->arrivals, FLOOD_INTERVAL_US, FLOOD_TURNS);
	if (r < 0) {
		close_way(w);
		return r;
	}
	w->ifindex = w->watch.ifindex;
	return 0;
}

/* What all interfaces take whole. */
static void measure_room(struct tandem_mode *t)
{
	size_t room = SESSION_TEXT_MAX + SEAL_OVERHEAD;

	for (size_t i = 0; i < t->settings.n_interfaces; i++) {
		int r = t->ways[i].fd < 0
				? -ENODEV
				: link_sock_room(t->ways[i].watch.name, t->sockets.group.family);
		if (r > 0 && (size_t)r < room)
			room = (size_t)r;
	}
	/* An interface below the least that IP asks for gets fragments. */
	relay_set(&t->relay, (uint8_t)t->settings.sync_id, room < 520 ? 520 : room);
}

static void follow(struct way *w)
{
	char message[TEXT_MAX];

	if (w->ifindex == w->watch.ifindex && (w->fd >= 0 || w->watch.ifindex == 0))
		return;
	close_way(w);
	w->failure = w->watch.ifindex ? open_way(w) : 0;
	measure_room(w->mode);
	if (w->failure == 0)
		return;
	(void)snprintf(message, sizeof(message), "Cannot open the link on %s: %s", w->watch.name,
		strerror(-w->failure));
	helper_event(w->mode->helper, EVENT_ERROR, message, "INTERFACE", w->watch.name, NULL);
}

static void interface_changed(struct way *w)
{
	w->told = true;
	helper_send(w->mode->helper, "Interface",
		json_pack("{s:s, s:b, s:i, s:b}", "interface", w->watch.name, "present",
			w->watch.ifindex != 0, "ifindex", w->watch.ifindex, "up", w->watch.up));
	follow(w);
}

static void on_link(const struct rtnl_link *link, void *userdata)
{
	struct tandem_mode *t = userdata;

	for (size_t i = 0; i < t->settings.n_interfaces; i++)
		if (link_watch_seen(&t->ways[i].watch, link->ifindex, link->name, link->up))
			interface_changed(&t->ways[i]);
}

static void on_link_gone(int ifindex, void *userdata)
{
	struct tandem_mode *t = userdata;

	for (size_t i = 0; i < t->settings.n_interfaces; i++)
		if (link_watch_gone(&t->ways[i].watch, ifindex))
			interface_changed(&t->ways[i]);
}

static void on_addr(int ifindex, const struct addr_prefix *addr, bool present, void *userdata)
{
	(void)ifindex;
	(void)addr;
	(void)present;
	(void)userdata;
}

static int look_again(struct tandem_mode *t)
{
	int r;

	for (size_t i = 0; i < t->settings.n_interfaces; i++)
		link_watch_dump_begins(&t->ways[i].watch);
	r = rtnl_dump(t->rtnl);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t->settings.n_interfaces; i++)
		if (link_watch_dump_ends(&t->ways[i].watch) || !t->ways[i].told)
			interface_changed(&t->ways[i]);
	return 0;
}

static int on_changes(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct tandem_mode *t = userdata;
	int r = rtnl_read(t->rtnl);

	(void)source;
	(void)fd;
	(void)revents;
	if (r == -ENOBUFS)
		r = look_again(t);
	/* A process that cannot see interfaces is of no use: end, and be started again. */
	if (r < 0)
		(void)sd_event_exit(helper_loop(t->helper), r);
	return 0;
}

/* The director's side */

static void start_over(struct tandem_mode *t)
{
	struct addr group = t->settings.group, inside = tun_group(&group);

	for (size_t i = 0; i < SETTINGS_INTERFACES_MAX; i++) {
		struct way *w = &t->ways[i];
		close_way(w);
		w->watch = (struct link_watch){0};
		w->told = false;
		if (i < t->settings.n_interfaces)
			(void)snprintf(w->watch.name, sizeof(w->watch.name), "%s",
				t->settings.interfaces[i]);
	}
	t->sockets = (struct link_sock_settings){
		.group = group, .port = t->settings.port, .ttl = t->settings.ttl};
	t->flow = (struct tun_flow){.group = addr_to_v4(&inside), .port = t->settings.port};
}

static bool keys_equal(const struct pair_keys *a, const struct pair_keys *b)
{
	bool equal = a->n == b->n;

	for (unsigned i = 0; equal && i < a->n; i++)
		equal = CRYPTO_memcmp(a->items[i].bytes, b->items[i].bytes, PAIR_KEY_LEN) == 0;
	return equal;
}

static void complain(json_t *errors, const char *what, int error)
{
	(void)json_array_append_new(errors, json_sprintf("%s: %s", what, strerror(-error)));
}

static void apply(struct tandem_mode *t, bool new_sockets, bool new_keys, json_t *errors)
{
	int r;

	if (new_sockets)
		start_over(t);
	measure_room(t);
	if (new_keys)
		peer_keys_changed(t->peer);
	r = peer_configure(t->peer, &t->settings, new_sockets);
	if (r < 0)
		complain(errors, "stream", r);
	if (!new_sockets)
		return;
	r = look_again(t);
	if (r < 0)
		complain(errors, "interfaces", r);
}

void tandem_mode_configure(struct tandem_mode *t, const json_t *parameters, json_t *errors)
{
	struct settings settings;
	struct pair_keys keys = {0};
	const char *wrong = settings_parse(parameters, &settings, &keys);
	bool new_sockets, new_keys;

	if (wrong) {
		(void)json_array_append_new(errors, json_string(wrong));
		OPENSSL_cleanse(&keys, sizeof(keys));
		return;
	}
	/* Another name, too, is for the stream to say. */
	new_sockets = !t->wanted || !settings_same_sockets(&settings, &t->settings) ||
		      strcmp(settings.node, t->settings.node) != 0 ||
		      strcmp(settings.peer, t->settings.peer) != 0 ||
		      settings.sync_id != t->settings.sync_id;
	new_keys = !keys_equal(&keys, t->keys);
	*t->keys = keys;
	OPENSSL_cleanse(&keys, sizeof(keys));
	t->settings = settings;
	t->wanted = true;
	apply(t, new_sockets, new_keys, errors);
}

void tandem_mode_off(struct tandem_mode *t)
{
	t->wanted = false;
	peer_off(t->peer);
	for (size_t i = 0; i < SETTINGS_INTERFACES_MAX; i++)
		close_way(&t->ways[i]);
	t->settings.n_interfaces = 0;
	OPENSSL_cleanse(t->keys, sizeof(*t->keys));
}

void tandem_mode_message(struct tandem_mode *t, const char *method, const json_t *parameters)
{
	peer_message(t->peer, method, parameters);
}

static json_t *way_to_json(const struct way *w)
{
	return json_pack("{s:s, s:b, s:b, s:b}", "interface", w->watch.name, "present",
		w->watch.ifindex != 0, "up", w->watch.up, "open", w->fd >= 0);
}

void tandem_mode_report(struct tandem_mode *t, json_t *report)
{
	json_t *ways = json_array();

	for (size_t i = 0; i < t->settings.n_interfaces; i++)
		(void)json_array_append_new(ways, way_to_json(&t->ways[i]));
	(void)json_object_set_new(report, "interfaces", ways);
	(void)json_object_set_new(report, "counters", counts_to_json(&t->counts));
	peer_report(t->peer, report);
}

/* Start and end */

/* Keys are nothing for the swap or a dump. */
static int make_keys(struct tandem_mode *t)
{
	void *page = mmap(
		NULL, sizeof(*t->keys), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	t->keys = page;
	(void)madvise(page, sizeof(*t->keys), MADV_DONTDUMP);
	return mlock(page, sizeof(*t->keys)) < 0 ? -errno : 0;
}

void tandem_given_take(struct tandem_given *ret)
{
	*ret = (struct tandem_given){.tun = -1};
	if (!tun_is_one(TUN_FD))
		return;
	ret->tun = TUN_FD;
	(void)fcntl(TUN_FD, F_SETFD, FD_CLOEXEC);
	if (peer_memory_map_writer(PAGE_FD, &ret->page) >= 0)
		(void)close(PAGE_FD);
}

static int open_all(struct tandem_mode *t)
{
	static const struct rtnl_handler handler = {
		.link = on_link,
		.link_gone = on_link_gone,
		.addr = on_addr,
	};
	sd_event *loop = helper_loop(t->helper);
	int r = rtnl_open(&handler, t, &t->rtnl);

	if (r >= 0)
		r = sd_event_add_io(loop, &t->changes, rtnl_fd(t->rtnl), EPOLLIN, on_changes, t);
	if (r >= 0)
		r = sd_event_add_io(loop, &t->kernel, t->tun, EPOLLIN, on_kernel, t);
	if (r >= 0)
		r = sd_event_source_set_ratelimit(t->kernel, GATHER_US, 1);
	if (r >= 0)
		r = udp_queue_open(AF_INET, &t->queue);
	return r;
}

static int make_parts(struct tandem_mode *t)
{
	int r = make_keys(t);

	if (r >= 0)
		r = session_new(&t->counts, &t->session);
	if (r >= 0)
		r = shadow_new(SHADOW_MAX, &t->shadow);
	if (r < 0)
		return r;
	t->relay_world = (struct relay_world){
		.send = send_datagram, .inject = inject_news, .item = on_item, .userdata = t};
	relay_init(&t->relay, t->session, t->shadow, &t->counts, &t->relay_world);
	t->peer_world = (struct peer_world){.helper = t->helper,
		.counts = &t->counts,
		.session = t->session,
		.shadow = t->shadow,
		.relay = &t->relay,
		.keys = t->keys,
		.page = t->page,
		.inject = inject,
		.kernel_queue = kernel_queue,
		.listen = listen_now,
		.can_hear = can_hear,
		.userdata = t};
	return peer_new(&t->peer_world, &t->peer);
}

static struct tandem_mode *allocate(struct helper *helper, const struct tandem_given *given)
{
	struct tandem_mode *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->helper = helper;
	t->tun = given->tun;
	t->page = given->page;
	for (size_t i = 0; i < SETTINGS_INTERFACES_MAX; i++) {
		t->ways[i].mode = t;
		t->ways[i].fd = -1;
	}
	return t;
}

int tandem_mode_new(
	struct helper *helper, const struct tandem_given *given, struct tandem_mode **ret)
{
	struct tandem_mode *t = allocate(helper, given);
	int r;

	if (!t)
		return -ENOMEM;
	r = make_parts(t);
	if (r >= 0)
		r = open_all(t);
	if (r < 0) {
		tandem_mode_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void tandem_mode_free(struct tandem_mode *t)
{
	if (!t)
		return;
	peer_free(t->peer);
	for (size_t i = 0; i < SETTINGS_INTERFACES_MAX; i++)
		close_way(&t->ways[i]);
	session_free(t->session);
	shadow_free(t->shadow);
	sd_event_source_disable_unref(t->changes);
	sd_event_source_disable_unref(t->kernel);
	rtnl_close(t->rtnl);
	udp_queue_close(t->queue);
	if (t->page)
		peer_page_forget(t->page);
	peer_memory_unmap(t->page);
	if (t->keys) {
		OPENSSL_cleanse(t->keys, sizeof(*t->keys));
		(void)munmap(t->keys, sizeof(*t->keys));
	}
	(void)close(t->tun);
	OPENSSL_cleanse(&t->relay, sizeof(t->relay));
	free(t);
}
