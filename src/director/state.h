/* The director's state, shared by the files of this folder; nobody else includes it.
 *   director.c  start and stop
 *   reload.c    taking a configuration
 *   helpers.c   the three helper processes
 *   roles.c     what the elector says
 *   checks.c    what the checker says
 *   shares.c    who gets what share of a pool's connections
 *   drains.c    drains under way
 *   operators.c what operators ask for one server
 *   apply.c     IPVS, sync daemons and settings made so
 *   status.c    the answer to "how are you?"
 *   cleanup.c   what a director that is gone left */
#pragma once

#include "base/event.h"
#include "conf/conf.h"
#include "director/balancer.h"
#include "director/control.h"
#include "director/director.h"
#include "director/overrides.h"
#include "director/pools.h"
#include "director/process.h"
#include "director/targets.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

enum helper_index { HELPER_ELECTOR, HELPER_CHECKER, HELPER_LINK, HELPER_MAX_ };

/* A start or a reload that waits for the helpers to say that they are configured. */
struct change {
	bool under_way;
	unsigned waiting; /* bits by helper_index */
	size_t operations;
	json_t *errors;
	struct control_call *call; /* NULL: nobody asked, or it was answered */
	sd_event_source *timeout;
};

/* What the elector said. */
struct roles {
	bool *active; /* by index in conf->routers */
	json_t *said; /* name -> its last Router message */
};

/* What has to be brought to the kernel. */
struct pending {
	bool whole;     /* all services, sync daemons and settings */
	bool *services; /* by index in conf->services */
	bool any;
	sd_event_source *defer; /* at the end of this turn of the loop */
	sd_event_source *retry;
	sd_event_source *look; /* for what somebody else changed */
	unsigned retries;      /* in a row */
};

/* When pools are evaluated next. */
struct shares {
	sd_event_source *defer; /* at the end of this turn of the loop */
	sd_event_source *timer;
};

/* A server, by index in conf->pools and in the pool's servers. */
struct server_place {
	size_t pool, server;
};

struct gather; /* status.c */

struct director {
	const struct director_options *options;
	sd_event *loop;
	int lock_fd;
	bool stopping;
	/* Asked for while a start or a reload was under way. */
	bool reload_again;
	struct control_call *reload_caller; /* who asked, NULL: a signal */
	sd_event_source *stop_timeout;

	struct conf *conf;
	int generation;
	json_t *rejected; /* errors of the last file, when it was refused; else NULL */

	struct process helpers[HELPER_MAX_];
	struct control *control;
	struct gather *gather;      /* Status calls being answered */
	struct gather *gather_next; /* those that came meanwhile */
	unsigned status_seq;

	struct roles roles;
	struct targets targets;
	struct pools pools;
	struct shares shares;
	struct overrides overrides;
	sd_event_source *drains_timer;

	struct balancer balancer;
	bool ipvs_available;
	size_t operations_last, operations_total;
	size_t drift_total;     /* operations that mended what somebody else changed */
	uint64_t apply_last_us; /* how long the last dump, plan and apply took */
	json_t *ipvs_errors;    /* array of text */
	struct pending pending;
	struct change change;
};

/* Log one event; field names and texts alternate and end with NULL. */
void director_event(struct director *d, enum event event, const char *message, ...)
	__attribute__((sentinel));

/* Log that something that cannot be done without failed. */
void director_fail(struct director *d, const char *what, int error);
/* One director for each runtime directory: a descriptor that holds the lock, or -errno; -EBUSY when
 * another one runs. `create`: make the directory if it is not there. */
int director_lock(const char *runtime_dir, bool create);

/* reload.c */
int reload_init(struct director *d);
void reload_done(struct director *d);
/* Read and validate. NULL, with d->rejected set and logged, when the file is refused. */
struct conf *reload_load(struct director *d);
/* Put `conf` in the place of what ran; takes it. 0 or -ENOMEM. */
int reload_adopt(struct director *d, struct conf *conf);
/* From here on, wait for the helpers' word; whoever asked is answered then. */
void reload_begin(struct director *d, struct control_call *call);
/* Bring the kernel to the new configuration. */
void reload_apply(struct director *d);
void reload_configured(struct director *d, enum helper_index from, const json_t *parameters);
/* SIGHUP (call NULL) or Reload. */
void reload_request(struct director *d, struct control_call *call);
/* We are leaving: who waits for a reload is told so, and no other one begins. */
void reload_stop(struct director *d);

