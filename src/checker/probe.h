/* The seam between the scheduling of health checks and the ways to check. A type of check is a
 * table of operations; its prober is what all its probes share (descriptors on the loop), a probe
 * is what one target needs. At most one attempt of a probe is under way. */
#pragma once

#include "base/addr.h"

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#define PROBE_REASON_MAX 96

/* Priorities on the loop, after the director's channel at 0: a heartbeat is answered first, and an
 * answer that has arrived counts although the clock passed its deadline before it could be read. */
#define PROBE_IO_PRIORITY 10
#define PROBE_TIMER_PRIORITY 20

enum probe_outcome {
	PROBE_RUNNING,
	PROBE_PASSED,
	PROBE_FAILED,
	PROBE_POSTPONED, /* this host lacked something: says nothing about the target */
};

struct probe_result {
	enum probe_outcome outcome;
	char reason[PROBE_REASON_MAX]; /* one readable line: "connect: refused" */
};

struct probe_endpoint {
	struct addr address;
	uint16_t port;
};

struct prober; /* each type has its own */
struct probe;

/* An attempt that was running has its result. Not called from within start or abandon. `target` is
 * what new was given. */
typedef void (*probe_ended)(void *target, const struct probe_result *result);

struct probe_type {
	const char *name; /* as Configure names it */

	/* 0 or -errno. */
	int (*open)(sd_event *loop, probe_ended ended, struct prober **ret);
	void (*close)(struct prober *prober);

	/* `settings` is the target's object in Configure, for what is particular to the type.
	 * Returns 0, -EINVAL for settings that make no sense, or another -errno. */
	int (*new)(struct prober *prober, const struct probe_endpoint *endpoint,
		const json_t *settings, void *target, struct probe **ret);
	void (*free)(struct probe *probe); /* abandons */
	/* Whether both ask the same of the same. */
	bool (*equal)(const struct probe *a, const struct probe *b);

	/* Begin an attempt: PROBE_RUNNING, or the result when there is one at once. */
	enum probe_outcome (*start)(struct probe *probe, struct probe_result *ret);
	/* End a running attempt without a result. Returns what it was waiting for: "connect". */
	const char *(*abandon)(struct probe *probe);
};

extern const struct probe_type tcp_probe_type;
