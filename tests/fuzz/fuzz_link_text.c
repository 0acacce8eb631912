/* Any bytes as what the peer says, authenticated already: the text of a datagram through the relay,
 * and a hello. Whatever the relay hands to the kernel has to be a message that a reader takes. */
#include "link/hello.h"
#include "link/relay.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void no_datagram(const uint8_t *datagram, size_t len, void *userdata)
{
	(void)datagram;
	(void)len;
	(void)userdata;
	abort(); /* there is no session */
}

static int inject(const void *message, size_t len, void *userdata)
{
	struct sync_reader reader;
	struct sync_record record;
	bool more = true;

	(void)userdata;
	if (len > RELAY_MESSAGE_MAX || sync_reader_open(&reader, message, len) != SYNC_OK)
		abort();
	while (more)
		if (sync_reader_next(&reader, &record, &more) != SYNC_OK)
			abort();
	return 0;
}

static void take_item(const struct link_item *item, void *userdata)
{
	struct heartbeat h;

	(void)userdata;
	(void)heartbeat_parse(item->body, item->len, &h);
}

static void through_the_relay(const uint8_t *bytes, size_t len)
{
	static const struct relay_world world = {
		.send = no_datagram, .inject = inject, .item = take_item};
	struct counts counts = {0};
	struct session *session;
	struct shadow *shadow;
	struct relay relay;

	if (session_new(&counts, &session) < 0 || shadow_new(64, &shadow) < 0)
		abort();
	relay_init(&relay, session, shadow, &counts, &world);
	relay_set(&relay, len > 0 ? bytes[0] : 0, SESSION_TEXT_MAX + SEAL_OVERHEAD);
	relay_from_peer(&relay, bytes, len, (struct instant){1}, false);
	relay_flush_in(&relay);
	relay_from_kernel(&relay, bytes, len, (struct instant){2});
	relay_flush_out(&relay);
	shadow_free(shadow);
	session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct hello h;

	(void)hello_parse(bytes, len, &h);
	if (len <= SESSION_TEXT_MAX)
		through_the_relay(bytes, len);
	return 0;
}
