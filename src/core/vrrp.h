/* The election of one virtual router: RFC 9568, section 6, as a function of values. The caller owns
 * sockets, timers and the clock; it keeps one timer armed at `deadline` and carries out the
 * effects. Section numbers are RFC 9568's. */
#pragma once

#include "base/addr.h"
#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

enum vrrp_state {
	VRRP_INITIALIZE, /* takes no part */
	VRRP_BACKUP,
	VRRP_ACTIVE,
	VRRP_STATE_MAX_
};
const char *vrrp_state_name(enum vrrp_state state); /* "backup" */

/* Why the router is in the state that it is in. */
enum vrrp_reason {
	VRRP_REASON_NONE,        /* nothing happened yet */
	VRRP_REASON_STARTUP,     /* joined, listens first */
	VRRP_REASON_OWNER,       /* joined with priority 255 */
	VRRP_REASON_ADOPTED,     /* goes on for a predecessor that was Active */
	VRRP_REASON_ACTIVE_DOWN, /* nobody better was heard for Active_Down_Interval */
	VRRP_REASON_PEER_DEAD,   /* an advert is missing, and the link says that the peer is dead */
	VRRP_REASON_PEER_RESIGNED, /* the Active router sent priority 0 */
	VRRP_REASON_BETTER_ADVERT, /* another Active router outranks us */
	VRRP_REASON_LATE,          /* woke up too late to still be Active */
	VRRP_REASON_LINK_DOWN,     /* the interface is down or absent */
	VRRP_REASON_NO_ADDRESS,    /* the interface lost its own address */
	VRRP_REASON_YIELDED,       /* an operator gave the place to a peer */
	VRRP_REASON_FAULT,         /* something else that it needs has failed */
	VRRP_REASON_GROUP,         /* its sync group moved, because of another member */
	VRRP_REASON_SHUTDOWN,      /* was told to leave */
	VRRP_REASON_MAX_
};
const char *vrrp_reason_name(enum vrrp_reason reason); /* "peer-resigned" */

struct vrrp_config {
	struct addr primary;  /* the source of our adverts; decides between equal priorities */
	uint8_t priority;     /* 1..255; 255: address owner */
	uint16_t interval_cs; /* 1..4095 */
	bool preempt;         /* for now; the owner always does */
	/* How long a router of lower priority must have been heard as Active before it is
	 * preempted. */
	uint64_t preempt_delay_us;
	/* How long after its link came up a router believes the silence that it hears. */
	uint64_t settle_us;
	uint8_t down_intervals; /* Active_Down_Interval, in adverts: 1..100 */
	uint8_t version;        /* 2: RFC 3768's timers; else RFC 9568's */
	bool fast_failover;     /* a peer that is dead is succeeded when one advert is missing */
	bool grouped;           /* does not take over by itself: see core/sync_group.h */
	/* How long a takeover waits at most for what must be done before it; 0: there is nothing.
	 */
	uint64_t prepare_us;
};

/* Backup: whether what must be done before a takeover is done. */
enum vrrp_prepare {
	VRRP_UNPREPARED,
	VRRP_PREPARING, /* until `deadline` at most */
	VRRP_PREPARED,  /* waits for its group */
};

struct vrrp {
	struct vrrp_config config;
	enum vrrp_state state;
	enum vrrp_reason reason;
	struct instant since;    /* of the last transition */
	struct instant deadline; /* Adver_Timer or Active_Down_Timer; INSTANT_NEVER in Initialize */
	/* Backup with fast_failover: when one advert is missing, and it is worth asking whether the
	 * peer is dead; else INSTANT_NEVER. */
	struct instant look;
	/* Active: when it last advertised. Backup: when Active_Down_Timer was set. */
	struct instant mark;
	struct instant next_shout;   /* Active: when a rival makes us announce again */
	bool owes_shout;             /* ... and one did, too soon after the last time */
	uint16_t active_interval_cs; /* Active_Adver_Interval, capped */
	struct addr peer;            /* sender of the last advert heard; family 0: none yet */
	uint8_t peer_priority;
	struct instant heard; /* the last advert; {0}: none */
	/* Backup: nobody is heard for long enough, and the peer says otherwise: no takeover. */
	bool vouched;
	/* Backup: when an Active router of lower priority may be preempted; INSTANT_NEVER: none was
	 * heard. */
	struct instant preempt_from;
	struct instant joined; /* the first start with this link */
	bool link_is_new;      /* Initialize: the next start is one */
	/* Backup that waits for its group, or prepares: for what reason it would be Active by
	 * itself; NONE: it would not. */
	enum vrrp_reason vacant;
	enum vrrp_prepare prepare;
};

