/* tandem-link: the channel of the pair. Interfaces are watched and groups are heard without any
 * privilege; in mode "tandem" its sockets get larger buffers by it. So it goes at the start, or, there,
 * after the first Configure: before that nothing of the network is read. */
#include "io/privilege.h"
#include "link/link.h"

#define NAME "tandem-link"

static void on_configure(struct helper *h, const json_t *parameters, json_t *errors, void *userdata)
{
	struct link **l = userdata;

	(void)h;
	link_configure(*l, parameters, errors);
}

static void on_report(struct helper *h, json_t *report, void *userdata)
{
	struct link **l = userdata;

	(void)h;
	link_report(*l, report);
}

static void on_message(
	struct helper *h, const char *method, const json_t *parameters, void *userdata)
{
	struct link **l = userdata;

	(void)h;
	link_message(*l, method, parameters);
}

static int run(const char *runtime_dir)
{
	static const struct helper_program program = {
		.name = NAME,
		.configure = on_configure,
		.report = on_report,
		.message = on_message,
	};
	struct helper *helper = NULL;
	struct link *link = NULL;
	int r = privilege_drop();

	(void)runtime_dir; /* the kernel's sync daemons are the director's: nothing to tidy up */
	if (r >= 0)
		r = helper_new(&program, &link, &helper);
	if (r >= 0)
		r = link_new(helper, &link);
	if (r >= 0)
		r = helper_run(helper);
	link_free(link);
	helper_free(helper);
	return r;
}

int main(int argc, char **argv)
{
	return helper_main(argc, argv, NAME, run);
}