/* helpers.c */
int helpers_start(struct director *d);
void helpers_configure(struct director *d);
/* Ask all to leave; the loop ends when they have. */
void helpers_leave(struct director *d);
void helpers_done(struct director *d);

/* roles.c */
void roles_configure(struct director *d);
void roles_message(struct director *d, const char *method, const json_t *parameters);
/* The elector is gone for too long: resign in its name. */
void roles_abandon(struct director *d);
/* The roles of d->conf's routers, by `conf`'s index and names. Release with roles_done(). 0 or
 * -ENOMEM. */
int roles_prepare(const struct director *d, const struct conf *conf, struct roles *ret);
void roles_done(struct roles *roles);
struct supervise_settings roles_supervision(const struct conf *conf);
json_t *roles_addresses(const struct addr_prefix *prefixes, size_t n); /* an array of text */
/* Where a router's snat_addresses go. */
const char *roles_snat_interface(const struct conf_router *router);

/* checks.c */
void checks_configure(struct director *d);
void checks_message(struct director *d, const char *method, const json_t *parameters);

/* shares.c */
int shares_init(struct director *d);
void shares_done(struct director *d);
/* The pools of a configuration that is to be adopted. 0 or -ENOMEM. */
int shares_prepare(const struct director *d, const struct conf *conf, const struct targets *targets,
	struct pools *ret);
/* From what the kernel's table shows after a start. */
void shares_adopt(struct director *d, const struct ipvs_table *have);
/* Something happened to it: its pools are evaluated at the end of this turn of the loop. */
void shares_touch_target(struct director *d, const struct target *target);
void shares_touch_server(struct director *d, const char *pool, const char *server);
/* At once; what is different is applied at the end of this turn. */
void shares_settle(struct director *d);

/* drains.c */
int drains_init(struct director *d);
void drains_done(struct director *d);
/* The drains under way have changed, or were looked at, which took so long. */
void drains_schedule(struct director *d, uint64_t took_us);
struct overrides_now drains_now(void);
/* False when the configuration has no such server. */
bool drains_find(
	const struct director *d, const char *pool, const char *server, struct server_place *ret);
/* Its connections in all services. */
struct drain_count drains_count(struct director *d, const struct server_place *place);
void drains_tell(struct director *d, enum event event, const char *pool, const char *server,
	const char *what);

/* operators.c */
void operators_server(struct director *d, struct control_call *call, const json_t *parameters);
void operators_drain(struct director *d, struct control_call *call, const json_t *parameters);
void operators_ready(struct director *d, struct control_call *call, const json_t *parameters);
void operators_weight(struct director *d, struct control_call *call, const json_t *parameters);
void operators_fail(struct director *d, struct control_call *call, const json_t *parameters);
/* "decision", "set_weight", "drain", "requested_us", "deadline_us". */
json_t *operators_decision_to_json(const struct decision *decision);

/* apply.c */
int apply_init(struct director *d);
void apply_done(struct director *d);
/* Room to note what is pending for `conf`'s services; NULL when out of memory. */
bool *apply_prepare(const struct conf *conf);
/* Forget what was pending for the configuration before; takes what apply_prepare() returned. */
void apply_forget(struct director *d, bool *services);
/* Everything, now. Returns the number of operations. */
size_t apply_all(struct director *d);
/* One service, at the end of this turn of the loop; with `now`, at once. */
void apply_service(struct director *d, size_t service);
void apply_pending_now(struct director *d);
void apply_sync_changed(struct director *d);
/* on_stop "remove", --cleanup=all. */
void apply_remove_all(struct director *d);
/* Verdicts from what the kernel's table shows. */
void apply_adopt(struct director *d);
void link_configure(struct director *d);
void link_message(struct director *d, const char *method, const json_t *parameters);

/* status.c */
void status_request(struct director *d, struct control_call *call);
void status_report(struct director *d, enum helper_index from, const json_t *report);
void status_done(struct director *d);
