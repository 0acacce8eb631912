/* A simulation of the election: directors that run the real elector (src/elector, with core/vrrp
 * and all that it stands on) on one virtual clock, on LANs that misbehave as a script says. Hours
 * pass in milliseconds, and the same script gives the same run everywhere.
 *
 * sim_script.c    what happens: scripts, made from a seed or read from a file
 * sim_world.c     the clock and the order of things; what each step of a script does
 * sim_lan.c       packets under way
 * sim_link.c      what two directors know of each other over the link
 * sim_director.c  a host and its elector: struct elector_ops played, starts and deaths
 * sim_rules.c     the invariants
 * sim_minimize.c  from a script that fails to a short one that fails
 * sim.c           the program */
#pragma once

#include "elector/elector.h"

#include <stdarg.h>
#include <stdio.h>

#define DIRECTORS_MAX 4
#define LANS_MAX 2
#define VIPS 3 /* addresses that a virtual router has at most, a bit each */
#define FLYING_MAX 1024
#define QUEUE_MAX 200 /* datagrams that a socket keeps for a director that does not read */
#define NEWS_MAX 16   /* ... and news from the kernel */
#define STEPS_MAX 256
#define FAILURE_MAX 256
#define IP_HEADER_LEN 20
#define DATAGRAM_MAX (IP_HEADER_LEN + SIM_PACKET_MAX)
#define SIM_PACKET_MAX (VRRP_HEADER_LEN + 16 * VIPS + VRRP_TRAILER_LEN)
#define AUTH_WINDOW_S 300
#define SOURCES 256 /* host numbers */

#define DELAY_MIN_US 50
#define DELAY_MAX_US 1000 /* on a healthy LAN */
#define LATE_MAX_US 200   /* how late a timer is on a healthy host */
#define NEWS_MAX_US 200   /* ... and news from the kernel */
#define RESTORE_MAX_US 50000
#define REFRESH_US 5000000 /* between periodic announcements */
#define LINK_BEAT_US 300   /* for a heartbeat over the link */
#define LINK_STATE_US 3000 /* ... and for a new state */
#define LINK_SET_UP_US 200000

enum step_kind {
	STEP_START,         /* D: the elector is started, if it does not run */
	STEP_STOP,          /* D: leaves in order */
	STEP_KILL,          /* D: kill -9; what is on the host stays there */
	STEP_CRASH,         /* D N: is killed just before the Nth thing that it does to the host */
	STEP_HAND_ON,       /* D: ends for a successor of its own, which a start is */
	STEP_CLEAN_UP,      /* D: what a dead elector left is removed in its name */
	STEP_REBOOT,        /* D: the host forgets everything, and nothing runs */
	STEP_FREEZE,        /* D: runs no more, hears into its sockets */
	STEP_SUSPEND,       /* D: the whole host sleeps */
	STEP_RESUME,        /* D */
	STEP_CUT,           /* A B LAN: B does not hear A any more */
	STEP_LOSS,          /* LAN PERCENT */
	STEP_DELAY,         /* LAN US: the longest; packets overtake each other */
	STEP_REPEAT,        /* LAN PERCENT: of packets that arrive twice */
	STEP_LINK,          /* D LAN 0|1 */
	STEP_ADDRESS,       /* D LAN 0|1: the host's own */
	STEP_ROB,           /* D LAN I: somebody deletes a virtual address */
	STEP_OVERRUN,       /* D: the kernel had more news than there was room for */
	STEP_FORGE,         /* LAN PRIORITY CS: an advert of somebody else */
	STEP_PRIORITY,      /* D LAN PRIORITY */
	STEP_PREEMPT,       /* D LAN 0|1 */
	STEP_INTERVAL,      /* D LAN CS */
	STEP_VIPS,          /* D LAN MASK: which addresses */
	STEP_TAKE_PART,     /* D LAN 0|1: whether the virtual router is configured */
	STEP_SWITCHOVER,    /* D INSIST */
	STEP_MAINTAIN,      /* D 0|1|2, enum maintenance */
	STEP_PART,          /* D 0|1: nothing of D arrives over the link */
	STEP_PREEMPT_DELAY, /* D LAN CS */
	STEP_SETTLE_TIME,   /* D LAN CS: how long a new link's silence is not believed */
	STEP_WEIGH,         /* D LAN POINTS: what is tracked takes so many from the priority */
	STEP_FAULT,         /* D LAN 0|1: what is tracked keeps it out of the election */
	STEP_READY,         /* D: the director says that it is */
	STEP_CLOCK,         /* D S: its clock on the wall is set forward */
	STEP_REPLAY,        /* D LAN: the last signed advert that counted comes once more */
	STEP_FORGET,        /* D LAN PEER: it is not among D's peers, on a LAN of unicast */
	STEP_HEAL,          /* all is well, and everybody runs */
	STEP_KIND_MAX_
};

