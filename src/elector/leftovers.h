/* What an elector that is gone left behind: read from its state file, removed in its name. Linked
 * into tandem-elector (a late restart), and into tandemd (an elector that cannot be restarted,
 * --cleanup). */
#pragma once

#include <stddef.h>

struct state_file;
struct state_router;

/* Tidy up one router: remove what it has, then resign for it, then mark it not Active. An interface
 * that is gone took all along. *ret_removed: how many addresses, routes and rules there were. 0 or
 * -errno, after which the record is as it was. */
int leftovers_tidy(
	const struct state_file *state, struct state_router *record, size_t *ret_removed);

/* Remove the device that has its virtual MAC, if there is one: with another MAC it is not ours. 0
 * or -errno, after which the record is as it was. */
int leftovers_remove_device(struct state_router *record);

enum leftovers_which {
	LEFTOVERS_ALL,
	LEFTOVERS_STALE, /* not those with which a restart could still go on as Active */
};

/* For each router that the state file says is Active here: remove what it has, then send one
 * advert of priority 0, then mark it Backup in the file. With LEFTOVERS_ALL the devices with
 * virtual MACs go too, of all routers. A router whose addresses are gone already and that is not
 * Active in the file is left alone. Blocking for at most a few milliseconds per interface.
 * `removed(name, n, userdata)` is called for each router tidied up (may be NULL). Returns how many
 * routers were tidied up, or -errno when the file could not be read; a file that does not exist is
 * 0. */
int leftovers_remove(const char *runtime_dir, enum leftovers_which which,
	void (*removed)(const char *name, size_t n, void *userdata), void *userdata);
