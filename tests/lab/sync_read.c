/* Reads messages of connection sync as tandem-link does: from standard input, each with its length
 * (two bytes, network order) before it. Prints a line of JSON for each record, and fails when a
 * message is not taken, or is not the same byte by byte when its records are written again. */
#include "base/byteorder.h"
#include "core/sync_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_record(const struct sync_record *r)
{
	char client[ADDR_TEXT_MAX], service[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];

	printf("{\"protocol\": %u, \"state\": %u, \"flags\": %u, \"mark\": %u, \"timeout\": %u, "
	       "\"client\": [\"%s\", %u], \"service\": [\"%s\", %u], \"server\": [\"%s\", %u], "
	       "\"options\": \"",
		r->protocol, r->state, r->flags, r->mark, r->timeout_s,
		addr_format(&r->client, client), r->client_port, addr_format(&r->service, service),
		r->service_port, addr_format(&r->server, server), r->server_port);
	for (size_t i = 0; i < r->options_len; i++)
		printf("%02x", r->options[i]);
	puts("\"}");
}

static enum sync_fault read_message(const uint8_t *message, size_t len, struct sync_writer *w)
{
	static uint8_t again[SYNC_MESSAGE_MAX];
	struct sync_record record;
	struct sync_reader r;
	bool more = true;
	enum sync_fault fault = sync_reader_open(&r, message, len);

	if (fault != SYNC_OK)
		return fault;
	sync_writer_begin(w, again, sizeof(again), r.sync_id);
	while ((fault = sync_reader_next(&r, &record, &more)) == SYNC_OK && more) {
		print_record(&record);
		if (!sync_writer_add(w, &record))
			return SYNC_BAD_RECORD;
	}
	return fault;
}

int main(void)
{
	static uint8_t message[UINT16_MAX];
	uint8_t length[2];

	while (fread(length, sizeof(length), 1, stdin) == 1) {
		struct sync_writer w = {0};
		size_t len = be16_get(length);
		enum sync_fault fault;

		if (fread(message, 1, len, stdin) != len)
			break;
		fault = read_message(message, len, &w);
		if (fault != SYNC_OK) {
			(void)fprintf(stderr, "%s\n", sync_fault_name(fault));
			return EXIT_FAILURE;
		}
		if (w.n > 0 &&
			(sync_writer_end(&w) != len || memcmp(w.buffer, message, len) != 0)) {
			(void)fprintf(stderr, "written again, it is another message\n");
			return EXIT_FAILURE;
		}
	}
	return ferror(stdin) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
