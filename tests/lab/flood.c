/* flood INTERFACE GROUP PORT RATE SECONDS: junk datagrams of 100 bytes to a multicast group, so
 * many a second, or as many as this host can send. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 50

static double now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int open_socket(const char *interface, const struct sockaddr_in *to)
{
	struct ip_mreqn out = {.imr_ifindex = (int)if_nametoindex(interface)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) < 0 ||
		connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return -1;
	return fd;
}

static int send_batch(int fd)
{
	static char junk[100] = "junk";
	struct iovec iov = {junk, sizeof(junk)};
	struct mmsghdr messages[BATCH];

	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
	return sendmmsg(fd, messages, BATCH, 0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	double begin = now_s(), rate, end;
	long sent = 0;
	int fd;

	if (argc != 6 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
		(void)fprintf(stderr, "usage: flood INTERFACE GROUP PORT RATE SECONDS\n");
		return EXIT_FAILURE;
	}
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	rate = atof(argv[4]);
	end = begin + atof(argv[5]);
	fd = open_socket(argv[1], &to);
	if (fd < 0) {
		perror("flood");
		return EXIT_FAILURE;
	}
	while (now_s() < end) {
		if ((double)sent / rate > now_s() - begin) {
			(void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
			continue;
		}
		if (send_batch(fd) > 0)
			sent += BATCH;
	}
	(void)printf("%.0f\n", (double)sent / (now_s() - begin));
	return EXIT_SUCCESS;
}
