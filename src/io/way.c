/* Asked of sockets and of /proc, not by netlink: for a process that may do little. */
#include "io/way.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define ANY_PORT 9          /* nothing is sent there */
#define INTERFACES_MAX 1024 /* addresses of them */
/* Flags of /proc/net/if_inet6: temporary, tentative, failed, deprecated. */
#define NOT_FOR_ITSELF (0x01U | 0x08U | 0x20U | 0x40U)

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static struct addr addr_of(const union socket_address *s)
{
	struct addr a = {.family = s->any.sa_family};

	if (a.family == AF_INET)
		return addr_v4(s->v4.sin_addr);
	memcpy(a.bytes, &s->v6.sin6_addr, sizeof(a.bytes));
	return a;
}

int way_source(const struct addr *to, struct addr *ret)
{
	union socket_address s = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(ANY_PORT)}};
	socklen_t len = sizeof(s.v6);
	auto_close int fd = socket(to->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	memcpy(&s.v6.sin6_addr, to->bytes, sizeof(s.v6.sin6_addr));
	if (to->family == AF_INET) {
		s.v4 = (struct sockaddr_in){.sin_family = AF_INET,
			.sin_port = htons(ANY_PORT),
			.sin_addr = addr_to_v4(to)};
		len = sizeof(s.v4);
	}
	if (connect(fd, &s.any, len) < 0)
		return -errno;
	len = sizeof(s);
	if (getsockname(fd, &s.any, &len) < 0)
		return -errno;
	*ret = addr_of(&s);
	return 0;
}

static int first_v4(const char *interface, struct addr *ret)
{
	struct ifreq request = {0};
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address;

	if (fd < 0)
		return -errno;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCGIFADDR, &request) < 0)
		return -errno;
	memcpy(&address, &request.ifr_addr, sizeof(address));
	*ret = addr_v4(address.sin_addr);
	return 0;
}

static bool read_hex(const char *text, struct addr *ret)
{
	struct addr a = {.family = AF_INET6};
	unsigned byte;

	for (size_t i = 0; i < sizeof(a.bytes); i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		a.bytes[i] = (uint8_t)byte;
	}
	*ret = a;
	return true;
}

static int first_v6(const char *interface, struct addr *ret)
{
	auto_fclose FILE *f = fopen("/proc/net/if_inet6", "re");
	char address[40], name[IF_NAMESIZE];
	unsigned scope, flags;

	if (!f)
		return -errno;
	while (fscanf(f, "%32s %*x %*x %x %x %15s", address, &scope, &flags, name) == 4)
		if (strcmp(name, interface) == 0 && scope == 0 && !(flags & NOT_FOR_ITSELF) &&
			strlen(address) == 32 && read_hex(address, ret))
			return 0;
	return -EADDRNOTAVAIL;
}

int way_of_interface(const char *interface, uint16_t family, struct addr *ret)
{
	return family == AF_INET ? first_v4(interface, ret) : first_v6(interface, ret);
}

int way_interface(const struct addr *address, char ret[static IF_NAMESIZE])
{
	struct ifreq list[INTERFACES_MAX];
	struct ifconf all = {.ifc_len = sizeof(list), .ifc_req = list};
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct in_addr wanted = addr_to_v4(address);
	struct sockaddr_in one;

	if (fd < 0 || ioctl(fd, SIOCGIFCONF, &all) < 0)
		return -errno;
	for (size_t i = 0; i < (size_t)all.ifc_len / sizeof(list[0]); i++) {
		memcpy(&one, &list[i].ifr_addr, sizeof(one));
		if (one.sin_addr.s_addr != wanted.s_addr)
			continue;
		/* An alias of old ("eth0:1") is a name of the address. */
		(void)snprintf(ret, IF_NAMESIZE, "%.*s", (int)strcspn(list[i].ifr_name, ":"),
			list[i].ifr_name);
		return 0;
	}
	return -EADDRNOTAVAIL;
}
