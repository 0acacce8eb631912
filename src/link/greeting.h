/* The hello of each side on a new stream, and the session that is agreed on by it. */
#pragma once

#include "link/session.h"

#include <stddef.h>
#include <stdint.h>

struct pair_keys;
struct settings;

/* What we say. Text to release with free(); NULL: no memory. */
char *greeting_build(const struct settings *settings, const struct session *session);
/* What the peer said, on a stream made with the key of that id: judged, and the session agreed on.
 * NULL and *ret; otherwise a clause says what is wrong, valid until the next call, and nothing was
 * agreed on. */
const char *greeting_take(const struct settings *settings, struct session *session,
	const struct pair_keys *keys, const uint8_t *key_id, const uint8_t *data, size_t len,
	enum session_news *ret);
