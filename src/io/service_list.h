/* The kernel's services and their servers as /proc/net/ip_vs shows them, with how many connections
 * it counts for each: what a process without privileges can ask it. */
#pragma once

#include "base/addr.h"
#include "io/proc_lines.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_LIST_PATH "/proc/net/ip_vs"

struct service_line {
	bool is_server;      /* of the service before it */
	uint8_t protocol;    /* of a service; 0: by firewall mark */
	uint32_t mark;       /* of such a one */
	struct addr address; /* not of a service by mark */
	uint16_t port;
	uint32_t active, inactive;
};
/* False: a heading, or nothing that is understood. */
bool service_line_parse(const char *line, struct service_line *ret);

/* As proc_lines_read(), of those that are understood. */
typedef void (*service_list_handler)(const struct service_line *line, void *userdata);
int service_list_read(
	struct proc_lines *lines, unsigned max, service_list_handler handler, void *userdata);
