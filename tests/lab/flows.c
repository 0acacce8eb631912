/* flows ADDRESS PORT RATE COUNT [FIRST]: COUNT datagrams to a UDP service, each of a connection of
 * its own as a director sees it: from another port, and each 50,000 from another address of
 * 198.18.0.0/15 (RFC 2544). RATE of them a second, or as many as this host can send; 0: without a
 * pause. FIRST is the number of those that another run has sent.
 *
 * Prints {"sent": N, "per_s": R} at the end. Nobody answers, and nobody listens for an answer. */
#include "tool.h"

#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#define SOURCES 0xc6120001u
#define PORTS_PER_SOURCE 50000u
#define PORT_MIN 10000u

struct datagram {
	struct iphdr ip;
	struct udphdr udp;
	char payload[4];
};

static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd < 0)
		err(2, "socket");
	return fd;
}

/* The kernel fills in the length and the header's checksum; UDP's own may be left out (RFC 768). */
static void send_one(int fd, const struct sockaddr_in *to, uint32_t number)
{
	struct datagram d = {
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP},
		.udp = {.dest = to->sin_port, .len = htons(sizeof(d.udp) + sizeof(d.payload))},
		.payload = "new",
	};
	struct sockaddr_in route = {.sin_family = AF_INET, .sin_addr = to->sin_addr};

	d.ip.saddr = htonl(SOURCES + number / PORTS_PER_SOURCE);
	d.ip.daddr = to->sin_addr.s_addr;
	d.udp.source = htons((uint16_t)(PORT_MIN + number % PORTS_PER_SOURCE));
	if (sendto(fd, &d, sizeof(d), 0, (struct sockaddr *)&route, sizeof(route)) < 0)
		err(1, "sendto");
}

static void wait_until_due(int64_t due_us)
{
	int64_t left_us = due_us - tool_now_us();

	if (left_us > 0)
		(void)nanosleep(&(struct timespec){.tv_sec = left_us / 1000000,
					.tv_nsec = left_us % 1000000 * 1000},
			NULL);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to;
	int64_t begin_us = tool_now_us();
	long rate, count, first;
	int fd;

	if (argc < 5 || argc > 6 || (rate = atol(argv[3])) < 0 || (count = atol(argv[4])) <= 0)
		errx(2, "usage: flows ADDRESS PORT RATE COUNT [FIRST]");
	first = argc > 5 ? atol(argv[5]) : 0;
	to = tool_address(argv[1], argv[2]);
	fd = open_socket();
	for (long i = 0; i < count; i++) {
		if (rate > 0)
			wait_until_due(begin_us + i * 1000000 / rate);
		send_one(fd, &to, (uint32_t)(first + i));
	}
	printf("{\"sent\": %ld, \"per_s\": %.0f}\n", count,
		(double)count * 1e6 / (double)(tool_now_us() - begin_us));
	return 0;
}
