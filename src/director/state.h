/* The director's state, shared by the files here and in the folders here; nobody else includes it.
 *   director.c   start and stop, what the control socket is asked
 *   helpers.c    the three helper processes, by process.c
 *   heard.c      what is taken of their words
 *   runtime_dir.c  what is removed from there while we run
 *   restart.c    a word to the successor
 *   config/      taking a configuration
 *   control/     the control socket; the answers to "how are you?", "why?" and "what would you do?"
 *   election/    what the elector says, and what moves with virtual routers
 *   forward/     settings and nftables rules, tracked connections
 *   health/      what the checker says, and who gets what share of a pool's connections
 *   pair/        the link, the other director, and what is decided for both
 *   table/       the kernel's IPVS table, made what it should be
 *   watch/       what is watched for the election, and programs that are told of it */
#pragma once

#include "base/event.h"
#include "conf/conf.h"
#include "core/allowance.h"
#include "core/handover.h"
#include "director/control/control.h"
#include "director/control/events.h"
#include "director/director.h"
#include "director/forward/forwarding.h"
#include "director/health/exec_checks.h"
#include "director/health/pools.h"
#include "director/health/targets.h"
#include "director/pair/link_mode.h"
#include "director/pair/overrides.h"
#include "director/process.h"
#include "director/table/balancer.h"
#include "director/table/desired.h"
#include "director/table/job.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

enum helper_index { HELPER_ELECTOR, HELPER_CHECKER, HELPER_LINK, HELPER_MAX_ };

/* What a change waits for besides the helpers: the table. */
#define CHANGE_TABLE (1U << HELPER_MAX_)

/* A start or a reload that waits for the helpers to say that they are configured, and for the
 * kernel's table. */
