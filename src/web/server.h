/* HTTP for whoever may connect: libmicrohttpd on the event loop. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

/* Connections at a time, and of one address. */
#define SERVER_CONNECTIONS_MAX 32
#define SERVER_OF_ADDRESS_MAX 16
/* A connection that has said nothing, or taken nothing, for so long is closed ... */
#define SERVER_SILENCE_S 10
/* ... and so is one that is this old: each is for one request. */
#define SERVER_AGE_US UINT64_C(30000000)
/* Bytes of answers that wait to be read, of all connections together. */
#define SERVER_ANSWERS_MAX (UINT64_C(128) << 20)

struct server;

/* Takes listen_fd, also when it fails. `runtime_dir` is where the director's socket is; borrowed.
 * Returns 0 or -errno. */
int server_new(sd_event *loop, int listen_fd, const char *runtime_dir, struct server **ret);
void server_free(struct server *s); /* NULL is fine */
