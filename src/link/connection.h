/* One TLS connection of the stream: handshake, messages in, messages out through a bounded queue.
 * Nothing is read into our buffers before the handshake is complete. */
#pragma once

#include "core/pair_key.h"
#include "link/stream.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct connection;

/* The handlers may free the connection. */
struct connection_handler {
	void (*opened)(struct connection *c, void *userdata);
	void (*message)(struct connection *c, enum stream_type type, const uint8_t *data,
		size_t len, void *userdata);
	void (*drained)(struct connection *c, void *userdata);
	/* Called once, also when it never opened; the owner then frees it. */
	void (*closed)(struct connection *c, const char *reason, void *userdata);
};

/* Takes fd, also when it fails: a socket that was accepted (`is_server`), or that is connecting.
 * The handshake has to be over within timeout_us. `keys` and `handler` are borrowed. 0 or -errno.
 */
int connection_new(sd_event *loop, SSL_CTX *context, const struct pair_keys *keys, int fd,
	bool is_server, uint64_t timeout_us, const struct connection_handler *handler,
	void *userdata, struct connection **ret);
void connection_free(struct connection *c); /* NULL is fine; what is queued is dropped */

bool connection_is_open(const struct connection *c);
/* Of one that was closed before it opened. */
enum stream_failure connection_failure(const struct connection *c);
/* Which key of the pair it was made with; valid when open. */
const uint8_t *connection_key_id(const struct connection *c);

/* False when it is not open, or the queue has no room. */
bool connection_send(struct connection *c, enum stream_type type, const void *data, size_t len);
size_t connection_queued(const struct connection *c);