struct change {
	bool under_way;
	unsigned waiting; /* bits by helper_index, and CHANGE_TABLE */
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

/* A service that could not be brought to the kernel. */
struct trouble {
	char *text; /* NULL: there is none */
	struct instant again;
	unsigned tries;
};

/* What apply.c keeps for each service of a configuration, by its index in conf->services. */
struct services {
	size_t n;
	size_t *order; /* desired_order() */
	bool *pending;
	size_t *list; /* those pending, in the order in which they came */
	size_t n_pending, next;
	struct trouble *troubles;
	size_t n_troubles;
};

/* When something has to be brought to the kernel. */
struct pending {
	sd_event_source *defer; /* single services, at the end of this turn of the loop */
	sd_event_source *retry; /* everything */
	sd_event_source *cure;  /* services in trouble */
	sd_event_source *look;  /* for what somebody else changed */
	unsigned retries;       /* in a row */
};

/* What is news when a candidate is adopted. */
struct told_news {
	enum pool_news news;
	size_t view;
};
struct told_later {
	struct told_news *items;
	size_t n, size;
};

/* What a candidate lacks still. */
enum candidate_stage {
	CANDIDATE_INHERIT, /* the verdicts of its targets */
	CANDIDATE_SHARES,  /* its pools and its roles */
	CANDIDATE_EVALUATE,
	CANDIDATE_COMPLETE,
};

/* A configuration with all that is derived from it, aside of the one in force. */
struct candidate {
	struct conf *conf;
	enum candidate_stage stage;
	struct targets targets;
	struct heritage heritage;
	struct pools pools;
	struct told_later told_later;
	bool outdated; /* verdicts or roles have changed since it took them over */
	bool stale;    /* the same of what its shares follow from else */
	struct roles roles;
	struct services services;
};

enum task {
	TASK_NONE,
	TASK_WHOLE,  /* a start, or after a failure */
	TASK_RELOAD, /* the candidate's table; it is adopted when the plan is known */
	TASK_PLAN,   /* the candidate's plan, no more */
	TASK_LOOK,   /* for drift */
};

/* The job on the whole table. */
struct work {
	enum task task;
	bool prepared;         /* the candidate is complete, and the job, if any, was made */
	bool counted;          /* the job has, and waits for what follows from it */
	struct job *job;       /* NULL: none is needed or possible */
	int error;             /* ... then 0, or why */
	sd_event_source *turn; /* one step each, when there is nothing else to do */
	struct instant begun;
	uint64_t busy_us, longest_us; /* in steps; the longest of them */
	json_t *errors;               /* of no service */
	unsigned rounds, told, renewals, candidate_steps;
	size_t operations, failures;
	size_t changed;         /* settings and rules that were not as they should be */
	bool forwarding_failed; /* not all of those could be made so */
	bool adopting;          /* the first look after a start */
	bool disturbed;         /* verdicts or shares changed beside a candidate */
	bool whole;             /* another one is needed */
	bool sure;              /* the table was brought to what was wanted, and nothing failed */
	struct known known;     /* for a reload's job that need not dump the table */
	struct control_call *callers[CONTROL_CALLERS_MAX]; /* of Repair */
	size_t n_callers;
};

/* When pools are evaluated next. */
struct shares {
	sd_event_source *defer; /* at the end of this turn of the loop */
	sd_event_source *timer;
};

/* What the checker has been told. */
struct checks {
	bool known; /* it has taken all targets of the configuration before, without a complaint */
	bool same;  /* those of this one are the same */
	bool standby; /* as the checker was told */
	/* While it is configured in parts: the next one's turn, where that begins, and how many it
	 * has not answered. */
	bool telling;
	sd_event_source *turn;
	size_t next, unanswered;
};

/* A server, by index in conf->pools and in the pool's servers. */
struct server_place {
	size_t pool, server;
};

/* What an operator decided about this host. */
struct maintenance_state {
	enum maintenance mode;
	uint64_t since_unix_us; /* of the wall clock; 0: never */
};

/* The operator who waits for a switchover. */
struct switchover {
	struct control_call *call; /* NULL: nobody */
	char *router;              /* he means this one; NULL: all */
	bool comparing;            /* the tables, before the elector is asked */
	json_t *asked; /* routers that were Active: name -> their "switchovers" until then */
	sd_event_source *timeout;
};

/* What tandem-link is given. */
struct link_side {
	int device; /* LINK_DEVICE; -1: there is none */
	int page;   /* memory of a struct peer_page */
};

/* Why a director is not ready to take over. */
enum peer_trouble {
	PEER_FINE,
	PEER_TABLE_PENDING,  /* the table has not been brought to the kernel yet */
	PEER_NO_IPVS,        /* nor can it be: the kernel has no IPVS, and there are services */
	PEER_CHECKS_PENDING, /* a server has not been checked yet */
	PEER_NOT_HEARD,
	PEER_NO_STREAM, /* heard, but not talked to */
	PEER_CONFIG_DIFFERS,
	PEER_RESYNC_RUNNING,
	PEER_RESYNC_FAILED,
	PEER_COVERAGE_LOW,
	PEER_IN_MAINTENANCE,
	PEER_TROUBLE_MAX_
};

enum peer_resync {
	PEER_RESYNC_STATE_NONE, /* on this stream */
	PEER_RESYNC_STATE_RUNNING,
	PEER_RESYNC_STATE_DONE,
	PEER_RESYNC_STATE_FAILED,
};

/* The other director, as tandem-link says. */
struct peer {
	bool alive;           /* its heartbeats are heard */
	bool stream;          /* the stream is open */
	struct instant since; /* when `alive` became what it is, or tandem-link was configured */
	char reason[200];     /* of what is not as it should be */
	json_t *state;        /* what its director said last; NULL: nothing */
	json_t *coming;       /* said since; NULL: nothing */
	enum peer_resync resync;
	json_t *resync_said, *coverage; /* the last messages; NULL: none */
	uint64_t resyncs_done, resyncs_failed;
	bool coverage_low;
	bool differs; /* its configuration means something else */
	bool split;   /* both are Active for one address, and that was told */
	pid_t link_pid;
	char *told;             /* our state, as it was told last; NULL: it must be told */
	sd_event_source *defer; /* told at the end of this turn of the loop */
	sd_event_source *hear;  /* heard then */
	sd_event_source *grace, *split_timer;
};

struct outline; /* conf/outline.h */

/* Where the two configurations differ. */
struct compare {
	char meaning[65], against[65]; /* of ours, and the peer's */
	struct outline *outline;       /* of our file; NULL: it is another one by now */
	char *at;                      /* the place that is looked at; NULL: none */
	json_t *members;               /* there; NULL: they cannot be told */
	char *path;                    /* the first difference; NULL: not found yet */
};

/* The operator who waits for a resync. */
struct resync_wait {
	struct control_call *call; /* NULL: nobody */
	sd_event_source *timeout;
};

/* What devices.c is to bring down or remove. */
struct devices {
	struct device *items; /* devices.c */
	size_t n;
	sd_event_source *turn;
};

/* What may say why a router moved; as of why.c. */
struct why {
	json_t *happened; /* the oldest first; NULL: nothing */
	sd_event_source *timer;
	bool unsaved, failed; /* not in the file yet; the file could not be written */
};

struct push;           /* push.c */
struct conntrack_sync; /* conntrack_sync.c */
struct gather;         /* devices.c */
/* "Device" of the elector. */
void devices_message(struct director *d, const json_t *said);
/* All that are left, now. */
void devices_done(struct director *d);

/* why.c */
/* Reads what happened before this start; a file that cannot be read is told of. */
void why_init(struct director *d);
/* Every event, when it happens; `fields` are the journal's. */
void why_note(struct director *d, uint64_t now_unix_us, enum event event, const char *message,
	const json_t *fields);
void why_request(struct director *d, struct control_call *call, const json_t *parameters);
void why_done(struct director *d);

/* status.c */
struct track;       /* track.c */
struct notify;      /* notify.c */
struct runtime_dir; /* runtime_dir.c */
struct plan;        /* plan.c */

struct director {
	const struct director_options *options;
	struct instant started;
	sd_event *loop;
	int lock_fd;
	struct events events;
	bool stopping;
	bool restarting; /* ... and a successor of this process is to go on */
	/* Asked for while a start or a reload was under way. */
	bool reload_again;
	struct control_call *reload_caller; /* who asked, NULL: a signal */
	bool reload_again_may_delete;       /* he means it */
	bool reload_may_delete;             /* the one under way */
	struct load *load;                  /* its file is being read; NULL: none is */
	struct control_call *load_caller;
	sd_event_source *stop_timeout;

