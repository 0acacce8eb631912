/* usage: sim                       replay tests/sim/kept, then some seeds
 *        sim FIRST N [first]       these seeds, to the first that fails
 *        sim print SEED            the script of a seed
 *        sim trace SEED|FILE       all that happens
 *        sim play FILE...          scripts
 * A seed that fails is made as short as it still fails, and printed: a script for tests/sim/kept.
 */
#include "sim.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 10000
#define FAILURES_MAX 10 /* enough to look at */

static struct sim sim;
static struct script script;

static bool run_seed(uint64_t seed, bool once)
{
	script_make(&script, seed);
	if (sim_run(&sim, &script, false))
		return true;
	if (!once)
		minimize(&sim, &script);
	(void)sim_run(&sim, &script, false);
	(void)printf("# Seed %" PRIu64 " breaks %s: %s\n", seed, sim.rule, sim.failure);
	if (!once)
		script_print(&script, stdout);
	return false;
}

/* All that fail are made short and printed, up to a few; or, `once`, the first is only named. */
static bool run_seeds(uint64_t first, uint64_t n, bool once)
{
	uint64_t failed = 0;

	for (uint64_t seed = first; seed < first + n && failed < (once ? 1 : FAILURES_MAX); seed++)
		failed += !run_seed(seed, once);
	if (failed == 0)
		(void)printf("seeds %" PRIu64 " to %" PRIu64 ": every rule held\n", first,
			first + n - 1);
	return failed == 0;
}

static bool load(const char *name)
{
	auto_fclose FILE *file = fopen(name, "re");

	if (!file) {
		perror(name);
		return false;
	}
	return script_read(&script, file, name);
}

static bool play(const char *name)
{
	if (!load(name))
		return false;
	if (sim_run(&sim, &script, false))
		return true;
	(void)printf("%s breaks %s: %s\n", name, sim.rule, sim.failure);
	return false;
}

static bool play_kept(void)
{
	const char *top = getenv("TANDEM_SRCDIR");
	struct dirent **found = NULL;
	char folder[4096], name[4400];
	bool held = true;
	int n;

	(void)snprintf(folder, sizeof(folder), "%s/tests/sim/kept", top ? top : ".");
	n = scandir(folder, &found, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", folder, found[i]->d_name);
		if (strstr(found[i]->d_name, ".sim"))
			held &= play(name);
		free(found[i]);
	}
	free(found);
	if (n < 0)
		perror(folder);
	return held && n >= 0;
}

static bool trace(const char *what)
{
	char *rest;
	uint64_t seed = strtoull(what, &rest, 10);

	if (!*rest)
		script_make(&script, seed);
	else if (!load(what))
		return false;
	return sim_run(&sim, &script, true);
}

int main(int argc, char **argv)
{
	bool held = true;

	if (argc == 1)
		held = play_kept() && run_seeds(0, SEEDS, false);
	else if (argc == 3 && strcmp(argv[1], "print") == 0) {
		script_make(&script, strtoull(argv[2], NULL, 10));
		script_print(&script, stdout);
	} else if (argc == 3 && strcmp(argv[1], "trace") == 0)
		held = trace(argv[2]);
	else if (strcmp(argv[1], "play") == 0)
		for (int i = 2; i < argc; i++)
			held &= play(argv[i]);
	else if (argc == 3 || (argc == 4 && strcmp(argv[3], "first") == 0))
		held = run_seeds(
			strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10), argc == 4);
	else
		return 2;
	return held ? EXIT_SUCCESS : EXIT_FAILURE;
}
