/* The check type "ping": a host that answers an echo request passes. All requests of a family go
 * through one socket: a ping socket where net.ipv4.ping_group_range lets us have one, else a raw
 * one, which needs CAP_NET_RAW. The sequence number says whose reply it is. */
#include "checker/types.h"
#include "core/echo_message.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#define MESSAGES_PER_TURN 128
#define N_SEQUENCES ((size_t)UINT16_MAX + 1)
#define RECEIVE_BUFFER (1 << 20) /* replies of many hosts may come at once */
#define CONTROL_MAX 256

/* One family's. */
struct pinger {
	uint16_t family;
	int fd; /* -1: not needed yet */
	bool raw;
	sd_event_source *source;
	struct probe **by_seq; /* N_SEQUENCES: whose request is under way */
	uint16_t next_seq;
};

struct prober {
	sd_event *loop;
	probe_ended ended;
	uint64_t secret;
	struct pinger v4, v6;
	uint8_t bytes[ECHO_MESSAGE_MAX + 60]; /* of one message, with the header of IPv4 */
};

struct probe {
	struct prober *prober;
	struct pinger *pinger;
	struct probe_endpoint endpoint;
	void *target;
	size_t data_len;
	bool running;
	uint16_t seq; /* of the attempt under way */
};

static const char *ping_abandon(struct probe *p)
{
	if (p->running)
		p->pinger->by_seq[p->seq] = NULL;
	p->running = false;
	return "ping";
}

static void end_attempt(struct probe *p, const struct probe_result *result)
{
	(void)ping_abandon(p);
	p->prober->ended(p->target, result);
}

/* --- What comes back --- */

/* Whose request it is, if it was sent to that host. */
static struct probe *find(
	const struct pinger *pinger, uint16_t seq, const union probe_address *from)
{
	struct probe *p = pinger->by_seq[seq];
	union probe_address wanted;

	if (!p || from->any.sa_family != pinger->family)
		return NULL;
	(void)probe_address_of(&p->endpoint.address, 0, &wanted);
	if (pinger->family == AF_INET)
		return from->v4.sin_addr.s_addr == wanted.v4.sin_addr.s_addr ? p : NULL;
	return memcmp(&from->v6.sin6_addr, &wanted.v6.sin6_addr, 16) == 0 ? p : NULL;
}

static void on_reply(struct prober *prober, const struct pinger *pinger, size_t len,
	const union probe_address *from)
{
	bool has_header = pinger->raw && pinger->family == AF_INET && len > 0;
	size_t skip = has_header ? (size_t)(prober->bytes[0] & 0xf) * 4 : 0;
	struct probe_result result;
	struct probe *p;
	uint16_t seq;

	if (len < skip || !echo_reply_parse(pinger->family, prober->secret, prober->bytes + skip,
				  len - skip, &seq))
		return;
	p = find(pinger, seq, from);
	if (!p)
		return;
	probe_result_init(&result);
	if (len - skip == ECHO_HEADER_LEN + p->data_len)
		(void)probe_result_set(&result, PROBE_PASSED, "ping: answered");
	else
		(void)probe_result_set(&result, PROBE_FAILED, "ping: wanted %zu bytes, got %zu",
			p->data_len, len - skip - ECHO_HEADER_LEN);
	result.timed = true;
	end_attempt(p, &result);
}

