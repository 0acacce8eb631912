#include "played_director.h"

#include "director/spawn.h"
#include "io/json_memory.h"
#include "no_host.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A name for the key that is the same each time, as is then what the configuration means. */
#define KEY_FD 900
#define KEY "/proc/self/fd/900"

#define TURNS_MAX 1000 /* of the loop, for one frame */

static char dir[] = "/tmp/tandem-fuzz-XXXXXX";
static char config[80];
static struct director_options options = {.config = config,
	.runtime_dir = dir,
	.state_dir = dir,
	.libexec_dir = dir,
	.journal = JOURNAL_JOURNAL};
static struct director d;
static int mouths[HELPER_MAX_] = {-1, -1, -1}; /* the helpers' ends */

/* The host */

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert(f);
	assert(fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
}

static void make_program(const char *name)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	write_file(path, "", 0755);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void remove_dir(void)
{
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What the director before has left. */
static void remove_record(void)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/ipvs.json", dir);
	(void)unlink(path);
}

static void make_key(void)
{
	static const char text[] =
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	int fd = memfd_create("key", MFD_CLOEXEC);

	assert(fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	assert(fchmod(fd, 0600) == 0 && dup2(fd, KEY_FD) == KEY_FD && close(fd) == 0);
}

static void make_dir(void)
{
	if (config[0])
		return;
	json_memory_init(); /* as in the program */
	assert(mkdtemp(dir));
	(void)atexit(remove_dir);
	(void)snprintf(config, sizeof(config), "%s/config.json", dir);
	make_program("tandem-elector");
	make_program("tandem-checker");
	make_program("tandem-link");
	make_key();
}

static const char format[] =
	"{\"nodes\": {\"lb1\": {\"link_address\": \"fe80::1\"},"
	" \"lb2\": {\"link_address\": \"fe80::2\"}},"
	"\"link\": {\"mode\": \"%s\", \"interface\": \"lo\", \"key_file\": \"%s\"},"
	"\"virtual_routers\": {"
	" \"front\": {\"interface\": \"lo\", \"vrid\": 51, \"addresses\": [\"192.0.2.100/24\"],"
	"  \"snat_addresses\": [\"10.9.0.200/24\"], \"snat_interface\": \"lo\","
	"  \"notify\": {\"any\": \"/bin/true\","
	"   \"before_active\": {\"command\": [\"/bin/true\"], \"timeout\": \"1s\"}}},"
	" \"back\": {\"interface\": \"lo\", \"vrid\": 52, \"addresses\": [\"10.9.0.1/16\"]}},"
	"\"pools\": {"
	" \"web\": {\"check\": {\"type\": \"tcp\", \"port\": 80}, \"quorum\": 2,"
	"  \"fallback\": \"sorry\", \"max_ejected\": 50, \"servers\": {"
	"  \"rs1\": {\"address\": \"10.0.0.11\"}, \"rs2\": {\"address\": \"10.0.0.12\"}}},"
	" \"sorry\": {\"check\": {\"type\": \"exec\", \"command\": [\"/bin/true\"]},"
	"  \"servers\": {\"rs3\": {\"address\": \"10.0.0.13\"}}}},"
	"\"services\": {"
	" \"web\": {\"listen\": \"192.0.2.100\", \"port\": 80, \"forward\": \"fullnat\","
	"  \"pool\": \"web\"},"
	" \"moved\": {\"listen\": \"192.0.2.100\", \"port\": 81, \"forward\": \"nat\","
	"  \"pool\": \"web\", \"program\": \"active\"}}}\n";

int spawn(struct process *p, const char *path, sd_event_child_handler_t ended, int *ret_fd)
{
	int fds[2];

	(void)path;
	(void)ended;
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	p->pid = INT_MAX; /* there is none of that number */
	mouths[p - d.helpers] = fds[1];
	*ret_fd = fds[0];
	return 0;
}

/* The director */

/* As director.c does it, but for the control socket. */
static void set_up(void)
{
	static int (*const init[])(struct director *) = {apply_init, shares_init, drains_init,
		push_init, conntrack_sync_init, peer_init, checks_init, track_init, notify_init};

	maintenance_init(&d);
	why_init(&d);
	assert(sd_event_new(&d.loop) >= 0);
	assert(reload_init(&d) >= 0);
	for (size_t i = 0; i < sizeof(init) / sizeof(init[0]); i++)
		assert(init[i](&d) >= 0);
}

static void tear_down(void)
{
	d.stopping = true;
	reload_stop(&d);
	work_stop(&d);
	switchover_done(&d);
	resync_done(&d);
	push_stop(&d);
	status_done(&d);
	server_view_done(&d);
	helpers_done(&d);
	apply_done(&d);
	checks_done(&d);
	notify_done(&d);
	track_done(&d);
	drains_done(&d);
	peer_done(&d);
	conntrack_sync_done(&d);
	link_done(&d);
	shares_done(&d);
	devices_done(&d);
	why_done(&d);
	reload_done(&d);
	sd_event_unref(d.loop);
	roles_done(&d.roles);
	events_done(&d.events);
	for (size_t i = 0; i < HELPER_MAX_; i++)
		if (mouths[i] >= 0) {
			(void)close(mouths[i]);
			mouths[i] = -1;
		}
}

/* What the helpers are told is not listened to. */
static void run(void)
{
	char told[65536];

	for (unsigned i = 0; i < TURNS_MAX && sd_event_run(d.loop, 0) > 0; i++)
		for (size_t k = 0; k < HELPER_MAX_; k++)
			while (mouths[k] >= 0 && recv(mouths[k], told, sizeof(told), 0) > 0)
				;
}

static void begin(void)
{
	struct conf *conf;

	set_up();
	conf = reload_load(&d);
	assert(conf);
	assert(reload_adopt(&d, conf) >= 0);
	reload_begin(&d, NULL);
	assert(helpers_start(&d) >= 0);
	work_begin(&d, TASK_WHOLE, NULL);
	run();
	helpers_start_rest(&d);
	run();
}

/* Frames */

void played_say_all(enum helper_index helper, const char *frames, size_t len)
{
	size_t sent = 0;

	while (sent < len) {
		ssize_t n = send(mouths[helper], frames + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break; /* it was not listened to any more */
		sent += n > 0 ? (size_t)n : 0;
		run();
	}
}

void played_say(enum helper_index helper, const char *frame)
{
	played_say_all(helper, frame, strlen(frame) + 1);
}

static void ask_history(void)
{
	json_t *parameters =
		json_pack("{s:s, s:s, s:b}", "pool", "web", "server", "rs1", "history", 1);

	operators_server(&d, &no_host_call, parameters);
	json_decref(parameters);
}

void played_call(char letter)
{
	json_t *none = json_object();

	if (letter == 's')
		status_request(&d, &no_host_call);
	else if (letter == 'w')
		why_request(&d, &no_host_call, none);
	else if (letter == 'h')
		ask_history();
	else if (letter == 'p')
		push_request(&d, &no_host_call, none);
	else if (letter == 'r')
		resync_request(&d, &no_host_call, none);
	else if (letter == 'o')
		switchover_request(&d, &no_host_call, none);
	json_decref(none);
	run();
}

struct director *played_begin(char host)
{
	char text[sizeof(format) + 100];

	make_dir();
	remove_record();
	no_host_seen = (struct no_host_seen){0};
	options.node = host == '2' ? "lb2" : "lb1";
	(void)snprintf(text, sizeof(text), format, host == 'K' ? "kernel" : "tandem", KEY);
	write_file(config, text, 0600);
	d = (struct director){
		.options = &options, .lock_fd = -1, .link = {.device = -1, .page = -1}};
	begin();
	return &d;
}

void played_end(void)
{
	for (size_t i = 0; i < HELPER_MAX_; i++)
		d.helpers[i].pid = 0;
	played_call('w');
	json_decref(events_to_json(&d.events, NULL));
	if (!d.gather)
		played_call('s');
	tear_down();
}
