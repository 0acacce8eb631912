/* Both modes are there from the start, and the one that is not wanted is configured "off": what they
 * need of the system is opened before the process gives up its privileges. */
#include "link/link.h"

#include "link/kernel_mode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct link {
	struct kernel_mode *kernel;
};

void link_configure(struct link *l, const json_t *parameters, json_t *errors)
{
	kernel_mode_configure(l->kernel, parameters, errors);
}

void link_report(struct link *l, json_t *report)
{
	kernel_mode_report(l->kernel, report);
}

void link_message(struct link *l, const char *method, const json_t *parameters)
{
	(void)l;
	(void)method;
	(void)parameters;
}

int link_new(struct helper *helper, struct link **ret)
{
	struct link *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	r = kernel_mode_new(helper, &l->kernel);
	if (r < 0) {
		link_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	kernel_mode_free(l->kernel);
	free(l);
}
