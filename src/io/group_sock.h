/* A UDP socket that hears a multicast group on one interface, beside whoever else listens there.
 * What arrives is counted by its length and source; its contents are never copied to this process.
 */
#pragma once

#include "base/addr.h"

#include <stddef.h>

/* Needs no privilege. Returns the descriptor (non-blocking, close-on-exec) or -errno. It stays with
 * that interface: when the interface is gone, close it and open another for the next one. */
int group_sock_open(const struct addr *group, uint16_t port, int ifindex);

typedef void (*group_sock_heard)(const struct addr *sender, size_t len, void *userdata);
/* Tells of a bounded number of waiting datagrams; when there are more, the socket stays readable.
 * 0 or -errno. */
int group_sock_read(int fd, group_sock_heard heard, void *userdata);
