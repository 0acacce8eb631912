/* Programs of exec checks. The checker says when one is due, by the id of its target; what it is,
 * and as whom it runs, is in the configuration. The checker may ask for nothing else, for no more
 * at once than its own bound, and not for much more often than their intervals say. */
#include "director/health/exec_checks.h"

#include "director/state.h"
#include "director/watch/run.h"
#include "io/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define RUNNING_MAX 32
#define SECOND_US UINT64_C(1000000)
#define VARIABLES_MAX 80 /* what run.c takes */

/* A program under way. */
struct exec_run {
	struct exec_checks *all;
	uint64_t number; /* the checker's */
	struct run *run;
	LIST_ENTRY(exec_run) link;
};

/* Looked up when a configuration is adopted, since that may block. */
struct exec_user {
	char *name; /* NULL: the default one */
	struct run_user user;
	int error; /* 0 or -errno */
	LIST_ENTRY(exec_user) link;
};

struct exec_checks {
	struct director *d;
	LIST_HEAD(, exec_run) runs;
	size_t n_runs;
	struct allowance_settings allowed; /* programs begun */
	struct allowance begun;
	LIST_HEAD(, exec_user) users;
};

/* --- Users --- */

static struct exec_user *find_user(struct exec_checks *e, const char *name)
{
	struct exec_user *u;

	LIST_FOREACH (u, &e->users, link)
		if (name ? u->name && strcmp(u->name, name) == 0 : !u->name)
			return u;
	return NULL;
}

static void add_user(struct exec_checks *e, const char *name)
{
	struct exec_user *u = find_user(e, name) ? NULL : calloc(1, sizeof(*u));

	if (!u)
		return;
	u->name = name ? strdup(name) : NULL;
	if (name && !u->name) {
		free(u);
		return;
	}
	u->error = run_user_find(name, &u->user);
	LIST_INSERT_HEAD(&e->users, u, link);
}

static void forget_users(struct exec_checks *e)
{
	struct exec_user *u;

	while ((u = LIST_FIRST(&e->users))) {
		LIST_REMOVE(u, link);
		free(u->name);
		free(u);
	}
}

/* In any state of the server. */
static uint64_t shortest_interval_us(const struct conf_check *c)
{
	const uint64_t others[] = {
		c->fail_interval_us, c->down_interval_us, c->standby_interval_us};
	uint64_t us = c->interval_us;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i] > 0 && others[i] < us)
			us = others[i];
	return us;
}

/* In a second: all that are due, twice, and as many as there are at once. */
static void allow(struct exec_checks *e, const struct conf_check *check)
{
	uint64_t us = shortest_interval_us(check);

	e->allowed.n += us > 0 && us < SECOND_US ? (unsigned)(2 * SECOND_US / us) : 2;
}

void exec_checks_adopt(struct exec_checks *e, const struct targets *targets)
{
	forget_users(e);
	e->allowed = (struct allowance_settings){.n = RUNNING_MAX, .us = SECOND_US};
	for (size_t i = 0; i < targets->n; i++) {
		const struct conf_check *check = targets->items[i].check;

		if (check->type != CONF_CHECK_EXEC)
			continue;
		add_user(e, check->exec.user);
		allow(e, check);
	}
}

/* --- Runs --- */

static void tell(struct exec_checks *e, uint64_t number, const struct run_result *result,
	bool lacking, const char *words)
{
	json_t *o = json_pack(
		"{s:I, s:s, s:b}", "run", (json_int_t)number, "reason", words, "lacking", lacking);

	if (result && result->end == RUN_EXITED)
		(void)json_object_set_new(o, "status", json_integer(result->status));
	process_call(&e->d->helpers[HELPER_CHECKER], "Ran", o);
}

static void release(struct exec_run *r)
{
	LIST_REMOVE(r, link);
	r->all->n_runs--;
	free(r);
}

static void on_done(const struct run_result *result, void *userdata)
{
	struct exec_run *r = userdata;
	char words[RUN_LINE_MAX + 80];

	tell(r->all, r->number, result, false, run_describe(result, words, sizeof(words)));
	release(r);
}

