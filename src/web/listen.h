/* Where to listen. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#define LISTEN_DEFAULT "127.0.0.1:9112"

/* "192.0.2.1:9112", "[::1]:9112": an address, no name, and a port of 1 to 65535. False: neither. */
bool listen_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len);
/* A socket that listens there. 0 or -errno. */
int listen_open(const struct sockaddr_storage *address, socklen_t len, int *ret_fd);
