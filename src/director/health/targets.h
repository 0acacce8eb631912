/* What is health-checked: one target per distinct address, port and check, however many services
 * and pools name it, with the verdict that the director believes. */
#pragma once

#include "base/index.h"
#include "base/instant.h"
#include "base/writer.h"
#include "conf/conf.h"
#include "core/pool.h"
#include "director/health/views.h"

#include <stdbool.h>
#include <stddef.h>

enum verdict {
	VERDICT_UNKNOWN, /* not checked yet: what the check's `initial` says */
	VERDICT_DOWN,
	VERDICT_UP,
	VERDICT_MAX_
};
const char *verdict_name(enum verdict v);       /* "unknown", "down", "up" */
enum verdict verdict_by_name(const char *name); /* VERDICT_MAX_: none */

struct target {
	char *id;
	struct addr addr;
	uint16_t port;                   /* 0: of no interest to the type of check */
	const struct conf_check *check;  /* a single one, of the first server that names it */
	const struct conf_service *path; /* by which it goes to the server; NULL: directly */
	struct addr end;                 /* at the path's end */
	const char *interface;           /* of which it has its source; NULL: of the way there */
	size_t direct;                   /* with a path: the target without, an index */
	bool arp; /* with a path: only that nobody hears of the address there */
	enum verdict verdict;
	bool added;               /* by a reload, and not checked yet */
	struct instant up_at;     /* when it came up; {0}: it is not news */
	struct instant failed_at; /* when it went down */
	struct pool_wishes wishes;
	const char *pool, *server; /* names of the first, for the log */
	size_t view, index;        /* and where it is: its view, and its number in the pool */
};

/* What the checks of a server make of it together. */
struct server_health {
	enum health_state state;
	enum health_state said;   /* without regard to `initial` */
	struct instant up_at;     /* as in struct target */
	struct instant failed_at; /* while it is down */
	struct pool_wishes wishes;
};

struct targets {
	struct views views;
	struct target *items;
	size_t n;
	/* By place: the targets of the server, one for each of its checks; where it goes through
	 * the service, those with a path follow. */
	struct lists of_place;
	struct lists users; /* by target: the views that have it, one once for each server */
	struct index by_id;
};

/* Derived from the configuration, which must outlive it. Returns 0 or -ENOMEM. */
int targets_build(const struct conf *conf, struct targets *ret);
/* Verdicts of targets that stay (same id, or the same address and port under other check settings)
 * are taken over from `old`; again when those have changed. Returns 0 or -ENOMEM. */
int targets_inherit(struct targets *t, const struct targets *old);

/* The same in steps. Zero-initialise. */
struct heritage {
	size_t next;            /* of the targets that inherit */
	struct index endpoints; /* of the old ones; there when the first is looked for */
};
/* `max` targets more, from `old`, which is the same one in each step. Returns 1 when there are more
 * of them, 0, or -ENOMEM. */
int heritage_step(struct heritage *h, struct targets *t, const struct targets *old, size_t max);
/* Done with, or begun anew. */
void heritage_done(struct heritage *h);

void targets_done(struct targets *t);

/* Whether each has a verdict. */
bool targets_all_checked(const struct targets *t);

/* NULL: no such target. */
struct target *targets_find(const struct targets *t, const char *id);
/* The views that have a server checked by this target; *ret_n of them, valid as long as `t`. */
const size_t *targets_users(const struct targets *t, const struct target *target, size_t *ret_n);
/* Indices in t->items, as many as the server has checks. */
const size_t *targets_of(const struct targets *t, size_t view, size_t server, size_t *ret_n);
/* What counts: up without a check, and what the check's `initial` says before its first result. */
struct server_health targets_health(
	const struct targets *t, const struct conf *conf, size_t view, size_t server);
/* A verdict came. What was down, or came with a reload, is news when it is up: it starts slowly. */
void targets_set_verdict(struct target *target, enum verdict verdict, struct instant now);
/* Believe what the kernel's table shows: a server with a weight in `have` was up when it was put
 * there. Only unknown verdicts change. */
void targets_adopt(struct targets *t, const struct conf *conf, const struct ipvs_table *have);

/* The checker's array of targets, as member "targets". */
void targets_write(const struct targets *t, size_t from, size_t to, struct writer *w);
/* Whether the checker has nothing to learn from `b` that it does not have from `a`. */
bool targets_same(const struct targets *a, const struct targets *b);

const char *targets_type_name(const struct target *t); /* "tcp" */
/* The port that a service uses on a server. */
uint16_t server_port(const struct conf_service *service, const struct conf_server *server);