struct step {
	struct instant at;
	enum step_kind kind;
	unsigned args[3];
};

struct script {
	uint64_t noise; /* of delays, losses and lateness */
	unsigned n_directors, n_lans;
	unsigned announcements; /* rounds in a burst */
	unsigned linked;        /* 1: two directors, with a link between them */
	unsigned signs;         /* 1: every director signs, and hears what is signed */
	unsigned hold_cs; /* for how long one that is started is not ready; 0: it is at once */
	unsigned grouped; /* 1: the virtual routers of a director are one sync group */
	unsigned ipv6, version_2, unicast; /* masks of LANs */
	struct instant end;
	struct step steps[STEPS_MAX];
	size_t n_steps;
};

struct settings {
	bool takes_part;
	uint8_t priority;
	bool preempt;
	uint16_t interval_cs;
	unsigned vips; /* mask */
	unsigned preempt_delay_cs, settle_cs;
	unsigned burden;    /* points that tracking takes from the priority */
	bool fault;         /* tracking keeps it out of the election */
	unsigned strangers; /* mask of directors that are not among its peers */
};

/* What a host has on one LAN. */
struct nic {
	bool up, addressed;
	unsigned vips;              /* mask: virtual addresses on the host */
	struct port *port;          /* open, or NULL */
	struct instant claimed;     /* when it got the first of them */
	struct instant robbed;      /* since when some are missing, INSTANT_NEVER: none */
	struct instant rival_heard; /* while Active, and not announced since; INSTANT_NEVER: not */
	struct heard {
		bool known;
		uint8_t source, priority; /* a host number */
		uint16_t interval_cs;
		struct instant at;
	} heard;                      /* the Active router that it knows of as a Backup */
	struct instant patient_until; /* with one of lower priority; INSTANT_NEVER: heard of none */
	struct instant spoke;         /* the last advert */
	uint16_t spoke_interval_cs;
	unsigned longest_cs;     /* interval that it was ever told to have */
	struct instant listened; /* the last advert of any kind that it heard */
	struct instant resigned; /* the last priority 0 */
	uint8_t contested;       /* the own priority when that came */
};

/* Why an advert must make no difference. */
enum unheard {
	HEARD,
	UNHEARD_STRANGE,  /* to the group and not to us, or the other way; or from no peer */
	UNHEARD_INTERVAL, /* version 2: of another interval than ours */
	UNHEARD_FORGED,   /* not signed as it must be, or replayed */
};

enum news_kind { NEWS_LINK, NEWS_OWN_ADDRESS, NEWS_VIP };

/* What the kernel is about to tell. */
struct news {
	struct instant at;
	enum news_kind kind;
	unsigned lan, vip;
	bool present;
};

struct sim;

