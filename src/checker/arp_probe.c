/* Part of a check through a service: a server that has the virtual address, to take packets for it,
 * must keep silent when somebody asks the link who has it (arp_ignore); else clients and routers
 * find the server instead of the director. It is asked alone, by a request to its own hardware
 * address, and for no sender (RFC 5227, 1.1), so that nobody learns anything from that. Silence
 * passes. So does a server that is no neighbour of ours. */
#include "checker/types.h"

#include "base/cleanup.h"
#include "io/way.h"

#include <errno.h>
#include <linux/filter.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#define WAIT_US 500000
#define WAIT_ACCURACY_US 1000
#define REPLIES_PER_TURN 128

struct prober {
	sd_event *loop;
	probe_ended ended;
	int fd;    /* of packets */
	int asker; /* for questions to the kernel */
	sd_event_source *source;
	struct probe *running; /* a list */
};

struct probe {
	struct prober *prober;
	struct addr virtual, server;
	void *target;
	uint64_t wait_us;
	sd_event_source *timer;
	/* the attempt under way */
	bool is_running;
	struct probe *next; /* in the list */
	uint8_t mac[ETH_ALEN];
};

static const char *arp_abandon(struct probe *p)
{
	struct probe **link = &p->prober->running;

	while (p->is_running && *link != p)
		link = &(*link)->next;
	if (p->is_running)
		*link = p->next;
	p->is_running = false;
	if (p->timer)
		(void)sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
	return "arp";
}

static void end_attempt(struct probe *p, const struct probe_result *result)
{
	(void)arp_abandon(p);
	p->prober->ended(p->target, result);
}

/* --- Answers --- */

static void on_reply(struct prober *prober, const struct ether_arp *arp)
{
	char text[ADDR_TEXT_MAX];
	struct probe_result result;
	struct probe *p = prober->running;

	while (p && (memcmp(p->mac, arp->arp_sha, ETH_ALEN) != 0 ||
			    memcmp(p->virtual.bytes, arp->arp_spa, sizeof(arp->arp_spa)) != 0))
		p = p->next;
	if (!p)
		return;
	probe_result_init(&result);
	(void)probe_result_set(&result, PROBE_FAILED, "answers ARP for %s: see arp_ignore",
		addr_format(&p->virtual, text));
	end_attempt(p, &result);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct ether_arp arp;

	(void)source;
	(void)revents;
	for (unsigned i = 0; i < REPLIES_PER_TURN; i++) {
		ssize_t n = recv(fd, &arp, sizeof(arp), MSG_DONTWAIT);

		if (n < 0)
			break;
		if ((size_t)n == sizeof(arp) && arp.ea_hdr.ar_op == htons(ARPOP_REPLY) &&
			arp.ea_hdr.ar_pro == htons(ETH_P_IP))
			on_reply(userdata, &arp);
	}
	return 0;
}

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct probe *p = userdata;
	struct probe_result result;

	(void)source;
	(void)usec;
	if (!p->is_running)
		return 0;
	probe_result_init(&result);
	(void)probe_result_set(&result, PROBE_PASSED, "arp: silent");
	end_attempt(p, &result);
	return 0;
}

/* --- A request --- */

/* What the kernel knows of the server as a neighbour. 0; ENXIO: nothing. */
static int find_neighbour(struct probe *p, struct ifreq *ret_interface)
{
	struct sockaddr_in server = {.sin_family = AF_INET, .sin_addr = addr_to_v4(&p->server)};
	struct arpreq request = {0};
	char name[IF_NAMESIZE];
	struct addr source;
	int r = way_source(&p->server, &source);

	if (r == 0)
		r = way_interface(&source, name);
	if (r < 0)
		return -r;
	memcpy(&request.arp_pa, &server, sizeof(server));
	memcpy(request.arp_dev, name, sizeof(name));
	if (ioctl(p->prober->asker, SIOCGARP, &request) < 0)
		return errno;
	if (!(request.arp_flags & ATF_COM))
		return ENXIO;
	memcpy(p->mac, request.arp_ha.sa_data, ETH_ALEN);
	memcpy(ret_interface->ifr_name, name, sizeof(name));
	return 0;
}

