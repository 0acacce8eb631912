/* Tidying up for an elector that is gone. It has sockets of its own, since it also runs in a
 * process that is no elector. */
#include "elector/leftovers.h"

#include "core/vrrp_packet.h"
#include "elector/state_file.h"
#include "io/clock.h"
#include "io/rtnl.h"
#include "io/vrrp_sock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

static void ignore_link(const struct rtnl_link *link, void *userdata)
{
	(void)link;
	(void)userdata;
}

static void ignore_link_gone(int ifindex, void *userdata)
{
	(void)ifindex;
	(void)userdata;
}

static void ignore_addr(int ifindex, const struct addr_prefix *addr, bool present, void *userdata)
{
	(void)ifindex;
	(void)addr;
	(void)present;
	(void)userdata;
}

/* What was on an interface that is gone went with it. */
static int remove_from(struct rtnl *rtnl, const struct state_router *record, enum state_place place,
	size_t *ret_removed)
{
	struct state_slice slice = state_addrs_at(&record->addrs, place);
	int r;

	*ret_removed = 0;
	if (!record->ifindex[place])
		return 0;
	r = rtnl_change_addresses(
		rtnl, RTNL_REMOVE, record->ifindex[place], slice.addrs, slice.n, ret_removed);
	return r == -ENODEV ? 0 : r;
}

static int remove_addresses(const struct state_router *record, size_t *ret_removed)
{
	static const struct rtnl_handler handler = {ignore_link, ignore_link_gone, ignore_addr};
	size_t home = 0, away = 0;
	struct rtnl *rtnl;
	int r = rtnl_open(&handler, NULL, &rtnl), error;

	if (r < 0)
		return r;
	r = remove_from(rtnl, record, STATE_HOME, &home);
	error = remove_from(rtnl, record, STATE_AWAY, &away);
	rtnl_close(rtnl);
	*ret_removed = home + away;
	return r < 0 ? r : error;
}

/* The peer takes over sooner for it; that it cannot be sent is no reason to fail. */
static void resign(const struct state_router *record)
{
	struct vrrp_advert advert = {
		.vrid = record->vrid,
		.priority = VRRP_PRIORITY_RESIGN,
		.interval_cs = record->interval_cs,
		.n_addrs = (uint8_t)record->addrs.n_advertised,
	};
	uint8_t packet[VRRP_PACKET_MAX];
	int ifindex = record->ifindex[STATE_HOME];
	auto_close int fd = vrrp_sock_open(record->format.family, record->interface, ifindex);
	size_t len;

	if (fd < 0)
		return;
	for (size_t i = 0; i < advert.n_addrs; i++)
		advert.addrs[i] = record->addrs.list[i].addr;
	len = vrrp_packet_build(&record->format, &advert, packet);
	if (record->has_will) {
		memcpy(packet + len, record->will, VRRP_TRAILER_LEN);
		len += VRRP_TRAILER_LEN;
	}
	for (size_t i = 0; i < vrrp_peers_destinations(&record->peers); i++) {
		struct addr to =
			vrrp_peers_destination(&record->peers, record->format.family, i);
		vrrp_packet_seal(&record->format, &record->source, &to, packet, len);
		(void)vrrp_sock_send(fd, ifindex, &record->source, &to, packet, len);
	}
}

int leftovers_tidy(struct state_router *record, size_t *ret_removed)
{
	size_t removed = 0;
	int r = record->addrs.n > 0 ? remove_addresses(record, &removed) : 0;

	if (r < 0)
		return r;
	if (record->addrs.n_advertised > 0 && record->interval_cs > 0 && record->source.family)
		resign(record);
	record->active = false;
	*ret_removed = removed;
	return 0;
}

int leftovers_remove(const char *runtime_dir, enum leftovers_which which,
	void (*removed)(const char *name, size_t n_addresses, void *userdata), void *userdata)
{
	struct state_file state;
	int r = state_file_open(runtime_dir, false, &state), failed = 0, n = 0;

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < STATE_ROUTERS_MAX; i++) {
		struct state_router *record = &state.routers[i];
		size_t n_addresses;
		if (!record->used || !record->active)
			continue;
		if (which == LEFTOVERS_STALE && state_router_is_fresh(record, clock_now()))
			continue;
		r = leftovers_tidy(record, &n_addresses);
		if (r < 0) {
			failed = r;
			continue;
		}
		n++;
		if (removed)
			removed(record->name, n_addresses, userdata);
	}
	state_file_close(&state);
	return failed < 0 ? failed : n;
}
