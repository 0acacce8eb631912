/* Programs of the operator's: started with nothing of ours, watched by the loop, killed with all
 * their children when they take too long. */
#pragma once

#include "io/trusted_path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define RUN_WHY_MAX TRUSTED_PATH_WHY_MAX
#define RUN_LINE_MAX 160
#define RUN_OUTPUT_MAX (64 << 10) /* a program that says more than that is not listened to */

struct run_user {
	bool change; /* else: as we are */
	uid_t uid;
	gid_t gid;
};

/* `name` NULL: the default one. May block, as long as the host's user database does. 0, -ENOENT:
 * there is no such user, or -EPERM: we cannot become that one. */
int run_user_find(const char *name, struct run_user *ret);

struct run_command {
	char *const *argv; /* ends with NULL */
	bool shell;        /* argv[0] is a command for /bin/sh, the rest its arguments */
	char *const *more; /* further arguments; NULL: none */
	char *const *env;  /* "NAME=value", ends with NULL; NULL: none. PATH and LANG are added */
	const struct run_user *user;
	uint64_t timeout_us;
};

enum run_end {
	RUN_EXITED,
	RUN_KILLED,    /* by a signal that is not ours */
	RUN_TIMED_OUT, /* killed for it */
	RUN_STUCK,     /* killed, but it does not end */
};

struct run_result {
	enum run_end end;
	int status;       /* of the exit, or the signal */
	const char *line; /* the last one of its output, "" for none */
};
/* "exited with status 1: no route". Returns buf. */
const char *run_describe(const struct run_result *result, char *buf, size_t size);

struct run;
/* Called once, unless the run is cancelled; the run is gone after that. */
typedef void (*run_done)(const struct run_result *result, void *userdata);

/* SIGCHLD must be blocked. What *command points to is used during the call alone. 0, or -errno with
 * words for it in ret_why; *ret is written only on success. */
int run_start(sd_event *loop, const struct run_command *command, run_done done, void *userdata,
	struct run **ret, char ret_why[static RUN_WHY_MAX]);
/* Kills it. NULL is fine. */
void run_cancel(struct run *r);
