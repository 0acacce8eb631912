/* A stream socket that carries frames (base/frame.h), on an sd-event loop: the director's ends to
 * its helpers, a helper's end to the director, and the connections of the control socket. Never
 * blocks. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct channel;

/* Arrays and objects within each other, in a frame. What is passed on within another message must
 * not become more than a reader takes. */
#define CHANNEL_DEPTH_MAX 64u

struct channel_handler {
	/* A whole frame that is a JSON object. `message` is borrowed. The handler may free the
	 * channel. */
	void (*message)(struct channel *c, json_t *message, void *userdata);
	/* Nothing more will come: end of file, an error, a frame that is not a JSON object or is
	 * too deep, or an output queue above its bound. `reason` is 0 (end of file) or -errno.
	 * Called once; the owner then calls channel_free(). */
	void (*closed)(struct channel *c, int reason, void *userdata);
};

/* Takes fd, also when it fails. The handler is borrowed and must outlive the channel.
 * Returns 0 or -errno. */
int channel_new(sd_event *loop, int fd, const struct channel_handler *handler, void *userdata,
	struct channel **ret);
void channel_free(struct channel *c); /* NULL is fine; queued output is dropped */

/* For another side that is not trusted: the longest frame accepted from it, and how much may wait
 * for it to be read. */
void channel_limit(struct channel *c, size_t max_in, size_t max_out);

/* Queue one frame and send what the socket takes now. On a failure the channel closes from the
 * loop, so callers need no return value. `channel_send` borrows message. */
void channel_send(struct channel *c, const json_t *message);
/* The same for text that is already JSON: no allocation while the socket keeps up. */
void channel_send_text(struct channel *c, const char *json);
/* {"method": method, "parameters": parameters}; takes parameters (NULL: an empty object). */
void channel_call(struct channel *c, const char *method, json_t *parameters);
/* Bytes that the other side's socket has not taken yet. */
size_t channel_queued(const struct channel *c);
/* Write what is queued, waiting up to timeout_us: for the last words before an exit. */
void channel_flush(struct channel *c, uint64_t timeout_us);
