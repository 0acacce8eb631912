/* Somebody who cannot make up his mind, in the caller's network namespace: adds N services and
 * deletes them again, as fast as he can, until he is told to end. Whoever dumps the table meanwhile
 * sees it torn. Prints {"rounds": ...}, and leaves nothing behind.
 * `ipvs_churn N`, N up to 60000. */
#include "base/cleanup.h"
#include "io/ipvs.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static int churn(struct ipvs *v, struct ipvs_op *ops, size_t n, enum ipvs_op_kind kind)
{
	struct ipvs_failure failure = {.error = 0};
	size_t n_failures;
	int r;

	for (size_t i = 0; i < n; i++)
		ops[i].kind = kind;
	r = ipvs_apply(v, ops, n, &failure, 1, &n_failures);
	return r < 0 ? r : failure.error;
}

static int run(struct ipvs *v, size_t n)
{
	auto_free struct ipvs_service *services = calloc(n, sizeof(*services));
	auto_free struct ipvs_op *ops = calloc(n, sizeof(*ops));
	unsigned long rounds = 0;
	int r = services && ops ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		services[i] = (struct ipvs_service){
			.key = {.port = (uint16_t)(1 + i), .protocol = IPPROTO_TCP},
			.scheduler = "rr",
			.netmask = UINT32_MAX};
		(void)addr_parse("198.51.100.200", &services[i].key.addr);
		ops[i].service = &services[i];
	}
	printf("churning\n");
	(void)fflush(stdout);
	for (; r == 0 && !stopped; rounds++) {
		r = churn(v, ops, n, IPVS_OP_ADD_SERVICE);
		if (r == 0)
			r = churn(v, ops, n, IPVS_OP_DEL_SERVICE);
	}
	printf("{\"rounds\": %lu}\n", rounds);
	return r;
}

int main(int argc, char **argv)
{
	size_t n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct ipvs *v;
	int r;

	if (n == 0 || n > 60000)
		return 2;
	(void)signal(SIGTERM, on_stop);
	r = ipvs_open(&v);
	if (r == 0) {
		r = run(v, n);
		ipvs_close(v);
	}
	if (r < 0)
		(void)fprintf(stderr, "ipvs_churn: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
