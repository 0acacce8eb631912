/* A line of /proc/net/udp has the bound address as the kernel's own words in hexadecimal, so in the
 * machine's byte order. */
#include "io/udp_queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct udp_queue_file {
	FILE *file;
	uint16_t family;
};

int udp_queue_open(uint16_t family, struct udp_queue_file **ret)
{
	struct udp_queue_file *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->family = family;
	f->file = fopen(family == AF_INET6 ? "/proc/net/udp6" : "/proc/net/udp", "re");
	if (!f->file) {
		int r = -errno;

		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

void udp_queue_close(struct udp_queue_file *f)
{
	if (!f)
		return;
	(void)fclose(f->file);
	free(f);
}

/* Eight digits for each word. */
static bool parse_address(const char *hex, uint16_t family, struct addr *ret)
{
	struct addr a = {.family = family};

	if (strlen(hex) != 2 * addr_len(&a))
		return false;
	for (size_t i = 0; i < addr_len(&a); i += 4) {
		char word[9] = {0};
		uint32_t value;

		memcpy(word, hex + 2 * i, 8);
		value = (uint32_t)strtoul(word, NULL, 16);
		memcpy(a.bytes + i, &value, sizeof(value));
	}
	*ret = a;
	return true;
}

/* sl: local:port remote:port st tx:rx tr:when retrnsmt uid timeout inode ref pointer drops */
bool udp_queue_parse(const char *line, uint16_t family, struct udp_queue_socket *ret)
{
	struct udp_queue_socket s = {0};
	unsigned port;
	char hex[33];

	if (sscanf(line,
		    " %*u: %32[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %*x %*x:%" SCNx64
		    " %*x:%*x %*x %*u %*u %" SCNu64 " %*d %*s %" SCNu64,
		    hex, &port, &s.waiting, &s.inode, &s.drops) != 5 ||
		!parse_address(hex, family, &s.address))
		return false;
	s.port = (uint16_t)port;
	*ret = s;
	return true;
}

static bool is_excepted(uint64_t inode, const uint64_t *except, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (except[i] == inode)
			return true;
	return false;
}

int udp_queue_read(struct udp_queue_file *f, const struct addr *address, uint16_t port,
	const uint64_t *except, size_t n_except, struct udp_queue *ret)
{
	struct udp_queue sum = {0};
	struct udp_queue_socket s;
	char line[512];

	rewind(f->file);
	while (fgets(line, sizeof(line), f->file)) {
		if (!udp_queue_parse(line, f->family, &s) || s.port != port ||
			!addr_equal(&s.address, address) || is_excepted(s.inode, except, n_except))
			continue;
		sum.sockets++;
		sum.waiting += s.waiting;
		sum.drops += s.drops;
	}
	if (ferror(f->file))
		return -EIO;
	if (sum.sockets == 0)
		return -ENOENT;
	*ret = sum;
	return 0;
}
