/* Varlink: a call is {"method", "parameters"}, an answer {"parameters"} or {"error", "parameters"};
 * one call at a time on a connection. "more", "oneway" and "upgrade" are not offered. */
#include "director/control/control.h"

#include "base/cleanup.h"
#include "io/channel.h"
#include "io/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define STRANGERS_MAX 16                     /* connections of users other than root */
#define CALL_MAX 65536                       /* bytes of one call: anybody may connect */
#define OPERATOR_CALL_MAX ((size_t)16 << 20) /* a whole configuration */
#define ANSWER_MAX ((size_t)32 << 20)        /* bytes that wait for one caller to read them */
#define LAST_WORDS_US 100000                 /* for all callers together, at the end */
#define SERVICE_INTERFACE "org.varlink.service"

static const char description[] =
	"# What tandemctl(8) asks of tandemd(8)\n"
	"interface " CONTROL_INTERFACE "\n\n"
	"# Roles, services, servers, checks and sync; see tandemctl(8) for the members\n"
	"method Status() -> (status: object)\n\n"
	"# The last events, the oldest first; router: what concerns this one\n"
	"method Events(router: ?string) -> (events: []object)\n\n"
	"# Read the configuration again and make it so; yes: also if it deletes more than "
	"max_delete\n"
	"method Reload(yes: ?bool) -> (generation: int, operations: int, errors: []string)\n"
	"# What a reload would do; text: of this configuration instead of the director's own\n"
	"method Plan(text: ?string) -> (changes: bool, counts: object, ipvs: []object,\n"
	"  addresses: []object, sysctls: []object, nftables: ?string, refused: ?string)\n"
	"# Hold the kernel against what it should be now, and mend it\n"
	"method Repair() -> (operations: int, errors: []string)\n\n"
	"# One server: what operators decided, its connections, how many others of its pool serve\n"
	"method Server(pool: string, server: string) -> (server: object)\n"
	"# Nothing new goes there; out of the services when its last connection ended, or after\n"
	"# deadline_us microseconds\n"
	"method Drain(pool: string, server: string, deadline_us: ?int) -> (server: object)\n"
	"# What configuration and checks say counts again\n"
	"method Ready(pool: string, server: string) -> (server: object)\n"
	"# A weight instead of the configured one\n"
	"method Weight(pool: string, server: string, weight: int) -> (server: object)\n"
	"# Taken as down, whatever its check says\n"
	"method Fail(pool: string, server: string) -> (server: object)\n\n"
	"# A peer is to be Active in our place, for one router or all; insist: even if no peer "
	"claims it,\n"
	"# and however it is\n"
	"method Switchover(router: ?string, insist: ?bool) -> (given: []string, kept: []string)\n"
	"# Tell each other all connections again; state: done, failed, or running still\n"
	"method Resync() -> (state: string, records: ?int, took_us: ?int, reason: ?string)\n"
	"# This node's configuration file for the peer, and in force on both; yes: as of Reload\n"
	"method Push(yes: ?bool) -> (applied: []string)\n"
	"# mode: on (never Active), standby (only while nobody else is), off\n"
	"method Maintenance(mode: string) -> (maintenance: object)\n"
	"# The last transitions of each virtual router, or of one, the newest first, and what "
	"happened\n"
	"# before\n"
	"method Why(router: ?string, last: ?int) -> (routers: []object)\n\n"
	"error NotActive ()\n"
	"error NoPeer ()\n"
	"error PeerNotReady (peer: string, trouble: string)\n"
	"error PushFailed (node: string, errors: []string)\n"
	"error NoSuchRouter (name: string, nearest: ?string)\n"
	"error ReloadFailed (errors: []string)\n"
	"error PlanFailed (errors: []string)\n"
	"error Busy ()\n"
	"error Interrupted ()\n"
	"error IpvsFailed ()\n"
	"error NoSuchPool (name: string, nearest: ?string)\n"
	"error NoSuchServer (pool: string, name: string, nearest: ?string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error NotRecorded (path: string, reason: string)\n"
	"error OutOfMemory ()\n"
	"error PermissionDenied ()\n"
	"error Stopping ()\n";

/* A connection, and the call it waits for. */
struct control_call {
	struct control *control;
	struct channel *channel; /* NULL: the caller hung up */
	uid_t uid;
	bool waiting; /* a call is with the owner */
	struct control_call *next;
};

struct control {
	sd_event *loop;
	sd_event_source *io;
	int fd;
	struct stat file; /* of the socket in the file system */
	struct sockaddr_un address;
	control_handler handler;
	void *userdata;
	struct control_call *calls;
	unsigned n_calls;
};