static bool receive_reply(struct prober *prober, const struct pinger *pinger)
{
	union probe_address from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(pinger->fd, prober->bytes, sizeof(prober->bytes), MSG_DONTWAIT,
		&from.any, &from_len);

	if (n >= 0)
		on_reply(prober, pinger, (size_t)n, &from);
	/* An error of the socket is of some host or other: the queue says of which. */
	return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

static int error_of(struct msghdr *m)
{
	struct sock_extended_err e;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
			(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			memcpy(&e, CMSG_DATA(c), sizeof(e));
			return (int)e.ee_errno;
		}
	return 0;
}

/* A router, or our own host, says that a request did not arrive. */
static bool receive_error(struct prober *prober, const struct pinger *pinger)
{
	union probe_address to = {0};
	_Alignas(struct cmsghdr) char control[CONTROL_MAX];
	struct iovec bytes = {prober->bytes, sizeof(prober->bytes)};
	struct msghdr m = {.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(pinger->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	struct probe_result result;
	struct probe *p = NULL;
	uint16_t seq;

	if (n < 0)
		return false;
	if (echo_returned_parse(pinger->family, prober->bytes, (size_t)n, &seq))
		p = find(pinger, seq, &to);
	if (!p)
		return true;
	probe_result_init(&result);
	(void)probe_failed(&result, "ping", error_of(&m));
	end_attempt(p, &result);
	return true;
}

static void on_readable(struct prober *prober, const struct pinger *pinger)
{
	for (unsigned i = 0; i < MESSAGES_PER_TURN; i++)
		if (!receive_error(prober, pinger) && !receive_reply(prober, pinger))
			break;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct prober *prober = userdata;

	(void)source;
	(void)revents;
	on_readable(prober, fd == prober->v4.fd ? &prober->v4 : &prober->v6);
	return 0;
}

/* --- The socket --- */

/* Without it a raw socket would get everything. */
static int filter(int fd, uint16_t family)
{
	struct icmp6_filter v6;
	uint32_t v4 = ~1U; /* a set bit is a type left out; 0 is the echo reply */
	int r;

	ICMP6_FILTER_SETBLOCKALL(&v6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &v6);
	if (family == AF_INET)
		r = setsockopt(fd, SOL_RAW, 1 /* ICMP_FILTER of linux/icmp.h */, &v4, sizeof(v4));
	else
		r = setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &v6, sizeof(v6));
	return r < 0 ? -errno : 0;
}

static int new_socket(uint16_t family, bool raw)
{
	static const int on = 1, room = RECEIVE_BUFFER;
	int protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	auto_close int fd = socket(
		family, (raw ? SOCK_RAW : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	int r = fd < 0 ? -errno : raw ? filter(fd, family) : 0;

	if (r < 0)
		return r;
	if (family == AF_INET)
		r = setsockopt(fd, SOL_IP, IP_RECVERR, &on, sizeof(on));
	else
		r = setsockopt(fd, SOL_IPV6, IPV6_RECVERR, &on, sizeof(on));
	if (r < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)); /* or what we get */
	return take_fd(&fd);
}

static void close_pinger(struct pinger *pinger)
{
	pinger->source = sd_event_source_disable_unref(pinger->source);
	cleanup_close(&pinger->fd);
	pinger->fd = -1;
	free(pinger->by_seq);
	pinger->by_seq = NULL;
}

static int open_pinger(struct prober *prober, struct pinger *pinger)
{
	int r;

	pinger->raw = false;
	pinger->fd = new_socket(pinger->family, false);
	if (pinger->fd < 0) {
		pinger->raw = true;
		pinger->fd = new_socket(pinger->family, true);
	}
	r = pinger->fd < 0 ? pinger->fd : 0;
	pinger->by_seq = calloc(N_SEQUENCES, sizeof(*pinger->by_seq));
	if (r >= 0 && !pinger->by_seq)
		r = -ENOMEM;
	if (r >= 0)
		r = sd_event_add_io(
			prober->loop, &pinger->source, pinger->fd, EPOLLIN, on_io, prober);
	if (r >= 0)
		r = sd_event_source_set_priority(pinger->source, PROBE_IO_PRIORITY);
	if (r < 0)
		close_pinger(pinger);
	return r < 0 ? r : 0;
}

/* --- A request --- */

/* What a socket of its own would be told once: source, interface and mark. */
static void add_control(struct msghdr *m, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (void *)((char *)m->msg_control + m->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	m->msg_controllen += CMSG_SPACE(len);
}

static int add_way(struct msghdr *m, const struct probe_endpoint *e)
{
	unsigned interface = e->interface[0] ? if_nametoindex(e->interface) : 0;
	struct in6_pktinfo v6 = {.ipi6_ifindex = interface};
	struct in_pktinfo v4 = {.ipi_ifindex = (int)interface};

	if (e->interface[0] && interface == 0)
		return ENODEV;
	if (e->mark)
		add_control(m, SOL_SOCKET, SO_MARK, &e->mark, sizeof(e->mark));
	if (!e->source.family && !interface)
		return 0;
	if (e->source.family == AF_INET)
		v4.ipi_spec_dst = addr_to_v4(&e->source);
	memcpy(&v6.ipi6_addr, e->source.bytes, sizeof(v6.ipi6_addr));
	if (e->address.family == AF_INET)
		add_control(m, SOL_IP, IP_PKTINFO, &v4, sizeof(v4));
	else
		add_control(m, SOL_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
	return 0;
}

static int send_request(const struct probe *p)
{
	struct prober *prober = p->prober;
	union probe_address to;
	_Alignas(struct cmsghdr) char control[CONTROL_MAX] = {0};
	struct iovec bytes = {
		prober->bytes, echo_request_build(p->pinger->family, (uint16_t)prober->secret,
				       p->seq, prober->secret, p->data_len, prober->bytes)};
	struct msghdr m = {.msg_name = &to,
		.msg_namelen = probe_address_of(&p->endpoint.address, 0, &to),
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control};
	int error = add_way(&m, &p->endpoint);

	if (error)
		return error;
	if (m.msg_controllen == 0)
		m.msg_control = NULL;
	/* The first error may be what a router has said of another host since. */
	if (sendmsg(p->pinger->fd, &m, MSG_NOSIGNAL) >= 0 ||
		sendmsg(p->pinger->fd, &m, MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EAGAIN ? ENOBUFS : errno;
}

static bool take_seq(struct probe *p)
{
	for (size_t i = 0; i < N_SEQUENCES; i++) {
		p->seq = p->pinger->next_seq++;
		if (p->pinger->by_seq[p->seq])
			continue;
		p->pinger->by_seq[p->seq] = p;
		p->running = true;
		return true;
	}
	return false;
}

static enum probe_outcome ping_start(struct probe *p, struct probe_result *ret)
{
	int error = p->pinger->fd < 0 ? -open_pinger(p->prober, p->pinger) : 0;

	if (error)
		return probe_result_set(
			ret, PROBE_POSTPONED, "ping: no socket (see net.ipv4.ping_group_range): %s", probe_error_text(error));
	if (!take_seq(p))
		return probe_result_set(ret, PROBE_POSTPONED, "ping: too many requests under way");
	error = send_request(p);
	if (error == 0)
		return PROBE_RUNNING;
	(void)ping_abandon(p);
	return probe_failed(ret, "ping", error);
}

/* --- The type --- */

static void ping_close(struct prober *prober)
{
	if (!prober)
		return;
	close_pinger(&prober->v4);
	close_pinger(&prober->v6);
	free(prober);
}

static int ping_open(const struct probe_host *host, struct prober **ret)
{
	struct prober *prober = calloc(1, sizeof(*prober));

	if (!prober)
		return -ENOMEM;
	prober->loop = host->loop;
	prober->ended = host->ended;
	prober->v4 = (struct pinger){.family = AF_INET, .fd = -1};
	prober->v6 = (struct pinger){.family = AF_INET6, .fd = -1};
	if (getrandom(&prober->secret, sizeof(prober->secret), GRND_NONBLOCK) !=
		sizeof(prober->secret)) {
		free(prober);
		return -EAGAIN;
	}
	*ret = prober;
	return 0;
}

static int ping_new(struct prober *prober, const struct probe_endpoint *endpoint,
	const json_t *settings, void *target, struct probe **ret)
{
	const json_t *size = json_object_get(settings, "size");
	json_int_t data_len = size ? json_integer_value(size) : ECHO_DATA_DEFAULT;
	struct probe *p;

	if (data_len < ECHO_DATA_MIN || data_len > ECHO_DATA_MAX)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct probe){.prober = prober,
		.pinger = endpoint->address.family == AF_INET ? &prober->v4 : &prober->v6,
		.endpoint = *endpoint,
		.target = target,
		.data_len = (size_t)data_len};
	*ret = p;
	return 0;
}

static void ping_free(struct probe *p)
{
	if (!p)
		return;
	(void)ping_abandon(p);
	free(p);
}

const struct probe_type ping_probe_type = {
	.name = "ping",
	.descriptors = 1,
	.open = ping_open,
	.close = ping_close,
	.new = ping_new,
	.free = ping_free,
	.start = ping_start,
	.abandon = ping_abandon,
};
