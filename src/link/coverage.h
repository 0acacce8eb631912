/* How much of our table the peer has, by comparing digests (core/sync_digest.h) every minute and
 * when asked. What is found missing is sent again; too much of it starts a bulk resync. Stepped, as
 * resync.h. */
#pragma once

#include "base/addr.h"
#include "base/instant.h"
#include "link/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coverage;
struct resync;
struct shadow;

#define COVERAGE_SERVICES_MAX                                                                      \
	1024u /* counted apart; connections of others count in the sum only                        \
	       */

struct coverage_service {
	uint8_t protocol;    /* 0: a firewall mark's templates */
	struct addr address; /* none, when by mark */
	uint16_t port;
	uint32_t mark;    /* 0: by address */
	uint32_t own;     /* connections and templates that we have */
	uint32_t missing; /* of them, that the peer lacks though it should have them */
};

struct coverage_report {
	struct instant at;  /* of the comparison; {0}: there was none yet */
	uint32_t own, peer; /* entries */
	uint32_t missing;   /* of ours, that the peer should have and has not */
	uint32_t surplus;   /* of the peer's that we have not; some of them may be on their way */
	uint32_t matching;  /* own - missing */
	unsigned per_10000; /* matching of own; 10000 when there are none */
	uint64_t lag_us;    /* age of the oldest change that was still on its way to the peer */
	bool exact; /* false: too many differ to tell them apart; `missing` is an estimate */
	const struct coverage_service *services; /* valid during the callback */
	size_t n_services;
};

struct coverage_world {
	bool (*send)(enum stream_type type, const void *data, size_t len, void *userdata);
	/* A comparison ended. */
	void (*compared)(const struct coverage_report *report, void *userdata);
	void *userdata;
};

struct coverage_settings {
	uint64_t interval_us;     /* 0: a minute */
	uint64_t settle_us;       /* a change younger than this may be on its way; 0: 5 s */
	unsigned limit_per_10000; /* less than this starts a resync; 0: 9900 */
};

/* `shadow` and `resync` are borrowed. 0 or -ENOMEM. */
int coverage_new(struct shadow *shadow, struct resync *resync,
	const struct coverage_settings *settings, const struct coverage_world *world,
	struct coverage **ret);
void coverage_free(struct coverage *c); /* NULL is fine */

void coverage_opened(struct coverage *c, struct instant now);
void coverage_closed(struct coverage *c);
/* Exchange digests now: before a switchover, say. False when the stream is closed or full. */
bool coverage_ask(struct coverage *c, struct instant now);
/* STREAM_DIGEST came. False: it is malformed. */
bool coverage_message(struct coverage *c, const uint8_t *data, size_t len, struct instant now);
/* Bounded work; returns when to call again, `now`: as soon as the loop is free. */
struct instant coverage_step(struct coverage *c, struct instant now);
/* The last comparison; without services. */
void coverage_report(const struct coverage *c, struct coverage_report *ret);
