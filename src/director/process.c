/* A helper process. Its channel is its only way to be told anything and to be heard; the end of
 * the process is seen by its child event, not by the channel, so that the reason is known. */
#include "director/process.h"

#include "director/spawn.h"
#include "io/clock.h"
#include "io/json_words.h"
#include "io/proc_pid.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The longest message of a helper. One that was taken over may say more, and a message takes
 * many times its length in memory. The peer's state is a megabyte at most, tracked connections are
 * less, and checks are reported in parts. */
#define MESSAGE_MAX ((size_t)8 << 20)
#define UNREAD_MAX ((size_t)64 << 20) /* a configuration has to wait whole */
#define PRIORITY_TIMER 10             /* after SPAWN_PRIORITY: an answer that is there counts */

static void step(struct process *p, enum supervise_event event);

static void drop_channel(struct process *p)
{
	channel_free(p->channel);
	p->channel = NULL;
}

static void on_message(struct channel *c, json_t *message, void *userdata)
{
	struct process *p = userdata;
	const char *method;

	(void)c;
	json_words_clean(message);
	method = json_string_value(json_object_get(message, "method"));
	if (!method)
		return;
	step(p, SUPERVISE_EV_ANSWER);
	if (strcmp(method, "Heartbeat") != 0)
		p->handler->message(p, method, json_object_get(message, "parameters"), p->userdata);
}

static void on_closed(struct channel *c, int reason, void *userdata)
{
	struct process *p = userdata;
	bool ending = reason == 0 || reason == -ECONNRESET || reason == -EPIPE;

	(void)c;
	drop_channel(p);
	/* A process without its channel is of no use. One that closed it is about to end, and why
	 * is worth knowing; should it not end, it is silent from now on. */
	p->fault = ending ? 0 : reason;
	if (!ending && p->pid > 0 && p->supervise.state != SUPERVISE_STOPPED)
		(void)kill(p->pid, SIGKILL);
}

/* What it was killed for. */
static const char *fault_words(int fault)
{
	switch (fault) {
	case -EMSGSIZE:
		return "said more than is listened to, and ";
	case -EBADMSG:
		return "said what cannot be read, and ";
	case -ENOBUFS:
		return "did not listen, and ";
	default:
		return "";
	}
}

static void describe_exit(const struct process *p, const siginfo_t *si, char *how, size_t size)
{
	const char *fault = fault_words(p->fault);

	if (si->si_code == CLD_EXITED)
		(void)snprintf(how, size, "%sexited with status %d", fault, si->si_status);
	else
		(void)snprintf(
			how, size, "%swas killed by SIG%s", fault, sigabbrev_np(si->si_status));
}

static void gone(struct process *p, const char *how)
{
	bool wanted = p->supervise.state != SUPERVISE_STOPPED;
	bool hung = p->supervise.state == SUPERVISE_DYING && p->supervise.hung;

	p->pid = 0;
	p->child = sd_event_source_disable_unref(p->child);
	drop_channel(p);
	if (wanted && !p->replaced) {
		(void)snprintf(p->death, sizeof(p->death), "%s", how);
		p->handler->died(p, how, hung, p->userdata);
	} else if (!wanted) {
		p->handler->left(p, p->userdata);
	}
	p->replaced = false;
	step(p, SUPERVISE_EV_EXITED);
}

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata)
{
	char how[120];

	(void)source;
	describe_exit(userdata, si, how, sizeof(how));
	gone(userdata, how);
	return 0;
}

