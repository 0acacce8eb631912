/* The kernel's services and their servers as /proc/net/ip_vs shows them, with how many connections
 * it counts for each: what a process without privileges can ask it. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_LIST_PATH "/proc/net/ip_vs"

struct service_line {
	bool is_server;      /* of the service before it */
	uint8_t protocol;    /* of a service; 0: by firewall mark */
	uint32_t mark;       /* of such a one */
	struct addr address; /* not of a service by mark */
	uint16_t port;
	uint8_t method; /* of a server: as in the flags of a connection */
	uint32_t active, inactive;
};
/* False: a heading, or nothing that is understood. */
bool service_line_parse(const char *line, struct service_line *ret);

struct service_list;
int service_list_open(const char *path, struct service_list **ret); /* 0 or -errno */
void service_list_close(struct service_list *list);                 /* NULL is fine */
/* The next lines, `max` at most. 1: there is more; 0: that was all; or -errno. */
typedef void (*service_list_handler)(const struct service_line *line, void *userdata);
int service_list_read(
	struct service_list *list, unsigned max, service_list_handler handler, void *userdata);
