/* tandem-checker: asks the real servers how they are. It talks to hosts that may be hostile, so it
 * holds no privilege: tandemd starts it as user tandem, and what may be left goes here. */
#include "checker/checker.h"
#include "checker/confine.h"

#include <malloc.h>
#include <sys/resource.h>

#define NAME "tandem-checker"

static bool on_configure(struct helper *h, const json_t *parameters, json_t *errors, void *userdata)
{
	struct checker **c = userdata;

	(void)h;
	return checker_configure(*c, parameters, errors);
}

static void on_message(
	struct helper *h, const char *method, const json_t *parameters, void *userdata)
{
	struct checker **c = userdata;

	(void)h;
	checker_message(*c, method, parameters);
}

static void on_report(struct helper *h, json_t *report, void *userdata)
{
	struct checker **c = userdata;

	(void)h;
	checker_report(*c, report);
}

/* One descriptor per attempt under way: take all that the hard limit allows. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* with the old limit more attempts wait */
}

static int run(const char *runtime_dir)
{
	static const struct helper_program program = {
		.name = NAME,
		.configure = on_configure,
		.report = on_report,
		.message = on_message,
	};
	struct checker *checker = NULL;
	struct helper *helper = NULL;
	int r;

	/* Small pieces that were released are put together one by one, not a hundred thousand at
	 * once when a large one is: that took 15 ms. */
	(void)mallopt(M_MXFAST, 0);
	(void)runtime_dir; /* verdicts are the director's: nothing is kept, and nothing tidied up */
	raise_descriptor_limit();
	r = helper_new(&program, &checker, &helper);
	if (r >= 0)
		r = checker_new(helper, &checker);
	if (r >= 0)
		r = checker_confine();
	if (r >= 0)
		r = helper_run(helper);
	checker_free(checker);
	helper_free(helper);
	return r;
}

int main(int argc, char **argv)
{
	return helper_main(argc, argv, NAME, run);
}
