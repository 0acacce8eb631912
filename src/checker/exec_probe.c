/* The check type "exec": a program says by its exit status how the server is. This process may not
 * run programs (and is not to: they would need all that it has given up); the director does, for
 * the target of that id, as the user that the configuration names, and kills what takes too long.
 */
#include "checker/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define RUNNING_MAX 32 /* programs at once */

/* With "exit_weight", this exit status is none of the weight, the next is one percent of it, and so
 * on; all of them are up. */
#define STATUS_WEIGHT 2

struct prober {
	struct helper *helper;
	probe_ended ended;
	const char *(*target_id)(const void *target);
	uint64_t last_run;
	LIST_HEAD(, probe) running;
};

struct probe {
	struct prober *prober;
	void *target;
	bool exit_weight;
	uint64_t run; /* 0: none under way */
	LIST_ENTRY(probe) link;
};

static int exec_open(const struct probe_host *host, struct prober **ret)
{
	struct prober *prober = calloc(1, sizeof(*prober));

	if (!prober)
		return -ENOMEM;
	prober->helper = host->helper;
	prober->ended = host->ended;
	prober->target_id = host->target_id;
	LIST_INIT(&prober->running);
	*ret = prober;
	return 0;
}

static void exec_close(struct prober *prober)
{
	free(prober);
}

static int exec_new(struct prober *prober, const struct probe_endpoint *endpoint,
	const json_t *settings, void *target, struct probe **ret)
{
	struct probe *p = calloc(1, sizeof(*p));

	(void)endpoint; /* the director tells the program */
	if (!p)
		return -ENOMEM;
	p->prober = prober;
	p->target = target;
	p->exit_weight = json_is_true(json_object_get(settings, "exit_weight"));
	*ret = p;
	return 0;
}

static void finish(struct probe *p)
{
	if (p->run)
		LIST_REMOVE(p, link);
	p->run = 0;
}

static const char *exec_abandon(struct probe *p)
{
	if (p->run)
		helper_send(
			p->prober->helper, "Cancel", json_pack("{s:I}", "run", (json_int_t)p->run));
	finish(p);
	return "program";
}

static void exec_free(struct probe *p)
{
	if (!p)
		return;
	(void)exec_abandon(p);
	free(p);
}

static enum probe_outcome exec_start(struct probe *p, struct probe_result *ret)
{
	(void)ret;
	p->run = ++p->prober->last_run;
	LIST_INSERT_HEAD(&p->prober->running, p, link);
	helper_send(p->prober->helper, "Run",
		json_pack("{s:I, s:s}", "run", (json_int_t)p->run, "id",
			p->prober->target_id(p->target)));
	return PROBE_RUNNING;
}

static enum probe_outcome judge_status(
	const struct probe *p, json_int_t status, const char *words, struct probe_result *ret)
{
	bool weighted = p->exit_weight && status >= STATUS_WEIGHT;

	if (status != 0 && !weighted)
		return probe_result_set(ret, PROBE_FAILED, "%s", words);
	if (p->exit_weight)
		ret->weight_percent =
			weighted
				? (int)(status - STATUS_WEIGHT < 100 ? status - STATUS_WEIGHT : 100)
				: 100;
	return probe_result_set(ret, PROBE_PASSED, "%s", words);
}

/* `status` is there when the program ended by itself, `lacking` when it could not be run. */
static void judge(const struct probe *p, const json_t *parameters, struct probe_result *ret)
{
	const char *words = json_string_value(json_object_get(parameters, "reason"));
	const json_t *status = json_object_get(parameters, "status");

	words = words ? words : "";
	if (json_is_true(json_object_get(parameters, "lacking")))
		(void)probe_result_set(ret, PROBE_POSTPONED, "%s", words);
	else if (json_is_integer(status))
		(void)judge_status(p, json_integer_value(status), words, ret);
	else
		(void)probe_result_set(ret, PROBE_FAILED, "%s", words);
}

static void exec_message(struct prober *prober, const char *method, const json_t *parameters)
{
	json_int_t run = json_integer_value(json_object_get(parameters, "run"));
	struct probe_result result;
	struct probe *p;

	if (strcmp(method, "Ran") != 0)
		return;
	LIST_FOREACH (p, &prober->running, link)
		if (p->run == (uint64_t)run)
			break;
	if (!p) /* abandoned meanwhile */
		return;
	probe_result_init(&result);
	judge(p, parameters, &result);
	finish(p);
	prober->ended(p->target, &result);
}

const struct probe_type exec_probe_type = {
	.name = "exec",
	.slots = RUNNING_MAX,
	.open = exec_open,
	.close = exec_close,
	.new = exec_new,
	.free = exec_free,
	.start = exec_start,
	.abandon = exec_abandon,
	.message = exec_message,
};
