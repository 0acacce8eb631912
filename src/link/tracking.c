/* Entries go by datagram while they fit one, which is repaired when it is lost, and otherwise over
 * the stream. */
#include "link/tracking.h"

#include "core/tracked.h"
#include "link/hex.h"
#include "link/relay.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

bool tracking_from_peer(const struct tracking *t, const uint8_t *data, size_t len)
{
	struct tracked_reader reader;
	char *hex;

	if (!tracked_reader_open(&reader, data, len))
		return false;
	hex = malloc(2 * len + 1);
	if (!hex)
		return true;
	hex_write(data, len, hex);
	helper_send(t->helper, "Tracked", json_pack("{s:s}", "entries", hex));
	free(hex);
	return true;
}

static bool pass(const struct tracking *t, const uint8_t *bytes, size_t len)
{
	if (len <= t->relay->message_max &&
		relay_send_item(t->relay, LINK_ITEM_TRACKED, bytes, len))
		return true;
	return t->send(STREAM_TRACKED, bytes, len, t->userdata);
}

/* Pieces of a bulk are sent again when they are not acknowledged; what is live is not. */
void tracking_from_director(const struct tracking *t, const char *hex)
{
	size_t len = hex ? strlen(hex) / 2 : 0;
	uint8_t *bytes = len > 0 && len <= STREAM_MESSAGE_MAX ? malloc(len) : NULL;
	struct tracked_reader reader;

	if (bytes && hex_read(hex, bytes, len) && !pass(t, bytes, len) &&
		tracked_reader_open(&reader, bytes, len) && reader.header.kind == TRACKED_LIVE)
		helper_send(t->helper, "TrackedLost", json_object());
	free(bytes);
}