struct director {
	struct sim *sim;
	unsigned number;
	struct elector elector;
	bool settled; /* its routers do not change now: they are, by LAN, */
	const struct router *routers[LANS_MAX];
	struct state_file state;
	struct settings settings[LANS_MAX];
	struct settings in_force[LANS_MAX]; /* as the elector was told them last */
	enum maintenance maintenance;       /* what operators decided survives the elector */
	struct instant maintained;          /* since when it is to be Active no more */
	bool insisted; /* that it leaves the place, whether a peer takes it or not */
	struct nic nics[LANS_MAX];
	struct news news[NEWS_MAX];
	size_t n_news;
	bool overrun;
	bool running, frozen, suspended;
	bool resigns[LANS_MAX]; /* ... by a stop, to one who follows */
	bool dead;              /* killed in the middle of something: nothing that it does counts */
	unsigned crash_in;      /* things to do before it is killed, 0: it is not */
	struct instant awake_since;
	uint64_t ahead_us; /* its clock on the wall */
	/* Of its life: the stamp of the last advert that counted, by host; and the packet. */
	uint64_t stamps[LANS_MAX][SOURCES];
	struct packet {
		unsigned to, lan;
		struct instant at;
		struct addr source, destination;
		size_t len; /* 0: none */
		uint8_t bytes[SIM_PACKET_MAX];
	} counted[LANS_MAX];
	struct instant held_until; /* it preempts nobody before; {0}: it may */
	struct instant armed;      /* with lateness */
	struct state_router at_death[LANS_MAX];
};

struct lan {
	bool cut[DIRECTORS_MAX][DIRECTORS_MAX]; /* [from][to] */
	unsigned loss_percent, repeat_percent;
	unsigned delay_us;
	unsigned learned[VIPS];    /* who announced the address last; DIRECTORS_MAX: nobody */
	struct instant two_since;  /* two owners, INSTANT_NEVER: not */
	struct instant none_since; /* an owner resigned and has no successor, ... */
	struct instant offered;    /* an owner offered its place to a peer that takes it, ... */
	unsigned offered_by;
};

/* What a director's heartbeats and words over the link are to the other. */
struct teller {
	bool parted;
	bool passes;
	struct instant turned; /* since when they pass, or do not */
	struct instant last;   /* when the last heartbeat arrived before that */
	struct said {
		struct instant at;
		enum vrrp_state state; /* since then; */
		bool arrived;          /* ... and the other knows it */
		bool known;
		enum vrrp_state known_state; /* what the other knows */
	} said[LANS_MAX];
};

struct sim {
	const struct script *script;
	struct instant began, now;
	struct director directors[DIRECTORS_MAX];
	struct lan lans[LANS_MAX];
	struct teller tellers[DIRECTORS_MAX];
	struct packet flying[FLYING_MAX];
	size_t n_flying;
	uint64_t sent;
	/* For the invariants. */
	struct instant faulted; /* the last fault, or its end */
	struct instant stepped; /* the last step of any kind */
	unsigned forged_cs;     /* the longest interval in a forged advert */
	unsigned patience_cs;   /* the longest interval that a Backup may have learned */
	unsigned delay_us;      /* the longest a packet may have taken */
	unsigned wait_cs;       /* the longest that settings put off a takeover by */
	bool trace;
	const char *rule; /* that was broken, NULL: none was */
	char failure[FAILURE_MAX];
};

/* sim_world.c: runs a script to its end, or to a broken rule: then false. */
bool sim_run(struct sim *s, const struct script *script, bool trace);
/* The same number for the same arguments. */
uint64_t sim_noise(const struct sim *s, uint64_t a, uint64_t b, uint64_t c);
__attribute__((format(printf, 2, 3))) void sim_trace(const struct sim *s, const char *format, ...);

/* sim_lan.c */
/* 0, or -EHOSTUNREACH. */
int lan_send(struct sim *s, unsigned from, unsigned lan, const struct addr *source,
	const struct addr *destination, const uint8_t *packet, size_t len);
