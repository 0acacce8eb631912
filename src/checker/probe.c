/* What probes have in common: results and sockets. */
#include "checker/probe.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void probe_result_init(struct probe_result *ret)
{
	*ret = (struct probe_result){.weight_percent = PROBE_WEIGHT_NONE};
}

enum probe_outcome probe_result_set(
	struct probe_result *ret, enum probe_outcome outcome, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret->reason, sizeof(ret->reason), format, args);
	va_end(args);
	for (char *c = ret->reason; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	ret->outcome = outcome;
	return outcome;
}

bool probe_endpoint_equal(const struct probe_endpoint *a, const struct probe_endpoint *b)
{
	return addr_equal(&a->address, &b->address) && a->port == b->port &&
	       addr_equal(&a->source, &b->source) && strcmp(a->interface, b->interface) == 0 &&
	       a->mark == b->mark;
}

socklen_t probe_address_of(const struct addr *address, uint16_t port, union probe_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (address->family == AF_INET) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		ret->v4.sin_addr = addr_to_v4(address);
		return sizeof(ret->v4);
	}
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons(port);
	memcpy(&ret->v6.sin6_addr, address->bytes, sizeof(ret->v6.sin6_addr));
	return sizeof(ret->v6);
}

/* The port of a source is the kernel's choice, made when it knows where to: else a source could
 * have no more connections than there are ports. */
static int bind_source(const struct addr *source, int fd)
{
	union probe_address from;
	socklen_t len = probe_address_of(source, 0, &from);
	int on = 1;

	(void)setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, &from.any, len) < 0 ? -errno : 0;
}

int probe_socket_prepare(const struct probe_endpoint *e, int fd)
{
	if (e->mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &e->mark, sizeof(e->mark)) < 0)
		return -errno;
	if (e->interface[0] && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, e->interface,
				       (socklen_t)strlen(e->interface)) < 0)
		return -errno;
	return e->source.family ? bind_source(&e->source, fd) : 0;
}

int probe_socket_open(const struct probe_endpoint *e, int type, int protocol)
{
	auto_close int fd =
		socket(e->address.family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	int r = fd < 0 ? -errno : probe_socket_prepare(e, fd);

	return r < 0 ? r : take_fd(&fd);
}

bool probe_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
	       error == ENOSPC;
}

const char *probe_error_text(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "refused";
	case ECONNRESET:
		return "reset";
	case ETIMEDOUT:
		return "no answer";
	case EHOSTUNREACH:
		return "no route to host";
	case ENETUNREACH:
		return "network is unreachable";
	case EADDRNOTAVAIL:
		return "no local address or port left";
	case ENODEV:
		return "no such interface";
	case EPERM:
	case EACCES:
		return "not permitted by a local rule";
	default:
		return strerror(error);
	}
}

enum probe_outcome probe_failed(struct probe_result *ret, const char *phase, int error)
{
	bool shortage = probe_is_shortage(error);

	ret->timed = !shortage;
	return probe_result_set(ret, shortage ? PROBE_POSTPONED : PROBE_FAILED, "%s: %s", phase,
		probe_error_text(error));
}
