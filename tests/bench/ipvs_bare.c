#include "ipvs_bare.h"

#include "io/clock.h"
#include "io/ipvs_request.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SEND_SIZE ((size_t)64 << 10)

struct bare {
	struct nl_sock *sock;
	struct ipvs_requests requests; /* of the send being filled */
	uint8_t *data;                 /* all sends, one behind the other */
	size_t *ends;                  /* where each of them ends */
	size_t n_sends, n_operations;
};

static void end_send(struct bare *b)
{
	size_t begin = b->n_sends ? b->ends[b->n_sends - 1] : 0;

	ipvs_requests_ack_last(&b->requests);
	b->ends[b->n_sends++] = begin + b->requests.len;
	b->requests.data += b->requests.len;
	b->requests.len = 0;
}

static void put(struct bare *b, const struct ipvs_op *op)
{
	uint32_t seq = (uint32_t)++b->n_operations;

	if (ipvs_put_op(&b->requests, seq, op))
		return;
	end_send(b);
	(void)ipvs_put_op(&b->requests, seq, op);
}

static int make_requests(struct bare *b, const struct ipvs_table *want)
{
	size_t n = want->n_services + want->n_dests;

	b->data = malloc(n * 256 + SEND_SIZE);
	b->ends = calloc(n + 1, sizeof(*b->ends));
	if (!b->data || !b->ends)
		return -ENOMEM;
	b->requests.data = b->data;
	b->requests.size = SEND_SIZE;
	for (size_t i = 0; i < want->n_services; i++) {
		const struct ipvs_service *s = &want->services[i];

		put(b, &(struct ipvs_op){IPVS_OP_ADD_SERVICE, s, NULL});
		for (size_t j = 0; j < s->n_dests; j++)
			put(b, &(struct ipvs_op){
				       IPVS_OP_ADD_DEST, s, &want->dests[s->first_dest + j]});
	}
	end_send(b);
	return 0;
}

/* Nothing is answered but the last of a send, unless something failed. */
static bool is_good(const uint8_t *answer, size_t len)
{
	const struct nlmsghdr *h = (const void *)answer;
	const struct nlmsgerr *e = (const void *)(answer + NLMSG_HDRLEN);

	return len >= NLMSG_HDRLEN + sizeof(*e) && h->nlmsg_type == NLMSG_ERROR && e->error == 0;
}

static bool send_all(struct bare *b)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t answer[8192];
	int fd = nl_socket_get_fd(b->sock);
	size_t begin = 0;

	for (size_t i = 0; i < b->n_sends; begin = b->ends[i++]) {
		ssize_t n = send(fd, b->data + begin, b->ends[i] - begin, 0);

		if (n >= 0)
			n = recv(fd, answer, sizeof(answer), 0);
		if (n < 0 || !is_good(answer, (size_t)n))
			return false;
	}
	return true;
}

static int open_socket(struct bare *b)
{
	const int queue = 4 * (int)SEND_SIZE;
	int family;

	b->sock = nl_socket_alloc();
	if (!b->sock || genl_connect(b->sock) < 0)
		return -1;
	if (setsockopt(nl_socket_get_fd(b->sock), SOL_SOCKET, SO_SNDBUFFORCE, &queue,
		    sizeof(queue)) < 0)
		return -1;
	family = genl_ctrl_resolve(b->sock, IPVS_GENL_NAME);
	if (family >= 0)
		b->requests.family = (uint16_t)family;
	return family;
}

bool ipvs_bare_write(const struct ipvs_table *want)
{
	struct bare b = {0};
	struct instant begun;
	bool good = open_socket(&b) >= 0 && make_requests(&b, want) == 0;

	begun = clock_now();
	good = good && send_all(&b);
	printf("%-18s %8.3f s  %zu operations in %zu sends\n", "bare writer",
		(double)instant_between_us(begun, clock_now()) / 1e6, b.n_operations, b.n_sends);
	nl_socket_free(b.sock);
	free(b.data);
	free(b.ends);
	return good;
}