/* For how long, in intervals, a router may be silent before its successor may be there. */
uint8_t vrrp_silence_intervals(const struct vrrp_config *config);

/* What of an advert matters to the election. */
struct vrrp_heard {
	struct addr source;
	uint8_t priority;
	uint16_t interval_cs;
};

enum vrrp_event_kind {
	VRRP_EV_STARTUP,    /* the interface is ready */
	VRRP_EV_ADOPT,      /* ... and a predecessor was Active a moment ago */
	VRRP_EV_SHUTDOWN,   /* leave the election */
	VRRP_EV_LINK_DOWN,  /* the interface is not ready any more: nobody would hear us resign */
	VRRP_EV_NO_ADDRESS, /* ... it is up, and has lost the address that adverts come from */
	VRRP_EV_FAULT,      /* something else that it needs has failed */
	VRRP_EV_YIELD,      /* Active: leave the place to a peer, which is there or soon will be */
	VRRP_EV_PREPARED,   /* what VRRP_DO_PREPARE began has come to its end, well or not */
	VRRP_EV_GROUP_PREPARE, /* its sync group will be Active as soon as all are prepared */
	VRRP_EV_GROUP_TAKE,    /* its sync group is Active now ... */
	VRRP_EV_GROUP_LOSE,    /* ... or Backup, because another member lost ... */
	VRRP_EV_GROUP_DOWN,    /* ... or in Initialize, because another member is not ready */
	VRRP_EV_TIMER,         /* the deadline may have passed */
	VRRP_EV_ADVERT,
};

struct vrrp_event {
	enum vrrp_event_kind kind;
	const struct vrrp_heard *advert; /* VRRP_EV_ADVERT only */
	/* VRRP_EV_TIMER: until then the peer is Active, as it says itself by another way: see
	 * core/second_opinion.h. {0}: nobody says so. */
	struct instant vouched;
	/* VRRP_EV_TIMER: the peer is silent on every other way, too. */
	bool dead;
	bool tie_is_ours; /* ... of equal priority: the group has decided that we stay */
};

/* Effects are a set, carried out lowest bit first: addresses are gone before anybody is invited to
 * take them, and there before anybody is told. */
enum vrrp_do {
	VRRP_DO_RELEASE = 1 << 0,  /* remove the virtual addresses */
	VRRP_DO_RESIGN = 1 << 1,   /* send one advert of priority 0 */
	VRRP_DO_CLAIM = 1 << 2,    /* install the virtual addresses */
	VRRP_DO_ADVERT = 1 << 3,   /* send one advert at our priority */
	VRRP_DO_ANNOUNCE = 1 << 4, /* gratuitous ARP for each address */
	VRRP_DO_PREPARE = 1 << 5,  /* begin what must be done before a takeover */
};

/* Learned intervals are trusted up to this many times our own. */
#define VRRP_INTERVAL_TRUST 10

#define VRRP_DOWN_INTERVALS 3 /* the RFC's */
#define VRRP_DOWN_INTERVALS_MAX 100

/* Who advertises this although it could more asks to be succeeded. */
#define VRRP_PRIORITY_LEAST 1

/* A router in Initialize. */
void vrrp_init(struct vrrp *v, const struct vrrp_config *config, struct instant now);

/* When a TIMER is due: the earlier one of deadline and look. */
struct instant vrrp_next(const struct vrrp *v);

/* What happened, and when: returns the set of vrrp_do. A TIMER before it is due does nothing. */
unsigned vrrp_step(struct vrrp *v, const struct vrrp_event *event, struct instant now);

/* New settings in place: the state stays. Returns effects: an Active router tells the others at
 * once what they must now expect. */
unsigned vrrp_reconfigure(struct vrrp *v, const struct vrrp_config *config, struct instant now);

/* A Backup starts its wait anew: what it knew is too old. */
void vrrp_listen(struct vrrp *v, struct instant now);

/* A Backup of a group that does not take over after all: what was prepared is to be done anew. */
void vrrp_unprepare(struct vrrp *v);

/* Whether a router that is Active would have to yield to this advert (6.4.3); *ret_tie: the
 * priorities are equal, so that the addresses decide. */
bool vrrp_is_outranked(const struct vrrp *v, const struct vrrp_heard *advert, bool *ret_tie);

/* The shortest Active_Down_Interval (6.1) that any Backup can have which learned this interval, and
 * waits for as many: who was silent for as long may have been succeeded. */
uint64_t vrrp_shortest_down_us(uint16_t interval_cs, uint8_t down_intervals);
/* The interval to put into the last advert before a pause of our own (a restart), so that Backups,
 * which learn it, wait for up to a second an advert: within what a tandem peer trusts. */
uint16_t vrrp_patience_cs(uint16_t interval_cs);