static void call_free(struct control_call *call)
{
	struct control_call **p = &call->control->calls;

	while (*p != call)
		p = &(*p)->next;
	*p = call->next;
	call->control->n_calls--;
	channel_free(call->channel);
	free(call);
}

static void answer(struct control_call *call, json_t *message)
{
	call->waiting = false;
	if (call->channel)
		channel_send(call->channel, message);
	json_decref(message);
	if (!call->channel)
		call_free(call);
}

void control_reply(struct control_call *call, json_t *parameters)
{
	answer(call, json_pack("{s:o}", "parameters", parameters ? parameters : json_object()));
}

void control_reply_text(struct control_call *call, const char *message)
{
	call->waiting = false;
	if (call->channel)
		channel_send_text(call->channel, message);
	else
		call_free(call);
}

static void send_error(
	struct control_call *call, const char *interface, const char *error, json_t *parameters)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "%s.%s", interface, error);
	answer(call, json_pack("{s:s, s:o}", "error", name, "parameters",
			     parameters ? parameters : json_object()));
}

void control_error(struct control_call *call, const char *error, json_t *parameters)
{
	send_error(call, CONTROL_INTERFACE, error, parameters);
}

/* A name means the same in every method; null is as good as left out. */
static const struct {
	const char *name;
	json_type type; /* JSON_TRUE: false as well */
} known_parameters[] = {
	{"router", JSON_STRING},
	{"insist", JSON_TRUE},
	{"yes", JSON_TRUE},
	{"text", JSON_STRING},
	{"pool", JSON_STRING},
	{"server", JSON_STRING},
	{"history", JSON_TRUE},
	{"deadline_us", JSON_INTEGER},
	{"weight", JSON_INTEGER},
	{"mode", JSON_STRING},
	{"last", JSON_INTEGER},
};

static bool has_type(const json_t *value, json_type type)
{
	return json_is_null(value) || json_typeof(value) == type ||
	       (type == JSON_TRUE && json_is_false(value));
}

const char *control_wrong_parameter(const json_t *parameters)
{
	size_t n = 0;

	if (!parameters || json_is_null(parameters))
		return NULL;
	if (!json_is_object(parameters))
		return "parameters";
	for (size_t i = 0; i < sizeof(known_parameters) / sizeof(known_parameters[0]); i++) {
		const json_t *value = json_object_get(parameters, known_parameters[i].name);

		if (value && !has_type(value, known_parameters[i].type))
			return known_parameters[i].name;
		n += value != NULL;
	}
	return n < json_object_size(parameters) ? "parameters" : NULL;
}

static void not_found(struct control_call *call, const char *method)
{
	send_error(call, SERVICE_INTERFACE, "MethodNotFound", json_pack("{s:s}", "method", method));
}

void control_no_method(struct control_call *call, const char *method)
{
	char name[128];

	(void)snprintf(name, sizeof(name), CONTROL_INTERFACE ".%s", method);
	not_found(call, name);
}
uid_t control_caller(const struct control_call *call)
{
	return call->uid;
}

static void describe(struct control_call *call, const json_t *parameters)
{
	const char *name = json_string_value(json_object_get(parameters, "interface"));

	if (!name || strcmp(name, CONTROL_INTERFACE) != 0)
		send_error(call, SERVICE_INTERFACE, "InterfaceNotFound",
			json_pack("{s:s}", "interface", name ? name : ""));
	else
		control_reply(call, json_pack("{s:s}", "description", description));
}

static void introduce(struct control_call *call)
{
	control_reply(call, json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "tandem",
				    "product", "tandemd", "version", TANDEM_VERSION, "url", "",
				    "interfaces", SERVICE_INTERFACE, CONTROL_INTERFACE));
}

static void dispatch(struct control_call *call, const char *method, const json_t *parameters)
{
	static const char prefix[] = CONTROL_INTERFACE ".";

	if (strcmp(method, SERVICE_INTERFACE ".GetInfo") == 0)
		introduce(call);
	else if (strcmp(method, SERVICE_INTERFACE ".GetInterfaceDescription") == 0)
		describe(call, parameters);
	else if (strncmp(method, prefix, sizeof(prefix) - 1) == 0)
		call->control->handler(
			call, method + sizeof(prefix) - 1, parameters, call->control->userdata);
	else
		not_found(call, method);
}

static void on_message(struct channel *c, json_t *message, void *userdata)
{
	struct control_call *call = userdata;
	const char *method = json_string_value(json_object_get(message, "method"));

	/* Not Varlink, where an answer could not be told from another: or who asks without having
	 * read, and would have us keep answer upon answer. */
	if (call->waiting || !method || channel_queued(c) > 0) {
		channel_free(call->channel);
		call->channel = NULL;
		if (!call->waiting)
			call_free(call);
		return;
	}
	call->waiting = true;
	dispatch(call, method, json_object_get(message, "parameters"));
}

