/* The socket of IPVS, opened and used. The kernel works a request off inside send(2), so that every
 * answer which will ever come to it is queued when send returns; waiting is for dumps, whose later
 * parts are made as we read. Answers are matched by sequence number: what a given-up exchange left
 * behind is skipped by the next. */
#include "io/ipvs_exchange.h"

#include <errno.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#define SEND_SIZE ((size_t)64 << 10)    /* longer ones are not faster */
#define RECEIVE_SIZE ((size_t)64 << 10) /* the kernel's largest datagram is half of it */
#define SEND_QUEUE_SIZE (4 * (int)SEND_SIZE)
#define RECEIVE_QUEUE_SIZE (4 << 20) /* holds an error for every message of a full buffer */
#define RECEIVE_TIMEOUT_US 100000    /* only an answer that never comes takes that long */

/* Returns the length, 0 for what did not come from the kernel, or -errno. */
static ssize_t receive(struct ipvs *v, int flags)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {.iov_base = v->received, .iov_len = RECEIVE_SIZE};
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do
		n = recvmsg(nl_socket_get_fd(v->sock), &m, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (m.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	return from.nl_pid == 0 ? n : 0;
}

static void note_result(struct ipvs_exchange *x, int result)
{
	if (x->result == 0)
		x->result = result;
}

static void take_answer(struct ipvs_exchange *x, const struct ipvs_answer *answer)
{
	if (answer->seq - x->first > x->last - x->first)
		return; /* to an earlier exchange */
	if (x->result == 0)
		note_result(x, x->answer(answer, x->userdata));
	if (answer->kind == IPVS_ANSWER_STATUS && answer->seq == x->last)
		x->over = true;
}

static void take_answers(struct ipvs *v, struct ipvs_exchange *x, size_t len)
{
	struct ipvs_answer answer;
	size_t offset = 0;
	int r;

	while ((r = ipvs_get_answer(v->received, len, v->requests.family, &offset, &answer)) != 0) {
		if (r < 0)
			note_result(x, r);
		else
			take_answer(x, &answer);
	}
}

int ipvs_exchange_start(struct ipvs *v)
{
	return send(nl_socket_get_fd(v->sock), v->requests.data, v->requests.len, 0) < 0 ? -errno
											 : 0;
}

static int exchange_result(const struct ipvs_exchange *x)
{
	return x->result ? x->result : x->lost ? -ENOBUFS : 0;
}

int ipvs_exchange_read(struct ipvs *v, struct ipvs_exchange *x)
{
	/* After a loss the end may be among what was lost, and all that is left is here. */
	ssize_t n = receive(v, x->lost ? MSG_DONTWAIT : 0);

	if (n == -ENOBUFS)
		x->lost = true;
	else if (n == -ETIMEDOUT && x->lost)
		x->over = true;
	else if (n == -EBADMSG)
		note_result(x, -EBADMSG);
	else if (n < 0)
		return (int)n;
	else
		take_answers(v, x, (size_t)n);
	return x->over ? exchange_result(x) : -EINPROGRESS;
}

int ipvs_exchange_run(struct ipvs *v, struct ipvs_exchange *x)
{
	int r = ipvs_exchange_start(v);

	if (r < 0)
		return r;
	do
		r = ipvs_exchange_read(v, x);
	while (r == -EINPROGRESS);
	return r;
}

uint32_t ipvs_request_begin(struct ipvs *v)
{
	v->requests.len = 0;
	return v->next_seq++;
}

int ipvs_request_run(struct ipvs *v,
	int (*answer)(const struct ipvs_answer *answer, void *userdata), void *userdata)
{
	uint32_t seq = v->next_seq - 1;
	struct ipvs_exchange x = {
		.first = seq, .last = seq, .answer = answer, .userdata = userdata};

	return ipvs_exchange_run(v, &x);
}

int ipvs_answer_status_only(const struct ipvs_answer *answer, void *userdata)
{
	(void)userdata;
	return answer->kind == IPVS_ANSWER_STATUS ? answer->status : 0;
}

static int errno_of_libnl(int nle)
{
	switch (-nle) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_OBJ_NOTFOUND:
	case NLE_PROTO_MISMATCH: /* no generic netlink at all */
		return -ENOENT;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}

static int set_up_socket(struct ipvs *v)
{
	const struct timeval timeout = {.tv_usec = RECEIVE_TIMEOUT_US};
	const int on = 1, send_queue = SEND_QUEUE_SIZE, receive_queue = RECEIVE_QUEUE_SIZE;
	int fd, r;

	r = genl_connect(v->sock);
	if (r < 0)
		return errno_of_libnl(r);
	fd = nl_socket_get_fd(v->sock);
	/* libnl has set both queues to 32 KiB. To force them takes the privilege that IPVS asks for
	 * too. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
		setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_queue, sizeof(send_queue)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_queue, sizeof(receive_queue)) <
			0)
		return -errno;
	r = genl_ctrl_resolve(v->sock, IPVS_GENL_NAME);
	if (r < 0)
		return errno_of_libnl(r);
	v->requests.family = (uint16_t)r;
	return 0;
}

/* Whether we may: the family can be found without privilege, but not used. */
static int probe(struct ipvs *v)
{
	(void)ipvs_put_get_info(&v->requests, ipvs_request_begin(v));
	return ipvs_request_run(v, ipvs_answer_status_only, NULL);
}

int ipvs_open(struct ipvs **ret)
{
	struct ipvs *v = calloc(1, sizeof(*v));
	int r = -ENOMEM;

	if (!v)
		return -ENOMEM;
	v->sock = nl_socket_alloc();
	v->received = malloc(RECEIVE_SIZE);
	v->requests.data = malloc(SEND_SIZE);
	v->requests.size = SEND_SIZE;
	if (v->sock && v->received && v->requests.data)
		r = set_up_socket(v);
	if (r == 0)
		r = probe(v);
	if (r < 0) {
		ipvs_close(v);
		return r;
	}
	*ret = v;
	return 0;
}

void ipvs_close(struct ipvs *v)
{
	if (!v)
		return;
	nl_socket_free(v->sock);
	free(v->received);
	free(v->requests.data);
	free(v);
}
