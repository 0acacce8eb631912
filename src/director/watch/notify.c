/* Programs that are told what became of a virtual router: each has a queue of one, where the latest
 * state waits while a program runs, and takes the place of one that waited before. And one that a
 * takeover waits for, which is in no queue. */
#include "director/state.h"

#include "conf/alloc.h"
#include "director/watch/run.h"
#include "io/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum told { TOLD_NOTHING, TOLD_ACTIVE, TOLD_BACKUP, TOLD_FAULT, TOLD_STOP, TOLD_MAX_ };

static const char *const told_names[TOLD_MAX_] = {"", "active", "backup", "fault", "stop"};

/* The programs of one state, in their order. */
enum turn { TURN_OWN, TURN_ANY, TURN_MAX_ };

/* One state, with what was known when it came. */
struct news {
	enum told state, old_state;
	char reason[32], peer[ADDR_TEXT_MAX];
	int priority;
};

struct queue {
	struct director *director;
	const struct conf_router *conf; /* NULL: of no configuration any more */
	char *name;
	struct run_user user;
	int user_error;  /* there is none */
	enum told state; /* of the latest news */
	struct news now, next;
	bool waiting;    /* next */
	enum turn turn;  /* of now; TURN_MAX_: nothing is told */
	struct run *run; /* NULL: none is under way */
	uint64_t runs, failures, skipped;
	struct hook {
		struct run *run;   /* NULL: none is under way */
		json_int_t number; /* the elector's */
		struct instant began;
		uint64_t runs, failures;
		char how[RUN_WHY_MAX + 40]; /* the last one ended; empty: none did */
	} hook;
};

struct notify {
	struct queue **queues;
	size_t n;
};

/* --- Running --- */

static char **program_of(const struct queue *q)
{
	const struct conf_notify *n = &q->conf->notify;

	if (q->turn == TURN_ANY)
		return n->any;
	switch (q->now.state) {
	case TOLD_ACTIVE:
		return n->active;
	case TOLD_BACKUP:
		return n->backup;
	case TOLD_FAULT:
		return n->fault;
	case TOLD_STOP:
		return n->stop;
	case TOLD_NOTHING:
	case TOLD_MAX_:
		break;
	}
	return NULL;
}

static void fail(struct queue *q, const char *why)
{
	char message[RUN_WHY_MAX + 200];

	q->failures++;
	(void)snprintf(message, sizeof(message), "%s: the program for \"%s\" %s", q->name,
		q->turn == TURN_ANY ? "any" : told_names[q->now.state], why);
	director_event(q->director, EVENT_NOTIFY_FAILED, message, "TANDEM_INSTANCE", q->name,
		"TANDEM_REASON", why, NULL);
}

static void go_on(struct queue *q);

static void on_done(const struct run_result *result, void *userdata)
{
	struct queue *q = userdata;
	char how[RUN_WHY_MAX];

	q->run = NULL;
	if (result->end != RUN_EXITED || result->status != 0)
		fail(q, run_describe(result, how, sizeof(how)));
	q->turn++;
	go_on(q);
}

enum variable { VARIABLES = 9 };

static void make_environment(
	const struct queue *q, const struct news *news, char *ret[VARIABLES + 1])
{
	const struct director *d = q->director;

	ret[0] = conf_printf("TANDEM_NODE=%s", d->conf->nodes[d->conf->self].name);
	ret[1] = conf_printf("TANDEM_INSTANCE=%s", q->name);
	ret[2] = conf_printf("TANDEM_STATE=%s", told_names[news->state]);
	ret[3] = conf_printf("TANDEM_STATE_OLD=%s", told_names[news->old_state]);
	ret[4] = conf_printf("TANDEM_REASON=%s", news->reason);
	ret[5] = conf_printf("TANDEM_PRIORITY=%d", news->priority);
	ret[6] = conf_printf("TANDEM_PEER=%s", news->peer);
	ret[7] = conf_printf("TANDEM_INTERFACE=%s", q->conf->interface);
	ret[8] = conf_printf("TANDEM_VRID=%u", q->conf->vrid);
	ret[9] = NULL;
}