static void on_closed(struct channel *c, int reason, void *userdata)
{
	struct control_call *call = userdata;

	(void)c;
	(void)reason;
	channel_free(call->channel);
	call->channel = NULL;
	if (!call->waiting)
		call_free(call);
}

static uid_t peer_uid(int fd)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
		return (uid_t)-1;
	return credentials.uid;
}

static bool is_stranger(uid_t uid)
{
	return uid != 0 && uid != geteuid();
}

/* Who has held a connection longest without asking anything gives way to the next caller. Strangers
 * share a few places, so that an operator always finds one. Returns whether there is room. */
static bool make_room(struct control *c, uid_t uid)
{
	struct control_call *oldest = NULL;
	unsigned strangers = 0;
	bool scarce;

	for (struct control_call *call = c->calls; call; call = call->next)
		strangers += is_stranger(call->uid);
	scarce = is_stranger(uid) && strangers >= STRANGERS_MAX;
	if (!scarce && c->n_calls < CONTROL_CALLERS_MAX)
		return true;
	for (struct control_call *call = c->calls; call; call = call->next)
		if (!call->waiting && (!scarce || is_stranger(call->uid)))
			oldest = call;
	if (oldest)
		call_free(oldest);
	return oldest != NULL;
}

static void accept_caller(struct control *c, int fd)
{
	static const struct channel_handler handler = {.message = on_message, .closed = on_closed};
	uid_t uid = peer_uid(fd);
	struct control_call *call = make_room(c, uid) ? calloc(1, sizeof(*call)) : NULL;

	if (!call) {
		(void)close(fd);
		return;
	}
	call->control = c;
	call->uid = uid;
	if (channel_new(c->loop, fd, &handler, call, &call->channel) < 0) {
		free(call);
		return;
	}
	channel_limit(call->channel, is_stranger(uid) ? CALL_MAX : OPERATOR_CALL_MAX, ANSWER_MAX);
	call->next = c->calls;
	c->calls = call;
	c->n_calls++;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)revents;
	if (connection >= 0)
		accept_caller(userdata, connection);
	return 0;
}

static int set_address(struct control *c, const char *runtime_dir)
{
	int n = snprintf(
		c->address.sun_path, sizeof(c->address.sun_path), "%s/tandem.sock", runtime_dir);

	if (n < 0 || (size_t)n >= sizeof(c->address.sun_path))
		return -ENAMETOOLONG;
	c->address.sun_family = AF_UNIX;
	return 0;
}

int control_renew(struct control *c)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	sd_event_source *io;
	int r;

	if (fd < 0)
		return -errno;
	(void)unlink(c->address.sun_path); /* of an earlier run: the lock says that we are alone */
	if (bind(fd, (const struct sockaddr *)&c->address, sizeof(c->address)) < 0 ||
		chmod(c->address.sun_path, 0666) < 0 || listen(fd, CONTROL_CALLERS_MAX) < 0 ||
		stat(c->address.sun_path, &c->file) < 0)
		return -errno;
	r = sd_event_add_io(c->loop, &io, fd, EPOLLIN, on_connection, c);
	if (r < 0)
		return r;
	sd_event_source_disable_unref(c->io);
	cleanup_close(&c->fd);
	c->io = io;
	c->fd = take_fd(&fd);
	return 0;
}

bool control_is_found(const struct control *c)
{
	struct stat found;

	return stat(c->address.sun_path, &found) == 0 && found.st_dev == c->file.st_dev &&
	       found.st_ino == c->file.st_ino;
}

int control_new(sd_event *loop, const char *runtime_dir, control_handler handler, void *userdata,
	struct control **ret)
{
	struct control *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->fd = -1;
	c->handler = handler;
	c->userdata = userdata;
	r = set_address(c, runtime_dir);
	if (r >= 0)
		r = control_renew(c);
	if (r < 0) {
		control_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void control_free(struct control *c)
{
	struct instant end = instant_add(clock_now(), LAST_WORDS_US);

	if (!c)
		return;
	while (c->calls) {
		if (c->calls->channel)
			channel_flush(c->calls->channel, instant_between_us(clock_now(), end));
		call_free(c->calls);
	}
	sd_event_source_disable_unref(c->io);
	if (c->fd >= 0) {
		(void)unlink(c->address.sun_path);
		(void)close(c->fd);
	}
	free(c);
}