static int send_request(const struct probe *p, struct ifreq *interface)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_halen = ETH_ALEN};
	struct ether_arp arp = {.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
					.ar_pro = htons(ETH_P_IP),
					.ar_hln = ETH_ALEN,
					.ar_pln = sizeof(arp.arp_spa),
					.ar_op = htons(ARPOP_REQUEST)}};

	memcpy(to.sll_addr, p->mac, ETH_ALEN);
	memcpy(arp.arp_tpa, p->virtual.bytes, sizeof(arp.arp_tpa));
	if (ioctl(p->prober->asker, SIOCGIFHWADDR, interface) < 0)
		return errno;
	memcpy(arp.arp_sha, interface->ifr_hwaddr.sa_data, ETH_ALEN);
	if (ioctl(p->prober->asker, SIOCGIFINDEX, interface) < 0)
		return errno;
	to.sll_ifindex = interface->ifr_ifindex;
	return sendto(p->prober->fd, &arp, sizeof(arp), MSG_NOSIGNAL, (struct sockaddr *)&to,
		       sizeof(to)) < 0
		       ? errno
		       : 0;
}

static int arm(struct probe *p)
{
	int r = 0;

	if (!p->timer) {
		r = sd_event_add_time(p->prober->loop, &p->timer, CLOCK_BOOTTIME, 0,
			WAIT_ACCURACY_US, on_silence, p);
		if (r >= 0)
			r = sd_event_source_set_priority(p->timer, PROBE_TIMER_PRIORITY);
	}
	if (r >= 0)
		r = sd_event_source_set_time_relative(p->timer, p->wait_us);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
	return r;
}

static enum probe_outcome arp_start(struct probe *p, struct probe_result *ret)
{
	struct ifreq interface = {0};

	if (find_neighbour(p, &interface) != 0 || send_request(p, &interface) != 0)
		return probe_result_set(ret, PROBE_PASSED, "arp: no neighbour of ours");
	p->is_running = true;
	p->next = p->prober->running;
	p->prober->running = p;
	if (arm(p) >= 0)
		return PROBE_RUNNING;
	(void)arp_abandon(p);
	return probe_failed(ret, "arp", ENOMEM);
}

/* --- The type --- */

/* Replies only: a busy link has many requests. */
static int filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct arphdr, ar_op)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPOP_REPLY, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

/* It is bound to the protocol only when the filter is there. */
static int open_packets(void)
{
	const struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
	auto_close int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : filter(fd);

	if (r == 0 && bind(fd, (const struct sockaddr *)&all, sizeof(all)) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(&fd);
}

static void arp_close(struct prober *prober)
{
	if (!prober)
		return;
	sd_event_source_disable_unref(prober->source);
	cleanup_close(&prober->fd);
	cleanup_close(&prober->asker);
	free(prober);
}

static int arp_open_prober(const struct probe_host *host, struct prober **ret)
{
	struct prober *prober = calloc(1, sizeof(*prober));
	int r = 0;

	if (!prober)
		return -ENOMEM;
	prober->loop = host->loop;
	prober->ended = host->ended;
	prober->fd = open_packets();
	prober->asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (prober->fd < 0)
		r = prober->fd;
	else if (prober->asker < 0)
		r = -errno;
	if (r >= 0)
		r = sd_event_add_io(
			host->loop, &prober->source, prober->fd, EPOLLIN, on_io, prober);
	if (r >= 0)
		r = sd_event_source_set_priority(prober->source, PROBE_IO_PRIORITY);
	if (r < 0) {
		arp_close(prober);
		return r;
	}
	*ret = prober;
	return 0;
}

static int arp_new(struct prober *prober, const struct probe_endpoint *endpoint,
	const json_t *settings, void *target, struct probe **ret)
{
	json_int_t wait_us = json_integer_value(json_object_get(settings, "wait_us"));
	struct probe *p;

	if (endpoint->address.family != AF_INET || endpoint->server.family != AF_INET)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct probe){.prober = prober,
		.virtual = endpoint->address,
		.server = endpoint->server,
		.target = target,
		.wait_us = wait_us > 0 ? (uint64_t)wait_us : WAIT_US};
	*ret = p;
	return 0;
}

static void arp_free(struct probe *p)
{
	if (!p)
		return;
	(void)arp_abandon(p);
	sd_event_source_disable_unref(p->timer);
	free(p);
}

const struct probe_type arp_probe_type = {
	.name = "arp",
	.descriptors = 1,
	.open = arp_open_prober,
	.close = arp_close,
	.new = arp_new,
	.free = arp_free,
	.start = arp_start,
	.abandon = arp_abandon,
};
