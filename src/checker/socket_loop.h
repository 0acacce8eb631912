/* The sockets of a type's attempts, all in one epoll instance that is a single source of the loop:
 * an attempt then costs no allocation, and a burst of answers one turn of the loop. With it comes
 * the prober of the types whose attempts are such sockets and nothing else. */
#pragma once

#include "checker/probe.h"

/* Something may be read, written or learned of the socket of `probe`. It may close that socket, and
 * open another; no other probe's. */
typedef void (*socket_ready)(struct probe *probe);

struct socket_loop {
	int epoll;
	sd_event_source *source;
	socket_ready ready;
};

/* 0 or -errno. `ret` must stay where it is. */
int socket_loop_open(sd_event *loop, socket_ready ready, struct socket_loop *ret);
void socket_loop_close(struct socket_loop *l);

/* A socket for a new attempt that is connected or connecting, watched for EPOLLIN or EPOLLOUT.
 * SOCK_STREAM: closing it is a reset; SOCK_DGRAM: what routers say of it arrives as an error. A
 * descriptor, or -errno with nothing left open. */
int socket_loop_connect(struct socket_loop *l, const struct probe_endpoint *endpoint, int type,
	uint32_t events, struct probe *probe);
/* Watch it for something else. 0 or -errno. */
int socket_loop_watch(struct socket_loop *l, int fd, uint32_t events, struct probe *probe);

/* The error that the socket has met, positive; 0 for none. */
int socket_error(int fd);
/* The result of an attempt by datagrams that met an error: as probe_failed(), in the words of UDP.
 */
enum probe_outcome socket_udp_failed(struct probe_result *ret, int error);

struct prober {
	struct socket_loop sockets;
	sd_event *loop;
	probe_ended ended;
	uint8_t datagram[UINT16_MAX]; /* the one that is being read */
};

/* What a type's open and close do. 0 or -errno. */
int socket_prober_open(const struct probe_host *host, socket_ready ready, struct prober **ret);
void socket_prober_close(struct prober *prober);
