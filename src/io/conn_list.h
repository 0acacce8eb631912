/* The kernel's table of connections as /proc/net/ip_vs_conn shows it: what is to be had after a
 * cold start, when nothing passed through the relay yet. The kernel takes quadratic time for it
 * (6.1): a hundred thousand lines cost 6 to 21 s of its time. */
#pragma once

#include "core/sync_message.h"
#include "io/proc_lines.h"

#include <stdbool.h>
#include <stdint.h>

#define CONN_LIST_PATH "/proc/net/ip_vs_conn"
#define CONN_LINE_OPTIONS_MAX 280u

/* What a line says. It does not say the method (the receiving kernel takes the server's), the
 * packets' mark, the whole timeout nor sequence deltas. */
struct conn_line {
	struct sync_record record; /* its options are those below; for templates the timeout is what
				    * is left, otherwise 0 */
	uint32_t left_s;           /* it lives so long */
	uint8_t options[CONN_LINE_OPTIONS_MAX];
};
/* False: a heading, or nothing that is understood. *ret must not be copied: it points into itself.
 */
bool conn_line_parse(const char *line, struct conn_line *ret);

/* The next lines, `max` at most. The record is valid during the call; it may be completed (with the
 * mark of its service, say) before it is used. 1: there is more; 0: that was all; or -errno. Rows
 * may come twice or be left out where the table changes meanwhile. */
typedef void (*conn_list_handler)(struct conn_line *line, void *userdata);
int conn_list_read(
	struct proc_lines *lines, unsigned max, conn_list_handler handler, void *userdata);