/* Returns whether it runs. */
static bool start(struct queue *q, char **argv)
{
	char *env[VARIABLES + 1], why[RUN_WHY_MAX], priority[8];
	char *state = conf_dup(told_names[q->now.state]);
	char *more[] = {q->name, state, priority, NULL};
	const struct run_command command = {.argv = argv,
		.shell = q->conf->notify.shell,
		.more = q->turn == TURN_ANY ? more : NULL,
		.env = env,
		.user = &q->user,
		.timeout_us = q->conf->notify.timeout_us};
	int r = q->user_error;

	(void)snprintf(priority, sizeof(priority), "%d", q->now.priority);
	(void)snprintf(why, sizeof(why), "has no user to run as: %s", strerror(-r));
	make_environment(q, &q->now, env);
	q->runs++;
	if (r == 0)
		r = run_start(q->director->loop, &command, on_done, q, &q->run, why);
	for (size_t i = 0; i < VARIABLES; i++)
		free(env[i]);
	free(state);
	if (r < 0)
		fail(q, why);
	return r == 0;
}

/* The next program of this state, or of the state that waits. */
static void go_on(struct queue *q)
{
	while (!q->run && (q->turn < TURN_MAX_ || q->waiting)) {
		char **argv;

		if (q->turn == TURN_MAX_) {
			q->now = q->next;
			q->waiting = false;
			q->turn = TURN_OWN;
		}
		argv = program_of(q);
		if (!argv || !start(q, argv))
			q->turn++;
	}
	if (!q->run && q->director->stopping)
		helpers_leave_if_alone(q->director);
}

/* --- News --- */

static enum told state_of(const json_t *said)
{
	const char *state = json_string_value(json_object_get(said, "state"));
	const char *reason = json_string_value(json_object_get(said, "reason"));

	if (!state || !reason)
		return TOLD_NOTHING;
	if (strcmp(state, "active") == 0)
		return TOLD_ACTIVE;
	if (strcmp(state, "backup") == 0)
		return TOLD_BACKUP;
	if (strcmp(reason, "none") == 0) /* it waits for its interface since the start */
		return TOLD_NOTHING;
	return strcmp(reason, "shutdown") == 0 ? TOLD_STOP : TOLD_FAULT;
}

static void copy(char *ret, size_t size, const json_t *said, const char *key)
{
	const char *text = json_string_value(json_object_get(said, key));

	(void)snprintf(ret, size, "%s", text ? text : "");
}

static struct news read_news(const struct queue *q, enum told state, const json_t *said)
{
	struct news news = {.state = state,
		.old_state = q->state,
		.priority = (int)json_integer_value(json_object_get(said, "priority"))};

	copy(news.reason, sizeof(news.reason), said, "reason");
	copy(news.peer, sizeof(news.peer), said, "peer");
	return news;
}

static void skip(struct queue *q)
{
	char message[200];

	q->skipped++;
	(void)snprintf(message, sizeof(message), "%s: \"%s\" was over before it could be told",
		q->name, told_names[q->next.state]);
	director_event(
		q->director, EVENT_NOTIFY_SKIPPED, message, "TANDEM_INSTANCE", q->name, NULL);
}

static struct queue *find(const struct notify *n, const char *name)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->queues[i]->name, name) == 0)
			return n->queues[i];
	return NULL;
}

void notify_router(struct director *d, size_t router, const json_t *said)
{
	struct queue *q = find(d->notify, d->conf->routers[router].name);
	enum told state = state_of(said);

	if (!q || state == TOLD_NOTHING || state == q->state)
		return;
	if (q->waiting)
		skip(q);
	q->next = read_news(q, state, said);
	q->state = state;
	q->waiting = true;
	go_on(q);
}

/* --- Before Active --- */

/* Whatever became of it, the elector need not wait any more. */
static void end_hook(struct queue *q, bool well, const char *how)
{
	struct hook *h = &q->hook;
	char message[RUN_WHY_MAX + 200];

	(void)snprintf(h->how, sizeof(h->how), "%s after %llu ms", how,
		(unsigned long long)instant_between_us(h->began, clock_now()) / 1000);
	(void)snprintf(message, sizeof(message), "%s: the program for \"before_active\" %s",
		q->name, h->how);
	h->failures += !well;
	director_event(q->director, well ? EVENT_BEFORE_ACTIVE : EVENT_NOTIFY_FAILED, message,
		"TANDEM_INSTANCE", q->name, "TANDEM_REASON", h->how, NULL);
	roles_prepared(q->director, q->name, h->number);
}

static void on_hook_done(const struct run_result *result, void *userdata)
{
	struct queue *q = userdata;
	char how[RUN_WHY_MAX];

	q->hook.run = NULL;
	end_hook(q, result->end == RUN_EXITED && result->status == 0,
		run_describe(result, how, sizeof(how)));
}

