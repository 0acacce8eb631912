/* One helper process: started, heard, asked for signs of life, restarted. The rule is
 * core/supervise, the fork is in spawn.c; here are the channel and the timer. */
#pragma once

#include "core/supervise.h"
#include "io/channel.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

/* What a process inherits besides its channel, which is descriptor 3, begins with this number. */
#define PROCESS_GIVEN_FIRST 4
#define PROCESS_GIVEN_MAX 2
#define PROCESS_DEATH_MAX 240

struct process;

struct process_kind {
	const char *name;    /* "elector" */
	const char *program; /* "tandem-elector", in the libexec directory */
	const char *user; /* run as this user when there is one and we are root; NULL: as we are */
	int nice;         /* its priority among ordinary processes, if we may set it; 0: ours */
};

struct process_handler {
	/* The process was started: configure it. */
	void (*started)(struct process *p, void *userdata);
	/* A message other than a heartbeat's answer. Both arguments are borrowed. */
	void (*message)(
		struct process *p, const char *method, const json_t *parameters, void *userdata);
	/* It ended unasked, or could not be started. `how` is one readable clause; `hung`: because
	 * it was killed for silence. */
	void (*died)(struct process *p, const char *how, bool hung, void *userdata);
	/* It ended after process_leave(). */
	void (*left)(struct process *p, void *userdata);
	/* It is not back within settings.back_us: act in its place. */
	void (*abandoned)(struct process *p, void *userdata);
};

struct process {
	const struct process_kind *kind;
	const struct process_handler *handler;
	void *userdata;
	const char *libexec_dir, *runtime_dir; /* borrowed */
	sd_event *loop;
	int given[PROCESS_GIVEN_MAX]; /* borrowed; -1: none */
	struct supervise supervise;
	bool drops_user; /* to uid and gid, looked up once: a lookup may block */
	uid_t uid;
	gid_t gid;
	uint64_t capabilities; /* 1 << CAP_*: what it is started with, as its ambient set */
	bool replaced;         /* it was asked to leave, so that it can be started otherwise */
	pid_t pid;             /* 0: none */
	char death[PROCESS_DEATH_MAX]; /* how it ended unasked, the last time; "": never */
	struct channel *channel;
	int fault; /* the channel was closed for that, which is not its end: -errno; 0: none */
	sd_event_source *child, *timer;
	uint64_t beat_seq;
	struct supervise_sight seen; /* when it was asked for a sign of life and owed none yet */
};

/* Writes where the program is; 0, or -errno when there is none that can be run. */
int process_find(
	const struct process_kind *kind, const char *libexec_dir, char ret_path[static PATH_MAX]);
/* Everything is borrowed and must outlive the process. SIGCHLD must be blocked. */
int process_init(struct process *p, sd_event *loop, const struct process_kind *kind,
	const struct process_handler *handler, void *userdata, const char *libexec_dir,
	const char *runtime_dir);
/* Kills what still runs. */
void process_done(struct process *p);

void process_start(struct process *p, const struct supervise_settings *settings);
/* Ask it to leave; it is not started again. `restart`: a successor will be. */
void process_leave(struct process *p, bool restart);
/* The capabilities that it needs. One that runs with others is asked to leave, and started again.
 * Returns whether it will be. */
bool process_set_capabilities(struct process *p, uint64_t capabilities);
/* The same with a descriptor, which it inherits as PROCESS_GIVEN_FIRST + `place`; -1: none. It is
 * borrowed, for as long as processes are started. */
bool process_give(struct process *p, unsigned place, int fd);
/* New heartbeat settings, from the next heartbeat on. */
void process_set(struct process *p, const struct supervise_settings *settings);

/* Queue a message; dropped when the process is not there (it gets Configure when it is back). */
void process_call(struct process *p, const char *method, json_t *parameters);
/* A whole message that is JSON already: a frame without its end. */
void process_send_text(struct process *p, const char *json);

bool process_is_running(const struct process *p);
