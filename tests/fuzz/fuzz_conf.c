/* Any text is a configuration, or has errors that can be shown: never both, never neither. */
#include "conf/conf.h"
#include "io/json_memory.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_error(const struct conf_error *e)
{
	char line[8192];

	assert(e->line >= 1 && e->column >= 1);
	assert(e->text[0] != '\0');
	assert(e->pointer[0] == '\0' || e->pointer[0] == '/');
	/* One error, one line, and nothing that a terminal would obey. */
	for (const char *p = conf_error_format(e, line, sizeof(line)); *p; p++)
		assert((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void assert_model(const struct conf *c)
{
	assert(c->n_nodes >= 1 && c->n_nodes <= CONF_NODES_MAX && c->self < c->n_nodes);
	assert(strlen(c->digest) == 64);
	for (size_t i = 0; i < c->n_routers; i++)
		assert(c->routers[i].vrid && c->routers[i].advert_interval_cs &&
			c->routers[i].interface && c->routers[i].n_addresses &&
			c->routers[i].priority[c->self]);
	for (size_t i = 0; i < c->n_services; i++)
		assert(c->services[i].pool < c->n_pools && c->services[i].scheduler[0] &&
			(c->services[i].key.protocol || c->services[i].key.fwmark) &&
			c->services[i].key.addr.family);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors;
	struct conf *c;

	json_memory_init(); /* as in the programs */
	c = conf_load_text((const char *)data, size, "lb1", &errors);

	assert(!c == (errors.n > 0));
	for (size_t i = 0; i < errors.n; i++)
		assert_error(&errors.items[i]);
	if (c)
		assert_model(c);
	conf_free(c);
	conf_errors_done(&errors);
	return 0;
}
