/* tandemd --cleanup: what a director that is gone left behind. A short run without a loop. */
#include "director/state.h"

#include "elector/leftovers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOCK_RETRIES 100
#define LOCK_RETRY_US 10000

static void on_cleaned(const char *name, size_t n_addresses, void *userdata)
{
	struct director *d = userdata;
	char message[160];

	(void)snprintf(message, sizeof(message),
		"virtual router %s: %zu addresses of a director that is gone removed, priority 0 "
		"sent",
		name, n_addresses);
	director_event(d, EVENT_LEFTOVER_REMOVED, message, "TANDEM_INSTANCE", name, NULL);
}

/* An elector that has just lost its director is still leaving by itself: it has the state file for
 * a moment longer. */
static int remove_leftovers(struct director *d, enum director_cleanup how)
{
	enum leftovers_which which = how == CLEANUP_STALE ? LEFTOVERS_STALE : LEFTOVERS_ALL;
	int r;

	for (int i = 0; i < LOCK_RETRIES; i++) {
		r = leftovers_remove(d->options->runtime_dir, which, on_cleaned, d);
		if (r != -EWOULDBLOCK)
			break;
		(void)usleep(LOCK_RETRY_US);
	}
	return r;
}

static int remove_the_rest(struct director *d)
{
	int r;

	d->ipvs_errors = json_array();
	r = balancer_init(&d->balancer, d->options->runtime_dir);
	if (r >= 0)
		r = nft_table_init(&d->forwarding.table, d->options->runtime_dir);
	if (r >= 0)
		apply_remove_all(d);
	r = r < 0 ? r : json_array_size(d->ipvs_errors) > 0 ? -EIO : 0;
	json_decref(d->ipvs_errors);
	nft_table_done(&d->forwarding.table);
	balancer_done(&d->balancer);
	return r;
}

int director_cleanup(const struct director_options *options, enum director_cleanup how)
{
	struct director d = {.options = options, .link = {.device = -1, .page = -1}};
	const char *failed = options->runtime_dir;
	int lock_fd = director_lock(options->runtime_dir, false), r = lock_fd;

	if (r >= 0) {
		failed = "cannot remove the addresses";
		r = remove_leftovers(&d, how);
	}
	if (r >= 0 && how == CLEANUP_ALL) {
		failed = "not everything could be removed";
		r = remove_the_rest(&d);
	}
	if (r < 0)
		director_fail(&d, failed, r);
	if (lock_fd >= 0)
		(void)close(lock_fd);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