	struct conf *conf;
	int generation;
	json_t *rejected; /* errors of the last file, when it was refused; else NULL */

	struct process helpers[HELPER_MAX_];
	struct allowance heard[HELPER_MAX_]; /* of what they ask to be logged */
	struct control *control;
	struct gather *gather;      /* Status calls being answered */
	struct gather *gather_next; /* those that came meanwhile */
	unsigned status_seq;
	uint64_t loop_longest_us;       /* the longest turn of the loop */
	unsigned status_steps;          /* turns of the loop that the last answer took to write */
	unsigned reload_steps;          /* ... and the last configuration, before it was adopted */
	struct server_ask *server_asks; /* Server calls that wait for the checker */

	struct roles roles;
	struct targets targets;
	struct checks checks;
	struct exec_checks *exec_checks;
	struct pools pools;
	struct shares shares;
	struct overrides overrides;
	sd_event_source *drains_timer;
	size_t drains_next;      /* of the overrides, where the next turn goes on */
	uint64_t drains_took_us; /* since all of them were looked at */
	bool applied;            /* the table, once since the start */
	bool ready;              /* ... and every server was checked: the elector may preempt */
	struct maintenance_state maintenance;
	struct switchover switchover;
	struct link_side link;
	struct peer peer;
	struct compare compare;
	struct resync_wait resync;
	struct push *push;                     /* NULL before there is a loop */
	struct conntrack_sync *conntrack_sync; /* the same */
	struct devices devices;
	struct why why;
	struct runtime_dir *runtime_dir; /* NULL before there is a loop */
	struct track *track;             /* NULL before there is a loop */
	struct notify *notify;           /* the same */

