/* A socket of rtnetlink, which never waits. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RTNL_SOCK_MAX 65536 /* bytes of the longest datagram */

/* `groups`: RTMGRP_* whose news come. A descriptor or -errno. */
int rtnl_sock_open(uint32_t groups);
/* One datagram from the kernel. Returns its length, 0 when there is none, or -errno (-ENOBUFS: some
 * were lost). Other processes can send to such a socket as well: what they say is dropped. */
ssize_t rtnl_sock_receive(int fd, uint8_t buffer[static RTNL_SOCK_MAX]);
/* To the kernel. 0 or -errno. */
int rtnl_sock_send(int fd, const void *bytes, size_t len);
