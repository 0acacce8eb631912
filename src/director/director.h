/* The director process: reads the configuration, keeps the helpers running, makes the kernel's IPVS
 * what it should be, and answers the control socket. */
#pragma once

#include "io/journal.h"

struct director_options {
	const char *config;      /* path of the configuration */
	const char *node;        /* own name in it; NULL: the host's */
	const char *runtime_dir; /* created when missing */
	const char *state_dir;
	const char *libexec_dir; /* where the helpers are */
	enum journal_target journal;
};

/* Runs until SIGTERM. Returns the exit status of tandemd(8). */
int director_run(const struct director_options *options);

enum director_cleanup {
	CLEANUP_STALE,     /* addresses with which a restart could not go on any more */
	CLEANUP_ADDRESSES, /* all virtual addresses */
	CLEANUP_ALL,       /* services, sync daemons and settings too */
};

/* Removes what a director that is gone left. Returns the exit status. */
int director_cleanup(const struct director_options *options, enum director_cleanup how);