void lan_forge(struct sim *s, unsigned lan, uint8_t priority, uint16_t interval_cs);
/* The next that somebody awake reads, and when. NULL: none. */
struct packet *lan_next(struct sim *s, struct instant *ret_at);
void lan_deliver(struct sim *s, struct packet *p);
bool lan_is_whole(const struct sim *s, unsigned lan);
/* Whether settings that have to be the same on all directors are not. */
bool lan_is_at_odds(const struct sim *s, unsigned lan);
/* Whether it is one of those in a mask of a script. */
static inline bool lan_is(unsigned mask, unsigned lan)
{
	return mask & 1u << lan;
}
/* With the interval that adverts of version 2 are to have. */
struct vrrp_format lan_format(const struct sim *s, unsigned lan, unsigned interval_cs);
/* Of an advert on this LAN. */
uint16_t lan_interval_cs(const struct sim *s, unsigned lan, const uint8_t *packet);
unsigned lan_host(const struct addr *addr); /* its host number */

/* sim_link.c */
void link_look(struct sim *s); /* after whatever happened */
/* What the elector asks: false when there is no link. */
bool link_ask(struct sim *s, unsigned asker, unsigned lan, struct peer_news *ret);

/* sim_director.c */
void director_init(struct sim *s, unsigned number);
void director_done(struct director *d); /* memory only */
void director_start(struct director *d);
void director_stop(struct director *d);
void director_kill(struct director *d);
void director_hand_on(struct director *d);
void director_clean_up(struct director *d);
void director_reboot(struct director *d);
void director_configure(struct director *d);
void director_ready(struct director *d);
void director_switchover(struct director *d, bool insist);
void director_maintain(struct director *d, enum maintenance maintenance);
void director_hear(struct director *d, const struct packet *p);
void director_hear_again(struct director *d, unsigned lan);
void director_read_news(struct director *d);
void director_timer(struct director *d);
void director_add_news(
	struct director *d, enum news_kind kind, unsigned lan, unsigned vip, bool present);
struct instant director_next_news(const struct director *d);
static inline bool director_is_awake(const struct director *d)
{
	return d->running && !d->frozen && !d->suspended;
}
const struct router *director_find_router(const struct director *d, unsigned lan);
/* NULL when it has none on this LAN. */
static inline const struct router *director_router(const struct director *d, unsigned lan)
{
	return d->settled ? d->routers[lan] : director_find_router(d, lan);
}
struct state_router *director_record(struct director *d, unsigned lan); /* in use, or NULL */
/* Of two on a LAN of IPv4, the one with the higher number has the higher address; of IPv6, it is
 * the other way around. */
struct addr director_addr(const struct sim *s, unsigned number, unsigned lan);
/* A host that is configured as a peer everywhere, and does not exist. */
struct addr director_missing_peer(const struct sim *s, unsigned lan);

/* sim_rules.c: after each thing that happens, and at the moment of some. */
void rules_check(struct sim *s);
void rules_on_send(struct sim *s, struct director *d, unsigned lan, uint8_t priority);
void rules_on_hearing(struct sim *s, struct director *d, unsigned lan, const struct heard *heard);
/* ... and how that ended for one that was Active before. */
void rules_after_hearing(
	struct sim *s, const struct director *d, unsigned lan, const struct heard *heard);
/* What was to make no difference has moved this router. */
void rules_on_moved(struct sim *s, const struct director *d, unsigned lan, enum unheard why);
/* An operator is about to ask it for a switchover. */
void rules_before_switchover(struct sim *s, const struct director *d);
void rules_on_change(struct sim *s, struct director *d, unsigned lan);
void rules_on_transition(
	struct sim *s, struct director *d, unsigned lan, enum vrrp_state old_state);
void rules_before_stop(struct sim *s, struct director *d);
void rules_on_stop(struct sim *s, struct director *d);
void rules_on_death(struct sim *s, struct director *d);
void rules_after_stop(struct sim *s, struct director *d);

/* sim_script.c */
void script_make(struct script *ret, uint64_t seed);
void script_print(const struct script *script, FILE *to);
/* False, with a message on stderr, when it is none. */
bool script_read(struct script *ret, FILE *from, const char *name);
void step_print(const struct step *step, FILE *to);

/* sim_minimize.c: leave out what the failure does not need. `s` is for the runs. */
void minimize(struct sim *s, struct script *script);