	struct balancer balancer;
	struct forwarding forwarding;
	bool ipvs_available;
	bool ipvs_missing; /* and it is needed */
	size_t operations_last, operations_total;
	size_t drift_total;        /* operations that mended what somebody else changed */
	uint64_t apply_last_us;    /* how long the last dump, plan and apply took */
	uint64_t apply_busy_us;    /* so long of it in steps of our own */
	uint64_t apply_longest_us; /* the longest step of all jobs */
	struct instant applied_at; /* the last of the whole table ended, 0: none did */
	json_t *ipvs_errors;       /* array of text: those of no service */
	struct services services;
	struct pending pending;
	struct work work;
	struct candidate *candidate; /* of the work under way; NULL: none */
	struct plan *plan;           /* asked for; NULL: none */
	struct change change;
};

/* Log one event, and keep it for Events; `fields` (borrowed; NULL: none) are texts by name. */
void director_log(struct director *d, enum event event, const char *message, json_t *fields);
/* The same; field names and texts alternate and end with NULL. */
void director_event(struct director *d, enum event event, const char *message, ...)
	__attribute__((sentinel));

/* Log that something that cannot be done without failed. */
void director_fail(struct director *d, const char *what, int error);
/* One director for each runtime directory: a descriptor that holds the lock, or -errno; -EBUSY when
 * another one runs. `create`: make the directory if it is not there. */
int director_lock(const char *runtime_dir, bool create);

/* runtime_dir.c */
/* After everything else that has a file there. */
int runtime_dir_init(struct director *d);
void runtime_dir_done(struct director *d);

/* reload.c */
int reload_init(struct director *d);
void reload_done(struct director *d);
/* Read and validate, before there is a loop. NULL, with d->rejected set and logged, when the file
 * is refused. */
struct conf *reload_load(struct director *d);
/* Whether a change is under way, or its file is being read. */
bool reload_is_under_way(const struct director *d);
/* Put `conf` in the place of what ran; takes it. 0 or -ENOMEM. */
int reload_adopt(struct director *d, struct conf *conf);
/* From here on, wait for the helpers' word; whoever asked is answered then. */
void reload_begin(struct director *d, struct control_call *call);
void reload_configured(struct director *d, enum helper_index from, const json_t *parameters);
/* The table is as the configuration wants it, or what could not be done is known. */
void reload_applied(struct director *d, size_t operations);
/* What the plan of the candidate says: true when it is in force now; false when it was refused, and
 * its caller told. `counts` is NULL when there is no table to be planned for. */
bool reload_decide(struct director *d, const struct job_counts *counts);
/* SIGHUP (call NULL) or Reload. may_delete: more than the configuration's max_delete, too. */
void reload_request(struct director *d, struct control_call *call, bool may_delete);
/* What follows from the configuration alone, in any thread. Takes conf. NULL when out of memory. */
struct candidate *candidate_prepare(struct conf *conf);
/* A step of what follows from how things are now, until its stage is CANDIDATE_COMPLETE. 0 or
 * -ENOMEM. The configuration in force stays the same meanwhile. */
int candidate_step(struct director *d, struct candidate *c);
/* Complete, and nothing is otherwise than it has it. */
bool candidate_is_current(const struct candidate *c);
/* From where things are otherwise now. */
void candidate_begin_anew(struct candidate *c);
void candidate_free(struct candidate *c);
/* The candidate could not be completed: it is gone, and who asked for it told. */
void reload_give_up(struct director *d);
/* Begins the one that waits, if there is one and it is its turn. */
bool reload_next(struct director *d);
/* A slip in the file must not empty the table: NULL, or an array of what is wrong. */
json_t *reload_guard(const struct conf *conf, const struct job_counts *counts);
/* We are leaving: who waits for a reload is told so, and no other one begins. */
void reload_stop(struct director *d);

/* helpers.c */
/* Before anything is done: 0, or -errno for a helper that `conf` needs and that cannot be run,
 * which is told. */
int helpers_check(struct director *d, const struct conf *conf);
int helpers_start(struct director *d);
/* Those who are to know what the table shows, once that is known. */
void helpers_start_rest(struct director *d);
void helpers_configure(struct director *d);
/* Ask all to leave; the loop ends when they have. */
void helpers_leave(struct director *d);
/* The loop ends when they have left, and what is told of it is told. */
void helpers_leave_if_alone(struct director *d);
void helpers_done(struct director *d);

/* roles.c */
void roles_configure(struct director *d);
void roles_message(struct director *d, const char *method, const json_t *parameters);
/* What the elector asked for by that number, for the router of that name, has come to its end. */
void roles_prepared(struct director *d, const char *name, json_int_t number);
/* The elector is gone for too long: resign in its name. */
void roles_abandon(struct director *d);
/* The roles of d->conf's routers, by `conf`'s index and names. Release with roles_done(). 0 or
 * -ENOMEM. */
int roles_prepare(const struct director *d, const struct conf *conf, struct roles *ret);
void roles_done(struct roles *roles);
/* The table was applied, or a verdict came: tells the elector once that the director is ready. */
void roles_look_ready(struct director *d);
struct supervise_settings roles_supervision(const struct conf *conf);
const char *roles_auth_mode_name(enum conf_auth_mode mode); /* "enforce" */
/* How often the peer must hear from us over the link, so that it is a help to every router. */
uint64_t roles_heartbeat_us(const struct conf *conf);
/* The "wire" of "Configure". */
json_t *roles_wire(const struct conf *conf, const struct conf_router *router);

/* The name of a router in the configuration. */
bool roles_is_router(const struct director *d, const char *name);

/* track.c */
int track_init(struct director *d);
void track_done(struct director *d);
/* Watch what d->conf says; the one before is about to go. */
void track_configure(struct director *d);
/* The causes of a router for the elector, a new reference; NULL: nothing is known yet. */
json_t *track_causes(const struct director *d, const struct conf_router *router);
/* Whether an interface, a route or an address that the router depends on fails: this host may be
 * cut off from those it serves. */
bool track_cut_off(const struct director *d, const struct conf_router *router);
/* Pools were evaluated. */
void track_pools(struct director *d);
json_t *track_to_json(const struct director *d);

/* notify.c */
int notify_init(struct director *d);
void notify_done(struct director *d);
/* d->conf is another one. */
void notify_configure(struct director *d);
/* The elector said something about the router of that index. */
void notify_router(struct director *d, size_t router, const json_t *said);
/* The elector asks for the program that its router takes over after; roles_prepared() is called
 * when it has ended. */
void notify_prepare(struct director *d, size_t router, const json_t *asked);
/* We are leaving; the loop ends when this is over, too. */
bool notify_is_busy(const struct director *d);
json_t *notify_to_json(const struct director *d, const struct conf_router *router);

/* switchover.c */
void switchover_request(struct director *d, struct control_call *call, const json_t *parameters);
/* The elector said something about a router. */
void switchover_look(struct director *d);
/* tandem-link has compared the tables. */
void switchover_coverage(struct director *d);
/* We are leaving. */
void switchover_done(struct director *d);

/* maintenance.c: kept in STATE_DIR/maintenance.json over restarts and reboots. */
void maintenance_init(struct director *d);
void maintenance_request(struct director *d, struct control_call *call, const json_t *parameters);
json_t *maintenance_to_json(const struct director *d);

/* checks.c */
int checks_init(struct director *d);
void checks_done(struct director *d);
/* The checker was started: it knows nothing, and nothing runs for it. */
void checks_started(struct director *d);
/* In parts: the checker knows everything some turns of the loop later. */
void checks_configure(struct director *d);
/* The checker is another one soon, and knows nothing then. */
void checks_forget(struct director *d);
/* A virtual router became Active or is not any more. */
void checks_role(struct director *d);
/* What the checker needs for the targets that there are, as a set of 1 << CAP_*. */
uint64_t checks_capabilities(const struct director *d);
/* These targets are about to take the place of d->targets. */
void checks_adopt(struct director *d, const struct targets *targets);
/* The checker has taken a configuration. */
void checks_configured(struct director *d, const json_t *parameters);
void checks_message(struct director *d, const char *method, const json_t *parameters);

/* shares.c */
int shares_init(struct director *d);
void shares_done(struct director *d);
/* The pools of a configuration that is to be adopted. 0 or -ENOMEM. */
int shares_prepare(const struct director *d, const struct conf *conf, const struct targets *targets,
	struct pools *ret);
/* From what the kernel's table shows after a start. */
void shares_adopt(struct director *d, const struct ipvs_table *have);
/* What pools are evaluated from. */
struct pools_input shares_input(
	const struct director *d, const struct conf *conf, const struct targets *targets);
/* What the peer says, or whether its word counts, may be different. */
void shares_touch_peer(struct director *d);
/* Something happened to it: its pools are evaluated at the end of this turn of the loop. */
void shares_touch_target(struct director *d, const struct target *target);
void shares_touch_server(struct director *d, const char *pool, const char *server);
/* At once; what is different is applied at the end of this turn. */
void shares_settle(struct director *d);
/* News of the pools in force. */
void shares_tell(struct director *d, const struct told_later *news);

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
/* Answers a call about a virtual router that there is not. */
void operators_refuse_router(struct director *d, struct control_call *call, const char *name);
void operators_server(struct director *d, struct control_call *call, const json_t *parameters);
void operators_drain(struct director *d, struct control_call *call, const json_t *parameters);
void operators_ready(struct director *d, struct control_call *call, const json_t *parameters);
void operators_weight(struct director *d, struct control_call *call, const json_t *parameters);
void operators_fail(struct director *d, struct control_call *call, const json_t *parameters);
/* "decision", "set_weight", "drain", "requested_us", "deadline_us". */
json_t *operators_decision_to_json(const struct decision *decision);

/* server_view.c */
/* Answers with `view`, which is taken, and all that is known of the server. */
void server_view_request(struct director *d, struct control_call *call,
	const struct server_place *place, json_t *view);
/* The checker told of targets. */
void server_view_targets(struct director *d, const json_t *parameters);
void server_view_done(struct director *d);

/* apply.c */
int apply_init(struct director *d);
void apply_done(struct director *d);
/* Room for what is kept about `conf`'s services. 0 or -ENOMEM. */
int services_prepare(const struct conf *conf, struct services *ret);
void services_done(struct services *s);
/* Takes `services` in place of those of the configuration before. */
void apply_forget(struct director *d, struct services *services);
/* One service, at the end of this turn of the loop; with `now`, at once. Many take several turns.
 */
void apply_service(struct director *d, size_t service);
void apply_pending_now(struct director *d);
/* Nothing is pending any more: the whole table is brought to the kernel. */
void apply_pending_forget(struct director *d);
void apply_sync_changed(struct director *d);
int apply_sync(struct director *d, struct balance *ret);
size_t apply_forwarding(struct director *d);
bool apply_uses_ipvs(const struct director *d, const struct conf *conf);
struct desired_input apply_input(const struct director *d);
/* Everything again, later and later. */
void apply_retry_later(struct director *d);
/* Every problem: those of services in trouble, and the others. New reference. */
json_t *apply_errors(const struct director *d);
/* Whether the text is in an array of problems. */
bool apply_is_told(const json_t *array, const char *text);
/* Log what went wrong, remember it in `errors` (array of text). What d->ipvs_errors has is no news.
 */
void apply_note_errors(struct director *d, const struct balance *b, json_t *errors);
void apply_note_operations(
	struct director *d, const struct balance *b, const char *what, struct instant begun);

/* trouble.c */
int trouble_init(struct director *d);
/* The service has this problem; it is tried again by itself, later and later. */
void trouble_note(struct director *d, size_t service, const char *text);
void trouble_over(struct director *d, size_t service);
bool trouble_waits(const struct director *d, size_t service);

/* work.c */
int work_init(struct director *d);
void work_done(struct director *d);
/* Begin, in the place of what was under way. */
/* `candidate` is taken; NULL: for the configuration in force. */
void work_begin(struct director *d, enum task task, struct candidate *candidate);
/* As soon as nothing else is under way. */
void work_whole_soon(struct director *d);
/* A verdict or a role changed that a candidate has taken over already. */
void work_disturb(struct director *d);
/* A service was made right beside the job. */
void work_service_done(struct director *d, size_t service);
void work_repair(struct director *d, struct control_call *call, const json_t *parameters);
void work_look_later(struct director *d, uint64_t took_us);
/* What waits for its turn, begins. */
void work_next(struct director *d);
void work_stop(struct director *d);

/* plan.c */
void plan_request(struct director *d, struct control_call *call, const json_t *parameters);
bool plan_waits(const struct director *d);
/* Of whom waits: the caller's. */
struct candidate *plan_begin(struct director *d);
void plan_operation(struct director *d, const struct ipvs_op *op);
/* The answer, and the end of it. `counts` as in reload_decide(). */
void plan_finish(struct director *d, const struct job_counts *counts);
/* NULL: nobody asks. Ends it with an error. */
void plan_cancel(struct director *d, const char *error);

/* on_stop "remove", --cleanup=all. */
void apply_remove_all(struct director *d);
/* Verdicts from what the kernel's table shows. */
void apply_adopt(struct director *d, const struct ipvs_table *have);

/* link.c */
/* The helpers are known, and none was started. 0 or -errno. */
int link_init(struct director *d);
void link_done(struct director *d);
/* The device is there as d->conf wants it; tandem-link is started again when it has another one.
 * 0 or -errno: it is tried again with the table. */
int link_prepare(struct director *d);
/* tandem-link ended, and is going to be started again. It ends when somebody deleted the device,
 * which is made again then, with the kernel's daemons on it. */
void link_died(struct director *d);
/* The device goes. */
void link_remove_device(struct director *d);
void link_configure(struct director *d);
void link_message(struct director *d, const char *method, const json_t *parameters);

/* peer.c */
int peer_init(struct director *d);
void peer_done(struct director *d);
/* Whether there is another director to talk to. */
bool peer_is_wanted(const struct director *d);
/* The other node of a pair, by index in conf->nodes. */
size_t peer_index(const struct conf *conf);
const char *peer_name(const struct director *d);
/* tandem-link was told a configuration. */
void peer_configured(struct director *d);
void peer_message(struct director *d, const char *method, const json_t *parameters);
/* Something of what the peer is told has changed. */
void peer_touch(struct director *d);
/* A router here became Active, or is not any more. */
void peer_role_changed(struct director *d);
const char *peer_trouble_name(enum peer_trouble trouble); /* "resync-running" */
/* Why this director would not do what the peer does, as far as the link is concerned. */
enum peer_trouble peer_trouble_here(const struct director *d);
/* Why the peer would not do what this director does. */
enum peer_trouble peer_trouble_there(const struct director *d);
/* What the peer's checks say of a server of a view: down as soon as one of them fails. UNKNOWN: it
 * is not heard, is configured otherwise, or does not know. `director` is a struct director; the
 * view is one of `all`, which need not be its own. */
enum health_state peer_says(
	const void *director, const struct targets *all, size_t view, size_t server);
/* For the status; null: there is no peer. */
json_t *peer_to_json(const struct director *d);

/* compare.c */
/* The peer's state, or our configuration, is another one. */
void compare_heard(struct director *d);
/* Adds what the peer needs for finding the difference. */
void compare_to_json(const struct director *d, json_t *state);
json_t *compare_path(const struct director *d); /* of the first difference, or null */
void compare_done(struct director *d);

/* replicate.c */
/* What the peer decided, or had decided by us. */
void replicate_heard(struct director *d, const json_t *decisions);
/* So many connections a drain has left here. */
void replicate_counted(struct director *d, struct override *item, const struct drain_count *count);
/* The peer has looked since the drain was decided, or there is none that could. */
bool replicate_is_counted_there(const struct director *d, const struct override *item);
/* Of both: one that is not heard has none. */
struct drain_count replicate_count(const struct director *d, const struct override *item);

/* push.c */
void push_request(struct director *d, struct control_call *call, const json_t *parameters);
/* The peer's state is another one: it may ask or answer. */
void push_heard(struct director *d);
/* The peer may be gone. */
void push_look(struct director *d);
void push_to_json(const struct director *d, json_t *state);
int push_init(struct director *d);
/* A reload has ended; errors (array of text) say how. */
void push_reloaded(struct director *d, const json_t *errors);
/* We are leaving. */
void push_stop(struct director *d);
void push_done(struct director *d);

/* conntrack_sync.c */
int conntrack_sync_init(struct director *d);
void conntrack_sync_done(struct director *d);
/* d->conf is another one. */
void conntrack_sync_configure(struct director *d);
/* Something of what was told did not go out: it is told again. */
void conntrack_sync_lost(struct director *d);
/* Entries of the peer. */
void conntrack_sync_message(struct director *d, const json_t *parameters);
/* The peer is to tell everything: a stream is new, or entries were deleted here. */
void conntrack_sync_ask(struct director *d);
/* The peer's state is another one: it may ask. */
void conntrack_sync_heard(struct director *d);
void conntrack_sync_to_state(const struct director *d, json_t *state);
json_t *conntrack_sync_to_json(const struct director *d); /* null: it is not needed */

/* resync.c */
void resync_request(struct director *d, struct control_call *call, const json_t *parameters);
/* tandem-link says how it ended. */
void resync_answer(struct director *d);
void resync_done(struct director *d);

/* status.c */
void status_request(struct director *d, struct control_call *call);
void status_report(struct director *d, enum helper_index from, const json_t *report);
void status_done(struct director *d);