static void start_hook(struct queue *q, const struct news *news)
{
	const struct conf_notify *n = &q->conf->notify;
	char *env[VARIABLES + 1], why[RUN_WHY_MAX];
	const struct run_command command = {.argv = n->before_active.command,
		.shell = n->shell,
		.env = env,
		.user = &q->user,
		.timeout_us = n->before_active.timeout_us};
	int r = q->user_error;

	(void)snprintf(why, sizeof(why), "has no user to run as: %s", strerror(-r));
	make_environment(q, news, env);
	if (r == 0)
		r = run_start(q->director->loop, &command, on_hook_done, q, &q->hook.run, why);
	for (size_t i = 0; i < VARIABLES; i++)
		free(env[i]);
	if (r < 0)
		end_hook(q, false, why);
}

/* One that still runs is of a takeover that did not come about. */
void notify_prepare(struct director *d, size_t router, const json_t *asked)
{
	struct queue *q = find(d->notify, d->conf->routers[router].name);
	struct news news;

	if (!q)
		return;
	run_cancel(q->hook.run);
	q->hook.run = NULL;
	q->hook.number = json_integer_value(json_object_get(asked, "number"));
	q->hook.began = clock_now();
	q->hook.runs++;
	news = read_news(q, TOLD_ACTIVE, asked);
	if (q->conf->notify.before_active.command)
		start_hook(q, &news);
	else /* of the configuration before this one */
		roles_prepared(d, q->name, q->hook.number);
}

bool notify_is_busy(const struct director *d)
{
	for (size_t i = 0; d->notify && i < d->notify->n; i++)
		if (d->notify->queues[i]->run)
			return true;
	return false;
}

/* --- Configuration --- */

static bool has_programs(const struct conf_notify *n)
{
	return n->active || n->backup || n->fault || n->stop || n->any || n->before_active.command;
}

static void find_user(struct queue *q)
{
	const char *name = q->conf->notify.user;
	char message[200];

	q->user_error = run_user_find(name, &q->user);
	if (q->user_error == 0 || !has_programs(&q->conf->notify))
		return;
	(void)snprintf(message, sizeof(message), "%s: cannot run programs as user %s: %s", q->name,
		name ? name : "tandem", strerror(-q->user_error));
	director_event(q->director, EVENT_NOTIFY_FAILED, message, "TANDEM_INSTANCE", q->name, NULL);
}

static struct queue *add(struct director *d, const char *name)
{
	struct notify *n = d->notify;
	struct queue *q = conf_alloc(1, sizeof(*q));

	*q = (struct queue){.director = d, .name = conf_dup(name), .turn = TURN_MAX_};
	n->queues = reallocarray(n->queues, n->n + 1, sizeof(struct queue *));
	if (!n->queues)
		abort();
	n->queues[n->n++] = q;
	return q;
}

static void drop(struct queue *q)
{
	run_cancel(q->run);
	run_cancel(q->hook.run);
	free(q->name);
	free(q);
}

static void drop_unwanted(struct notify *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n; i++) {
		if (n->queues[i]->conf)
			n->queues[kept++] = n->queues[i];
		else
			drop(n->queues[i]);
	}
	n->n = kept;
}

void notify_configure(struct director *d)
{
	struct notify *n = d->notify;

	for (size_t i = 0; i < n->n; i++)
		n->queues[i]->conf = NULL;
	for (size_t i = 0; i < d->conf->n_routers; i++) {
		const struct conf_router *router = &d->conf->routers[i];
		struct queue *q = find(n, router->name);

		if (!q)
			q = add(d, router->name);
		q->conf = router;
		find_user(q);
	}
	drop_unwanted(n);
}

int notify_init(struct director *d)
{
	d->notify = calloc(1, sizeof(*d->notify));
	return d->notify ? 0 : -ENOMEM;
}

void notify_done(struct director *d)
{
	struct notify *n = d->notify;

	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++)
		drop(n->queues[i]);
	free(n->queues);
	free(n);
	d->notify = NULL;
}

/* null: there are no programs. */
json_t *notify_to_json(const struct director *d, const struct conf_router *router)
{
	const struct queue *q = d->notify ? find(d->notify, router->name) : NULL;
	json_t *json;

	if (!q || !has_programs(&router->notify))
		return json_null();
	json = json_pack("{s:b, s:b, s:I, s:I, s:I}", "running", q->run != NULL, "waiting",
		q->waiting, "runs", (json_int_t)q->runs, "failures", (json_int_t)q->failures,
		"skipped", (json_int_t)q->skipped);
	if (router->notify.before_active.command)
		(void)json_object_set_new(json, "before_active",
			json_pack("{s:b, s:I, s:I, s:s}", "running", q->hook.run != NULL, "runs",
				(json_int_t)q->hook.runs, "failures", (json_int_t)q->hook.failures,
				"last", q->hook.how));
	return json;
}