int process_find(
	const struct process_kind *kind, const char *libexec_dir, char ret_path[static PATH_MAX])
{
	struct stat st;

	(void)snprintf(ret_path, PATH_MAX, "%s/%s", libexec_dir, kind->program);
	if (stat(ret_path, &st) < 0 || access(ret_path, X_OK) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EACCES; /* as execve(2) says it */
}

static int begin(struct process *p)
{
	static const struct channel_handler handler = {.message = on_message, .closed = on_closed};
	char path[PATH_MAX];
	int fd = -1, r = process_find(p->kind, p->libexec_dir, path);

	p->fault = 0;
	if (r >= 0)
		r = spawn(p, path, on_child, &fd);
	if (r >= 0)
		r = channel_new(p->loop, fd, &handler, p, &p->channel);
	if (r >= 0)
		channel_limit(p->channel, MESSAGE_MAX, UNREAD_MAX);
	return r;
}

static void start(struct process *p)
{
	char how[PROCESS_DEATH_MAX];
	int r = begin(p);

	if (r >= 0) {
		p->handler->started(p, p->userdata);
		return;
	}
	if (p->pid > 0) { /* started, but cannot be watched */
		(void)kill(p->pid, SIGKILL);
		(void)waitpid(p->pid, NULL, 0);
	}
	(void)snprintf(how, sizeof(how), "could not be started: %.160s/%s: %s", p->libexec_dir,
		p->kind->program, strerror(-r));
	gone(p, how);
}

static void send_beat(struct process *p)
{
	char text[80];

	if (!p->channel)
		return;
	(void)snprintf(text, sizeof(text),
		"{\"method\":\"Heartbeat\",\"parameters\":{\"seq\":%llu}}",
		(unsigned long long)++p->beat_seq);
	channel_send_text(p->channel, text);
}

static void arm(struct process *p)
{
	if (instant_is_never(p->supervise.deadline)) {
		(void)sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(p->timer, p->supervise.deadline.us);
	(void)sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

/* What cannot be seen has no excuse. */
static void look(struct process *p)
{
	struct supervise_sight now;
	bool starved = proc_pid_look(p->pid, &now) == 0 &&
		       supervise_is_starved(&p->seen, &now, p->supervise.settings.silence_us);

	step(p, starved ? SUPERVISE_EV_STARVED : SUPERVISE_EV_SILENT);
}

static void step(struct process *p, enum supervise_event event)
{
	unsigned effects = supervise_step(&p->supervise, event, clock_now());

	arm(p);
	if ((effects & SUPERVISE_DO_KILL) && p->pid > 0)
		(void)kill(p->pid, SIGKILL);
	if (effects & SUPERVISE_DO_ABANDON)
		p->handler->abandoned(p, p->userdata);
	if (effects & SUPERVISE_DO_START)
		start(p);
	if (effects & SUPERVISE_DO_BEAT)
		send_beat(p);
	if ((effects & SUPERVISE_DO_REMEMBER) && proc_pid_look(p->pid, &p->seen) < 0)
		p->seen = (struct supervise_sight){0};
	if (effects & SUPERVISE_DO_LOOK)
		look(p);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	step(userdata, SUPERVISE_EV_TIMER);
	return 0;
}

static void look_up_user(struct process *p)
{
	const struct passwd *user =
		p->kind->user && geteuid() == 0 ? getpwnam(p->kind->user) : NULL;

	p->drops_user = user != NULL;
	if (user) {
		p->uid = user->pw_uid;
		p->gid = user->pw_gid;
	}
}

int process_init(struct process *p, sd_event *loop, const struct process_kind *kind,
	const struct process_handler *handler, void *userdata, const char *libexec_dir,
	const char *runtime_dir)
{
	int r;

	*p = (struct process){.kind = kind,
		.handler = handler,
		.userdata = userdata,
		.libexec_dir = libexec_dir,
		.runtime_dir = runtime_dir,
		.loop = loop,
		.supervise = {.deadline = INSTANT_NEVER}};
	for (unsigned i = 0; i < PROCESS_GIVEN_MAX; i++)
		p->given[i] = -1;
	look_up_user(p);
	r = sd_event_add_time(loop, &p->timer, CLOCK_BOOTTIME, UINT64_MAX, 1, on_timer, p);
	if (r >= 0)
		r = sd_event_source_set_priority(p->timer, PRIORITY_TIMER);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void process_done(struct process *p)
{
	p->child = sd_event_source_disable_unref(p->child);
	p->timer = sd_event_source_disable_unref(p->timer);
	if (p->pid > 0) {
		(void)kill(p->pid, SIGKILL);
		(void)waitpid(p->pid, NULL, 0);
		p->pid = 0;
	}
	drop_channel(p);
}

void process_start(struct process *p, const struct supervise_settings *settings)
{
	p->supervise.settings = *settings;
	step(p, SUPERVISE_EV_WANTED);
}

void process_leave(struct process *p, bool restart)
{
	step(p, SUPERVISE_EV_UNWANTED);
	process_call(p, "Shutdown", json_pack("{s:b}", "restart", restart));
}

/* Returns whether there is one to be replaced: else the next start is soon, or none is wanted. */
static bool replace(struct process *p)
{
	if (p->pid == 0 || p->supervise.state == SUPERVISE_STOPPED)
		return false;
	p->replaced = true;
	process_call(p, "Shutdown", json_pack("{s:b}", "restart", true));
	return true;
}

bool process_set_capabilities(struct process *p, uint64_t capabilities)
{
	bool other = p->capabilities != capabilities;

	p->capabilities = capabilities;
	return other && replace(p);
}

bool process_give(struct process *p, unsigned place, int fd)
{
	bool other;

	assert(place < PROCESS_GIVEN_MAX);
	other = p->given[place] != fd;
	p->given[place] = fd;
	return other && replace(p);
}

void process_set(struct process *p, const struct supervise_settings *settings)
{
	p->supervise.settings = *settings;
}

void process_call(struct process *p, const char *method, json_t *parameters)
{
	if (p->channel)
		channel_call(p->channel, method, parameters);
	else
		json_decref(parameters);
}

void process_send_text(struct process *p, const char *json)
{
	if (p->channel)
		channel_send_text(p->channel, json);
}

bool process_is_running(const struct process *p)
{
	return p->pid > 0;
}
