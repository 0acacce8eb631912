/* tandem-web: the director's status for browsers and Prometheus. It talks to whoever may connect,
 * so it holds no privilege: what it knows it asks at the control socket, where anybody may. */
#include "io/privilege.h"
#include "io/sandbox.h"
#include "web/listen.h"
#include "web/server.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define USER "tandem"

struct options {
	const char *listen, *runtime_dir;
};

static int fail(const char *what, int error)
{
	(void)fprintf(stderr, "tandem-web: %s: %s\n", what, strerror(-error));
	return EXIT_FAILURE;
}

/* Started by hand as root, it becomes the user that its unit has. Where there is none, it stays
 * root without a capability. */
static int leave_root(void)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam(USER) : NULL;

	if (!user)
		return 0;
	if (setgroups(0, NULL) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		return -errno;
	return 0;
}

/* Nothing is made from here on but connections to the director. */
static int confine(void)
{
	static const char *const calls[] = {"accept4", "eventfd2"};
	static const int families[] = {AF_UNIX};
	static const struct sandbox needed = {
		.calls = calls,
		.n_calls = sizeof(calls) / sizeof(calls[0]),
		.families = families,
		.n_families = sizeof(families) / sizeof(families[0]),
	};
	int r = leave_root();

	if (r >= 0)
		r = privilege_drop();
	return r < 0 ? r : sandbox_enter(&needed);
}

static int set_up_loop(sd_event **ret)
{
	static const int signals[] = {SIGTERM, SIGINT};
	sd_event *loop = NULL;
	sigset_t mask;
	int r = sd_event_new(&loop);

	(void)sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&mask, signals[i]);
	if (r >= 0 &&
		(sigprocmask(SIG_BLOCK, &mask, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR))
		r = -errno;
	for (size_t i = 0; r >= 0 && i < sizeof(signals) / sizeof(signals[0]); i++)
		r = sd_event_add_signal(loop, NULL, signals[i], NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(loop, true);
	if (r < 0) {
		sd_event_unref(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

static int serve(const struct options *o, int listen_fd)
{
	struct server *server = NULL;
	sd_event *loop = NULL;
	int r = set_up_loop(&loop);

	if (r < 0) {
		(void)close(listen_fd);
		return fail("cannot start", r);
	}
	r = server_new(loop, listen_fd, o->runtime_dir, &server);
	if (r >= 0)
		r = confine();
	if (r >= 0) {
		(void)sd_notify(0, "READY=1");
		r = sd_event_loop(loop);
	}
	server_free(server);
	sd_event_unref(loop);
	return r < 0 ? fail("cannot serve", r) : EXIT_SUCCESS;
}

static int run(const struct options *o)
{
	struct sockaddr_storage address;
	socklen_t len;
	int fd, r;

	if (!listen_parse(o->listen, &address, &len)) {
		(void)fprintf(stderr,
			"tandem-web: --listen wants ADDRESS:PORT or [ADDRESS]:PORT, not \"%s\"\n",
			o->listen);
		return EXIT_FAILURE;
	}
	r = listen_open(&address, len, &fd);
	return r < 0 ? fail(o->listen, r) : serve(o, fd);
}

static int usage(FILE *f, int status)
{
	(void)fputs("usage: tandem-web [--listen ADDRESS:PORT] [--runtime-dir DIR]\n"
		    "       tandem-web --version\n",
		f);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'},
		{"runtime-dir", required_argument, NULL, 'r'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options o = {.listen = LISTEN_DEFAULT, .runtime_dir = "/run/tandem"};
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (code) {
		case 'l':
			o.listen = optarg;
			break;
		case 'r':
			o.runtime_dir = optarg;
			break;
		case 'V':
			return printf("tandem-web %s\n", TANDEM_VERSION) < 0;
		case 'h':
			return usage(stdout, EXIT_SUCCESS);
		default:
			return usage(stderr, EXIT_FAILURE);
		}
	}
	return optind == argc ? run(&o) : usage(stderr, EXIT_FAILURE);
}
