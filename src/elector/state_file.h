/* DIR/elector.state: what a successor must know to go on, and a cleaner to tidy up, when an elector
 * is killed. A file mapped into memory: recording an advert is a store, and survives the process.
 * The file belongs to the process that holds its lock. */
#pragma once

#include "base/addr.h"
#include "base/instant.h"
#include "core/moved.h"
#include "core/vrrp_packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_ROUTERS_MAX 1024
#define STATE_NAME_MAX 64
#define STATE_INTERFACE_MAX MOVED_NAME_MAX
#define STATE_ADDRS_MAX 255  /* in adverts, beside them, and for source NAT: of each */
#define STATE_ROUTES_MAX 255 /* and as many rules */
#define STATE_MOVED_MAX (3 * STATE_ADDRS_MAX + 2 * STATE_ROUTES_MAX)

/* Where in the file's one array the things of a virtual router are. Changed as a whole. */
struct state_list {
	_Alignas(8) uint32_t first;
	uint32_t n;
};

/* One virtual router. `active` is set before anything of it is added and cleared after all is
 * removed, so that nothing is ever on the host unrecorded. */
struct state_router {
	bool used;
	bool active;
	bool given; /* an operator gave the place to a peer, see core/handover.h */
	uint8_t vrid;
	uint8_t priority;
	uint16_t interval_cs;
	uint8_t down_intervals;
	int32_t election;                  /* index of `interface` */
	int32_t ifindex[MOVED_PLACES_MAX]; /* where things are; 0: there is no such interface */
	char name[STATE_NAME_MAX];
	char interface[STATE_INTERFACE_MAX];  /* that adverts leave by */
	char mac_device[STATE_INTERFACE_MAX]; /* that has the virtual MAC; empty: none */
	struct instant spoke;                 /* the last advert */
	struct addr source;                   /* of our adverts */
	struct vrrp_format format;
	struct vrrp_peers peers;
	bool has_will;
	uint8_t will[VRRP_TRAILER_LEN]; /* the trailer of a priority 0 that ends us */
	struct state_list list;
};

/* Whether a successor may go on as Active: nobody can have taken over since the last advert,
 * because the shortest Active_Down_Interval that a peer can have is not over. */
bool state_router_is_fresh(const struct state_router *router, struct instant now);

struct state_data;

struct state_file {
	int fd;
	struct state_data *data;
	struct state_router *routers; /* STATE_ROUTERS_MAX of them */
	struct moved *moved;          /* what their lists point into; moves when it grows */
	size_t n_moved;
};

/* Maps the file and takes its lock. One that is of another boot, or not ours, or damaged is
 * emptied. -EWOULDBLOCK: another process has it. -ENOENT: there is none, and `create` is false. 0
 * or another -errno; *ret is written only on success. */
int state_file_open(const char *runtime_dir, bool create, struct state_file *ret);
void state_file_close(struct state_file *s);

/* The file was removed: another one in its place that says the same, mapped where the old one was.
 * 0, or -errno with everything as it was; -EWOULDBLOCK: another process has the one that is there.
 */
int state_file_renew(struct state_file *s, const char *runtime_dir);

/* Make room for at least n things. 0, or -errno with everything as it was. */
int state_file_grow(struct state_file *s, size_t n);

/* What a virtual router has by its record: list.n things. */
static inline const struct moved *state_file_list(
	const struct state_file *s, const struct state_router *router)
{
	return s->moved + router->list.first;
}
/* Record a list, which is written to `first` on: where no record's list is, or where this very list
 * is already. Who is killed in between leaves the one or the other. */
void state_file_record(struct state_file *s, struct state_router *router, size_t first,
	const struct moved *items, size_t n);
