/* Tidying up for an elector that is gone. It has sockets of its own, since it also runs in a
 * process that is no elector. */
#include "elector/leftovers.h"

#include "core/virtual_mac.h"
#include "core/vrrp_packet.h"
#include "elector/state_file.h"
#include "io/clock.h"
#include "io/rtnl.h"
#include "io/vrrp_sock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

/* What is asked of all links, and the answer. */
struct sought {
	const char *name;
	uint8_t mac[RTNL_MAC_LEN];
	int ifindex; /* 0: none is so */
};

static void look_at_link(const struct rtnl_link *link, void *userdata)
{
	struct sought *sought = userdata;

	if (strcmp(link->name, sought->name) == 0 && virtual_mac_equal(link->mac, sought->mac))
		sought->ifindex = link->ifindex;
}

/* What was on an interface that is gone went with it. */
static int remove_run(struct rtnl *rtnl, const struct state_router *record,
	const struct moved *items, size_t n, size_t *ret_removed)
{
	int ifindex = items->place == MOVED_ANYWHERE ? 0 : record->ifindex[items->place];
	int r;

	*ret_removed = 0;
	if (!ifindex && items->place != MOVED_ANYWHERE)
		return 0;
	r = rtnl_change(rtnl, RTNL_REMOVE, ifindex, items, n, ret_removed);
	return r == -ENODEV ? 0 : r;
}

/* The last first; all are tried. */
static int remove_all(
	const struct state_file *state, const struct state_router *record, size_t *ret_removed)
{
	static const struct rtnl_handler handler;
	const struct moved *items = state_file_list(state, record);
	size_t total = 0, removed;
	struct rtnl *rtnl;
	int r = rtnl_open(&handler, NULL, &rtnl), error = 0;

	if (r < 0)
		return r;
	for (size_t left = record->list.n, n; left > 0; left -= n) {
		n = moved_run_before(items, left, RTNL_BATCH_MAX);
		r = remove_run(rtnl, record, &items[left - n], n, &removed);
		if (r < 0 && error == 0)
			error = r;
		total += removed;
	}
	rtnl_close(rtnl);
	*ret_removed = total;
	return error;
}

static int find_device(struct rtnl *rtnl, struct sought *sought)
{
	int r = rtnl_dump(rtnl);

	return r < 0 ? r : sought->ifindex ? rtnl_remove_link(rtnl, sought->ifindex) : 0;
}

int leftovers_remove_device(struct state_router *record)
{
	static const struct rtnl_handler handler = {.link = look_at_link};
	struct sought sought = {.name = record->mac_device};
	struct rtnl *rtnl;
	int r;

	if (!*record->mac_device)
		return 0;
	virtual_mac(record->format.family, record->vrid, sought.mac);
	r = rtnl_open(&handler, &sought, &rtnl);
	if (r < 0)
		return r;
	r = find_device(rtnl, &sought);
	rtnl_close(rtnl);
	if (r < 0 && r != -ENODEV)
		return r;
	*record->mac_device = '\0';
	return 0;
}

/* Where its adverts left: the device with the virtual MAC, if that is still there. */
static int open_speaker(const struct state_router *record, int *ret_ifindex)
{
	int fd = -ENODEV;

	*ret_ifindex = record->ifindex[MOVED_HOME];
	if (*record->mac_device && record->peers.n == 0)
		fd = vrrp_sock_open(record->format.family, record->mac_device, *ret_ifindex);
	if (fd >= 0)
		return fd;
	*ret_ifindex = record->election;
	return vrrp_sock_open(record->format.family, record->interface, record->election);
}

/* The peer takes over sooner for it; that it cannot be sent is no reason to fail. */
static void resign(const struct state_router *record, const struct moved *items)
{
	struct vrrp_advert advert = {
		.vrid = record->vrid,
		.priority = VRRP_PRIORITY_RESIGN,
		.interval_cs = record->interval_cs,
	};
	uint8_t packet[VRRP_PACKET_MAX];
	auto_close int fd = -1;
	int ifindex;
	size_t len;

	for (size_t i = 0; i < record->list.n && advert.n_addrs < VRRP_ADDRS_MAX; i++)
		if (items[i].advertised && items[i].kind == MOVED_ADDRESS)
			advert.addrs[advert.n_addrs++] = items[i].address.prefix.addr;
	if (advert.n_addrs == 0)
		return;
	fd = open_speaker(record, &ifindex);
	if (fd < 0)
		return;
	len = vrrp_packet_build(&record->format, &advert, packet);
	if (record->has_will) {
		memcpy(packet + len, record->will, VRRP_TRAILER_LEN);
		len += VRRP_TRAILER_LEN;
	}
	for (size_t i = 0; i < vrrp_peers_destinations(&record->peers); i++) {
		struct addr to = vrrp_peers_destination(&record->peers, record->format.family, i);
		vrrp_packet_seal(&record->format, &record->source, &to, packet, len);
		(void)vrrp_sock_send(fd, ifindex, &record->source, &to, packet, len);
	}
}

int leftovers_tidy(const struct state_file *state, struct state_router *record, size_t *ret_removed)
{
	size_t removed = 0;
	int r = record->list.n > 0 ? remove_all(state, record, &removed) : 0;

	if (r < 0)
		return r;
	if (record->interval_cs > 0 && record->source.family)
		resign(record, state_file_list(state, record));
	record->active = false;
	*ret_removed = removed;
	return 0;
}

static bool is_to_go(const struct state_router *record, enum leftovers_which which)
{
	return record->used && record->active &&
	       (which == LEFTOVERS_ALL || !state_router_is_fresh(record, clock_now()));
}

int leftovers_remove(const char *runtime_dir, enum leftovers_which which,
	void (*removed)(const char *name, size_t n, void *userdata), void *userdata)
{
	struct state_file state;
	int r = state_file_open(runtime_dir, false, &state), failed = 0, tidied = 0;

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < STATE_ROUTERS_MAX; i++) {
		struct state_router *record = &state.routers[i];
		size_t n;
		r = 0;
		if (is_to_go(record, which)) {
			r = leftovers_tidy(&state, record, &n);
			tidied += r == 0;
			if (r == 0 && removed)
				removed(record->name, n, userdata);
		}
		if (r == 0 && record->used && which == LEFTOVERS_ALL)
			r = leftovers_remove_device(record);
		if (r < 0)
			failed = r;
	}
	state_file_close(&state);
	return failed < 0 ? failed : tidied;
}
