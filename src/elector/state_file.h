/* DIR/elector.state: what a successor must know to go on, and a cleaner to tidy up, when an elector
 * is killed. A file mapped into memory: recording an advert is a store, and survives the process.
 * The file belongs to the process that holds its lock. */
#pragma once

#include "base/addr.h"
#include "base/instant.h"
#include "core/vrrp_packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_ROUTERS_MAX 128
#define STATE_NAME_MAX 64
#define STATE_INTERFACE_MAX 16
#define STATE_ADDRS_MAX 255 /* in adverts, beside them, and for source NAT: of each */
#define STATE_MOVED_MAX (3 * STATE_ADDRS_MAX)

/* Where addresses of a virtual router go: to its own interface, or to another one of the host. */
enum state_place { STATE_HOME, STATE_AWAY, STATE_PLACES };

/* All addresses that move with a virtual router. The first n_advertised are in its adverts, the
 * first n_home on its interface, and what follows is away. */
struct state_addrs {
	uint16_t n_advertised;
	uint16_t n_home;
	uint16_t n;
	struct addr_prefix list[STATE_MOVED_MAX];
};

/* Those of one place. */
struct state_slice {
	const struct addr_prefix *addrs;
	size_t n;
};
struct state_slice state_addrs_at(const struct state_addrs *addrs, enum state_place place);

/* One virtual router. `active` is set before its addresses are added and cleared after they are
 * removed, so that no address is ever on the host unrecorded. */
struct state_router {
	bool used;
	bool active;
	bool given; /* an operator gave the place to a peer, see core/handover.h */
	uint8_t vrid;
	uint8_t priority;
	uint16_t interval_cs;
	uint8_t down_intervals;
	int32_t ifindex[STATE_PLACES]; /* 0: there is no such interface */
	char name[STATE_NAME_MAX];
	char interface[STATE_INTERFACE_MAX]; /* home */
	struct instant spoke;                /* the last advert */
	struct addr source;                  /* of our adverts */
	struct vrrp_format format;
	struct vrrp_peers peers;
	bool has_will;
	uint8_t will[VRRP_TRAILER_LEN]; /* the trailer of a priority 0 that ends us */
	struct state_addrs addrs;
};

/* Whether a successor may go on as Active: nobody can have taken over since the last advert,
 * because the shortest Active_Down_Interval that a peer can have is not over. */
bool state_router_is_fresh(const struct state_router *router, struct instant now);

struct state_data;

struct state_file {
	int fd;
	struct state_data *data;
	struct state_router *routers; /* STATE_ROUTERS_MAX of them */
};

/* Maps the file and takes its lock. One that is of another boot, or not ours, or damaged is
 * emptied. -EWOULDBLOCK: another process has it. -ENOENT: there is none, and `create` is false. 0
 * or another -errno; *ret is written only on success. */
int state_file_open(const char *runtime_dir, bool create, struct state_file *ret);
void state_file_close(struct state_file *s);
