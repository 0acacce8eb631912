/* Both modes are there from the start where the director gave what they need, and the one that is
 * not wanted is off: what they take of the system is taken before privileges go. */
#include "link/link.h"

#include "link/kernel_mode.h"
#include "link/tandem_mode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct link {
	struct kernel_mode *kernel;
	struct tandem_mode *tandem; /* NULL: started without a TUN device */
	bool is_tandem;
};

static void kernel_off(struct link *l)
{
	json_t *off = json_pack("{s:s}", "mode", "off"), *errors = json_array();

	kernel_mode_configure(l->kernel, off, errors);
	json_decref(off);
	json_decref(errors);
}

void link_configure(struct link *l, const json_t *parameters, json_t *errors)
{
	const char *mode = json_string_value(json_object_get(parameters, "mode"));

	l->is_tandem = mode && strcmp(mode, "tandem") == 0;
	if (l->is_tandem && !l->tandem) {
		(void)json_array_append_new(errors,
			json_string("mode: \"tandem\" needs a TUN device, started without"));
		l->is_tandem = false;
		return;
	}
	if (l->is_tandem) {
		kernel_off(l);
		tandem_mode_configure(l->tandem, parameters, errors);
		return;
	}
	if (l->tandem)
		tandem_mode_off(l->tandem);
	kernel_mode_configure(l->kernel, parameters, errors);
}

void link_report(struct link *l, json_t *report)
{
	if (l->is_tandem)
		tandem_mode_report(l->tandem, report);
	else
		kernel_mode_report(l->kernel, report);
}

void link_message(struct link *l, const char *method, const json_t *parameters)
{
	if (l->tandem) /* a State may come before the mode */
		tandem_mode_message(l->tandem, method, parameters);
}

int link_new(struct helper *helper, const struct tandem_given *given, struct link **ret)
{
	struct link *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	r = kernel_mode_new(helper, &l->kernel);
	if (r >= 0 && given->tun >= 0)
		r = tandem_mode_new(helper, given, &l->tandem);
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
	tandem_mode_free(l->tandem);
	free(l);
}
