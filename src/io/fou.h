/* The kernel's listeners that take a UDP header off tunnelled packets (generic netlink, "fou"). */
#pragma once

#include "core/realserver.h"

/* Appends what listens; the array is the caller's to free(). Without the module there is nothing to
 * listen, which is no error. 0 or -errno. */
int fou_read(struct realserver_have *have);
/* gue on a UDP port of a family. -ENOENT: the module ("fou") is not loaded: the kernel does not
 * load it when asked. -EADDRINUSE: somebody has the port. 0 or -errno. */
int fou_add(uint16_t family, uint16_t port);
/* -ENOENT: nothing listens there, or no module. */
int fou_remove(uint16_t family, uint16_t port);
