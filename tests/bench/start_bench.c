/* What a start and a reload with a large table cost the director beside the kernel's own work, part
 * by part: reading the file, targets, shares, the order, the table that is wanted, the plan, the
 * requests, and what the checker is told. In processor time; needs no kernel and no privilege. */
#include "base/cleanup.h"
#include "conf/conf.h"
#include "core/ipvs_plan.h"
#include "director/table/desired.h"
#include "director/table/record.h"
#include "io/clock.h"
#include "io/ipvs_request.h"
#include "io/json_memory.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t n_services = 10000, n_servers = 5;
static bool checked;

static double begun_ms, total_ms;

/* Processor time: other work on the machine does not count. */
static double spent_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1000000;
}

static void start(void)
{
	begun_ms = spent_ms();
}

static void stop(const char *what)
{
	double ms = spent_ms() - begun_ms;

	total_ms += ms;
	printf("%-28s %8.1f ms\n", what, ms);
	start();
}

static void write_pool(FILE *f, size_t i)
{
	fprintf(f, "%s\"p%zu\": {%s\"servers\": {", i ? ",\n    " : "\n    ", i,
		checked ? "\"check\": {\"type\": \"tcp\", \"interval\": \"5s\"}, " : "");
	for (size_t j = 0; j < n_servers; j++)
		fprintf(f, "%s\"s%zu\": {\"address\": \"10.%zu.%zu.%zu\"}", j ? ", " : "", j,
			16 + j, i >> 8, i & 255);
	fputs("}}", f);
}

static void write_service(FILE *f, size_t i)
{
	fprintf(f,
		"%s\"v%zu\": {\"listen\": \"10.0.%zu.%zu\", \"port\": 80, \"scheduler\": \"wlc\", "
		"\"forward\": \"nat\", \"pool\": \"p%zu\"}",
		i ? ",\n    " : "\n    ", i, i >> 8, i & 255, i);
}

static void write_config(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		abort();
	fputs("{\n  \"nodes\": {\"lb1\": {}},\n  \"pools\": {", f);
	for (size_t i = 0; i < n_services; i++)
		write_pool(f, i);
	fputs("\n  },\n  \"services\": {", f);
	for (size_t i = 0; i < n_services; i++)
		write_service(f, i);
	fputs("\n  }\n}\n", f);
	if (fclose(f) != 0)
		abort();
}

static struct conf *load(const char *path)
{
	struct conf_errors errors = {0};
	struct conf *conf = conf_load(path, "lb1", &errors);
	char text[1024];

	if (!conf) {
		fprintf(stderr, "%s\n", conf_error_format(&errors.items[0], text, sizeof(text)));
		exit(1);
	}
	conf_errors_done(&errors);
	return conf;
}

/* A configuration and everything derived from it. */
struct side {
	struct conf *conf;
	struct targets targets;
	struct pools pools;
	size_t *order;
	struct ipvs_table want;
};

static void ignore_news(enum pool_news news, size_t view, void *userdata)
{
	(void)news;
	(void)view;
	(void)userdata;
}

static void ignore_change(size_t view, void *userdata)
{
	(void)view;
	(void)userdata;
}

static void build(struct side *s, struct side *old, const char *path)
{
	static const struct overrides none;
	static const struct pools_listener deaf = {ignore_news, ignore_change, NULL};
	struct pools_input in, old_in;
	struct desired_input desired;

	start();
	s->conf = load(path);
	stop("conf_load");
	if (targets_build(s->conf, &s->targets) < 0)
		abort();
	stop("targets_build");
	if (old && targets_inherit(&s->targets, &old->targets) < 0)
		abort();
	stop("targets_inherit");
	in = (struct pools_input){.conf = s->conf, .targets = &s->targets, .overrides = &none};
	if (old)
		old_in = (struct pools_input){
			.conf = old->conf, .targets = &old->targets, .overrides = &none};
	if (pools_build(&in, &old_in, old ? &old->pools : NULL, &s->pools) < 0)
		abort();
	pools_evaluate(&s->pools, &in, clock_now(), &deaf);
	stop("pools");
	s->order = desired_order(s->conf);
	stop("order");
	desired =
		(struct desired_input){.conf = s->conf, .targets = &s->targets, .pools = &s->pools};
	if (!s->order || desired_build(&desired, &s->want) < 0)
		abort();
	stop("desired");
}

static void side_done(struct side *s)
{
	desired_done(&s->want);
	free(s->order);
	pools_done(&s->pools);
	targets_done(&s->targets);
	conf_free(s->conf);
}

static void plan(const struct ipvs_table *want, const struct ipvs_table *have, size_t expected)
{
	auto_free struct ipvs_op *ops = calloc(ipvs_plan_max(want, have) + 1, sizeof(*ops));
	static uint8_t data[64 << 10];
	struct ipvs_requests requests = {.data = data, .size = sizeof(data)};
	size_t n;

	start();
	if (!ops)
		abort();
	n = ipvs_plan(want, have, NULL, NULL, ops);
	stop("plan");
	if (n != expected) {
		fprintf(stderr, "%zu operations, not %zu\n", n, expected);
		exit(1);
	}
	for (size_t i = 0; i < n; i++)
		while (!ipvs_put_op(&requests, (uint32_t)i, &ops[i]))
			requests.len = 0;
	stop("requests");
}

static void record(const struct ipvs_table *want, const char *dir)
{
	struct record r;

	start();
	if (record_init(&r, dir) < 0)
		abort();
	for (size_t i = 0; i < want->n_services; i++)
		if (record_add(&r, &want->services[i].key) < 0)
			abort();
	if (record_write(&r) < 0)
		abort();
	stop("record");
	record_done(&r);
}

static void tell_checker(const struct side *s)
{
	struct writer w = {0};

	start();
	writer_object(&w, NULL);
	targets_write(&s->targets, 0, s->targets.n, &w);
	writer_end_object(&w);
	stop("the checker's message");
	writer_done(&w);
}

static void compare_checks(const struct side *a, const struct side *b)
{
	start();
	if (!targets_same(&a->targets, &b->targets))
		abort();
	stop("the checker's targets");
}

static void total(const char *what)
{
	printf("%-28s %8.1f ms\n\n", what, total_ms);
	total_ms = 0;
}

static void run(const char *dir)
{
	struct side first = {0}, second = {0};
	struct ipvs_table none = {0};
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/tandem.json", dir);
	write_config(path);
	build(&first, NULL, path);
	plan(&first.want, &none, n_services * (n_servers + 1));
	record(&first.want, dir);
	tell_checker(&first);
	total("a start");
	build(&second, &first, path);
	plan(&second.want, &first.want, 0);
	compare_checks(&first, &second);
	start();
	side_done(&first);
	stop("release");
	total("an unchanged reload");
	side_done(&second);
	(void)remove(path);
	(void)snprintf(path, sizeof(path), "%s/ipvs.json", dir);
	(void)remove(path);
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {{"services", required_argument, NULL, 's'},
		{"servers", required_argument, NULL, 'd'}, {"checked", no_argument, NULL, 'c'},
		{0}};
	char dir[] = "/tmp/tandem-start-XXXXXX";
	int option;

	json_memory_init(); /* as the director does */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			n_services = strtoul(optarg, NULL, 10);
		else if (option == 'd')
			n_servers = strtoul(optarg, NULL, 10);
		else if (option == 'c')
			checked = true;
		else
			return 2;
	}
	if (!mkdtemp(dir))
		return 1;
	printf("%zu services x %zu servers%s\n", n_services, n_servers, checked ? ", checked" : "");
	run(dir);
	return rmdir(dir) < 0;
}