/* What the program needs to know of its server; the operator's own variables come after it. */
struct variables {
	char address[ADDR_TEXT_MAX + 20], port[24];
	char *all[VARIABLES_MAX + 1];
};

static void fill_variables(const struct target *t, struct variables *ret)
{
	char text[ADDR_TEXT_MAX];
	size_t n = 0;

	(void)snprintf(ret->address, sizeof(ret->address), "TANDEM_ADDRESS=%s",
		addr_format(&t->addr, text));
	(void)snprintf(ret->port, sizeof(ret->port), "TANDEM_PORT=%u", t->port);
	ret->all[n++] = ret->address;
	if (t->port)
		ret->all[n++] = ret->port;
	for (char **v = t->check->exec.environment; v && *v && n < VARIABLES_MAX; v++)
		ret->all[n++] = *v;
	ret->all[n] = NULL;
}

/* 0, or -errno with words. */
static int begin(struct exec_checks *e, const struct target *t, struct exec_run *r,
	char why[static RUN_WHY_MAX])
{
	const struct exec_user *user = find_user(e, t->check->exec.user);
	struct variables variables;
	const struct run_command command = {.argv = t->check->exec.argv,
		.env = variables.all,
		.user = user ? &user->user : NULL,
		.timeout_us = t->check->timeout_us};

	if (!user || user->error) {
		(void)snprintf(why, RUN_WHY_MAX, "cannot run as user %s: %s",
			t->check->exec.user ? t->check->exec.user : "tandem",
			strerror(user ? -user->error : ENOMEM));
		return user ? user->error : -ENOMEM;
	}
	fill_variables(t, &variables);
	return run_start(e->d->loop, &command, on_done, r, &r->run, why);
}

static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EAGAIN;
}

static bool may_run(struct exec_checks *e)
{
	return e->n_runs < RUNNING_MAX && allowance_take(&e->begun, &e->allowed, clock_now());
}

static void on_run(struct exec_checks *e, const json_t *parameters)
{
	const char *id = json_string_value(json_object_get(parameters, "id"));
	uint64_t number = (uint64_t)json_integer_value(json_object_get(parameters, "run"));
	const struct target *t = id ? targets_find(&e->d->targets, id) : NULL;
	struct exec_run *r = may_run(e) ? calloc(1, sizeof(*r)) : NULL;
	char why[RUN_WHY_MAX];
	int error;

	if (!r || !t || t->check->type != CONF_CHECK_EXEC) {
		tell(e, number, NULL, true, r ? "no such check" : "too many programs at once");
		free(r);
		return;
	}
	*r = (struct exec_run){.all = e, .number = number};
	error = begin(e, t, r, why);
	if (error < 0) {
		tell(e, number, NULL, is_shortage(error), why);
		free(r);
		return;
	}
	LIST_INSERT_HEAD(&e->runs, r, link);
	e->n_runs++;
}

static void cancel(struct exec_run *r)
{
	run_cancel(r->run);
	release(r);
}

static void on_cancel(struct exec_checks *e, const json_t *parameters)
{
	json_int_t number = json_integer_value(json_object_get(parameters, "run"));
	struct exec_run *r;

	LIST_FOREACH (r, &e->runs, link)
		if (r->number == (uint64_t)number) {
			cancel(r);
			return;
		}
}

void exec_checks_message(struct exec_checks *e, const char *method, const json_t *parameters)
{
	if (strcmp(method, "Run") == 0)
		on_run(e, parameters);
	else if (strcmp(method, "Cancel") == 0)
		on_cancel(e, parameters);
}

void exec_checks_forget(struct exec_checks *e)
{
	while (!LIST_EMPTY(&e->runs))
		cancel(LIST_FIRST(&e->runs));
}

struct exec_checks *exec_checks_new(struct director *d)
{
	struct exec_checks *e = calloc(1, sizeof(*e));

	if (e)
		e->d = d;
	return e;
}

void exec_checks_free(struct exec_checks *e)
{
	if (!e)
		return;
	exec_checks_forget(e);
	forget_users(e);
	free(e);
}
