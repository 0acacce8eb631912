/* tandem-link: the channel of the pair. Interfaces are watched and groups are heard without any
 * privilege; in mode "tandem" its sockets get larger buffers by it. So it goes at the start, or,
 * there, after the first Configure: before that nothing of the network is read. */
#include "io/privilege.h"
#include "io/sandbox.h"
#include "link/link.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define NAME "tandem-link"

struct program {
	struct link *link;
	bool is_confined;
};

/* What the stream and its keys need from the first Configure on. */
static const char *const calls[] = {"accept4", "listen", "munlock"};

/* Sockets are made again when their interface comes back or the stream is connected anew. */
static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_UNIX};

static const struct sandbox needed = {
	.calls = calls,
	.n_calls = sizeof(calls) / sizeof(calls[0]),
	.families = families,
	.n_families = sizeof(families) / sizeof(families[0]),
};

/* No privilege is needed from here on, and nothing else of the system. */
static int confine(struct program *p)
{
	int r;

	if (p->is_confined)
		return 0;
	r = privilege_drop();
	if (r >= 0)
		r = sandbox_enter(&needed);
	if (r >= 0)
		p->is_confined = true;
	return r;
}

static bool on_configure(struct helper *h, const json_t *parameters, json_t *errors, void *userdata)
{
	struct program *p = userdata;
	int r;

	link_configure(p->link, parameters, errors);
	r = confine(p);
	if (r < 0)
		(void)sd_event_exit(helper_loop(h), r);
	return true;
}

static void on_report(struct helper *h, json_t *report, void *userdata)
{
	struct program *p = userdata;

	(void)h;
	link_report(p->link, report);
}

static void on_message(
	struct helper *h, const char *method, const json_t *parameters, void *userdata)
{
	struct program *p = userdata;

	(void)h;
	link_message(p->link, method, parameters);
}

static int start(struct program *p, struct helper *helper, const struct tandem_given *given)
{
	int r = link_new(helper, given, &p->link);

	/* In mode "kernel" not even the first Configure needs any. */
	if (r >= 0 && given->tun < 0)
		r = confine(p);
	return r;
}

static int run(const char *runtime_dir)
{
	static const struct helper_program description = {
		.name = NAME,
		.configure = on_configure,
		.report = on_report,
		.message = on_message,
	};
	struct program program = {0};
	struct tandem_given given;
	struct helper *helper = NULL;
	int r;

	(void)runtime_dir; /* the kernel's sync daemons are the director's: nothing to tidy up */
	tandem_given_take(&given);
	/* It holds keys: no core dump, and nobody of the same user may look into it. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	r = helper_new(&description, &program, &helper);
	if (r >= 0)
		r = start(&program, helper, &given);
	if (r >= 0)
		r = helper_run(helper);
	link_free(program.link);
	helper_free(helper);
	return r;
}

int main(int argc, char **argv)
{
	return helper_main(argc, argv, NAME, run);
}
