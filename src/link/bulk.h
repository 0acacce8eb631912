/* Bulk resync and coverage on the loop: their timers, their messages on the stream, and what the
 * director is told of them. */
#pragma once

#include "base/instant.h"
#include "io/helper.h"
#include "link/shadow.h"
#include "link/stream.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bulk;
struct udp_queue;

struct bulk_world {
	struct helper *helper;
	struct shadow *shadow;
	bool (*send)(enum stream_type type, const void *data, size_t len, void *userdata);
	size_t (*queued)(void *userdata);
	int (*inject)(const void *message, size_t len, void *userdata);
	int (*kernel_queue)(struct udp_queue *ret, void *userdata);
	void *userdata;
};

/* Borrows `world`. The first one of a process reads what the kernel knows already. 0 or -errno. */
int bulk_new(const struct bulk_world *world, uint8_t sync_id, bool is_first, struct bulk **ret);
void bulk_free(struct bulk *b); /* NULL is fine */

void bulk_opened(struct bulk *b);
void bulk_closed(struct bulk *b);
/* There is room on the stream. */
void bulk_drained(struct bulk *b);
/* Something that came by datagram was not injected. */
void bulk_not_injected(struct bulk *b);
/* One of theirs came. False: it is malformed. */
bool bulk_message(struct bulk *b, enum stream_type type, const uint8_t *data, size_t len);
/* Something was lost, or an operator asks: see resync_ask(). */
void bulk_ask(struct bulk *b, bool force);
void bulk_ask_coverage(struct bulk *b);
void bulk_report(const struct bulk *b, json_t *report);
