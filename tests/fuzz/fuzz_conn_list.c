/* Any text as a line of /proc/net/ip_vs_conn or /proc/net/udp: what it is taken for, a kernel would
 * take in a sync message. */
#include "core/sync_message.h"
#include "io/conn_list.h"
#include "io/udp_queue.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t message[8 + SYNC_RECORD_MAX];
	char *text = malloc(len + 1);
	struct udp_queue_socket socket;
	struct sync_writer w;
	struct conn_line line;

	if (!text)
		abort();
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	(void)udp_queue_parse(text, AF_INET, &socket);
	(void)udp_queue_parse(text, AF_INET6, &socket);
	if (conn_line_parse(text, &line)) {
		sync_writer_begin(&w, message, sizeof(message), 1);
		if (!sync_writer_add(&w, &line.record))
			abort();
	}
	free(text);
	return 0;
}
