/* An address and a port as text, and a socket there. */
#include "web/listen.h"

#include "base/addr.h"
#include "base/cleanup.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG 32

static bool parse_port(const char *text, uint16_t *ret)
{
	unsigned long port;
	size_t len = strlen(text);

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
		return false;
	port = strtoul(text, NULL, 10);
	if (port < 1 || port > 65535)
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool parse_host(const char *text, size_t len, struct addr *ret)
{
	bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	char host[ADDR_TEXT_MAX];
	struct addr addr;

	if (bracketed) {
		text++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!addr_parse(host, &addr) || bracketed != (addr.family == AF_INET6))
		return false;
	*ret = addr;
	return true;
}

bool listen_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	const char *colon = strrchr(text, ':');
	struct addr addr;
	uint16_t port;

	if (!colon || !parse_host(text, (size_t)(colon - text), &addr) ||
		!parse_port(colon + 1, &port))
		return false;
	memset(ret, 0, sizeof(*ret));
	if (addr.family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr = addr_to_v4(&addr);
		*ret_len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, addr.bytes, sizeof(in6->sin6_addr));
		*ret_len = sizeof(*in6);
	}
	return true;
}

int listen_open(const struct sockaddr_storage *address, socklen_t len, int *ret_fd)
{
	auto_close int fd =
		socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (address->ss_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)address, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}
