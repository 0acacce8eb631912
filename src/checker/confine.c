/* The system calls of all types of check, those of libcurl and OpenSSL among them. One list for
 * all: a reload may need a type that was not there at the start, and a list can only be made
 * shorter. */
#include "checker/confine.h"

#include "io/privilege.h"
#include "io/sandbox.h"

#include <sys/socket.h>

/* libcurl wakes itself through a pair of sockets or a pipe; OpenSSL looks for a CA's certificate by
 * its path. */
static const char *const calls[] = {"access", "eventfd2", "faccessat", "faccessat2", "fadvise64",
	"geteuid", "getuid", "pipe2", "readlink", "socketpair", "stat", "statx", "uname"};

/* Interfaces are looked up by name through AF_UNIX or AF_INET; ARP goes by packets. */
static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_PACKET};

int checker_confine(void)
{
	static const struct sandbox wanted = {
		.calls = calls,
		.n_calls = sizeof(calls) / sizeof(calls[0]),
		.families = families,
		.n_families = sizeof(families) / sizeof(families[0]),
	};
	int r = privilege_drop();

	return r < 0 ? r : sandbox_enter(&wanted);
}
