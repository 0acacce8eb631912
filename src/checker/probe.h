/* The seam between the scheduling of health checks and the ways to check. A type of check is a
 * table of operations, listed in probe_types.c; its prober is what all its probes share
 * (descriptors on the loop), a probe is what one target needs. At most one attempt of a probe is
 * under way. */
#pragma once

#include "base/addr.h"
#include "base/instant.h"
#include "io/helper.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <net/if.h>
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

/* What a server wants beside being up or down. */
enum probe_wish {
	PROBE_WISH_NONE, /* says nothing: as it was */
	PROBE_WISH_SERVE,
	PROBE_WISH_DRAIN, /* no new connections */
	PROBE_WISH_MAINT, /* none at all */
};

#define PROBE_WEIGHT_NONE (-1)
#define PROBE_WEIGHT_MAX 1000 /* percent */

/* Begin with probe_result_init(). */
struct probe_result {
	enum probe_outcome outcome;
	char reason[PROBE_REASON_MAX]; /* one readable line: "HTTP 503, wanted 200-299" */
	bool timed;                    /* the line goes on with " in 0.4 ms" */
	int weight_percent; /* of the configured weight, 0..PROBE_WEIGHT_MAX; PROBE_WEIGHT_NONE: as
			       it was */
	enum probe_wish wish;
};

/* The outcome with a reason, which is cut where it is too long, and whose control characters and
 * bytes that are no ASCII become question marks: it may be what a stranger sent. Returns the
 * outcome. */
__attribute__((format(printf, 3, 4))) enum probe_outcome probe_result_set(
	struct probe_result *ret, enum probe_outcome outcome, const char *format, ...);

struct probe_endpoint {
	struct addr address;
	uint16_t port;               /* host order; 0 for a type that has none */
	struct addr source;          /* family 0: the kernel's choice */
	char interface[IF_NAMESIZE]; /* "": none in particular */
	uint32_t mark;               /* 0: none */
	/* Through a service: the address is the virtual one, and the mark takes what is sent there
	 * to this server; family 0: not so. The source, where none is said, is an address of ours
	 * on an interface, or, with "", the one from which the server is reached. */
	struct addr server;
	char source_interface[IF_NAMESIZE];
};
bool probe_endpoint_equal(const struct probe_endpoint *a, const struct probe_endpoint *b);

struct prober; /* each type has its own */
struct probe;

/* An attempt that was running has its result. Not called from within start or abandon. `target` is
 * what new was given. */
typedef void (*probe_ended)(void *target, const struct probe_result *result);

/* Where probers live. */
struct probe_host {
	sd_event *loop;
	probe_ended ended;
	struct helper *helper; /* for a type that needs the director's help */
	const char *(*target_id)(const void *target); /* by which the director knows it */
};

struct probe_type {
	const char *name; /* as Configure names it */
	/* How many descriptors an attempt takes at most; no attempt is begun when there are not so
	 * many. */
	unsigned descriptors;
	/* How many attempts of the type may be under way at once; 0: as many as wanted. */
	unsigned slots;

	/* 0 or -errno. */
	int (*open)(const struct probe_host *host, struct prober **ret);
	void (*close)(struct prober *prober);

	/* `settings` is the member of that name of the target's object in Configure, never NULL.
	 * Returns 0, -EINVAL for settings that make no sense, or another -errno. */
	int (*new)(struct prober *prober, const struct probe_endpoint *endpoint,
		const json_t *settings, void *target, struct probe **ret);
	void (*free)(struct probe *probe); /* abandons */
	/* Whether both ask the same of the same. NULL: that is what the endpoint and the text of
	 * the settings say, which are compared in any case. */
	bool (*equal)(const struct probe *a, const struct probe *b);

	/* Begin an attempt: PROBE_RUNNING, or the result when there is one at once. */
	enum probe_outcome (*start)(struct probe *probe, struct probe_result *ret);
	/* End a running attempt without a result. Returns what it was waiting for: "connect". */
	const char *(*abandon)(struct probe *probe);
	/* A message of the director's for this type. NULL: there are none. */
	void (*message)(struct prober *prober, const char *method, const json_t *parameters);
};

/* All types, N_PROBE_TYPES of them. */
extern const struct probe_type *const probe_types[];
extern const size_t n_probe_types;

void probe_result_init(struct probe_result *ret);

/* --- What probes over the network share --- */

union probe_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};
/* Returns its length. */
socklen_t probe_address_of(const struct addr *address, uint16_t port, union probe_address *ret);

/* A socket of the endpoint's family that never blocks, with the endpoint's source address,
 * interface and mark applied: what connects or sends with it goes the way that the operator wants.
 * Returns the descriptor or -errno. */
int probe_socket_open(const struct probe_endpoint *e, int type, int protocol);
/* The same for a socket that somebody else has opened (a library): 0 or -errno. */
int probe_socket_prepare(const struct probe_endpoint *e, int fd);

/* What this process lacks for the moment, as opposed to what is wrong with the target or the way.
 */
bool probe_is_shortage(int error);
/* "refused": what the errno of a connection means to an operator. */
const char *probe_error_text(int error);
/* The result of a failure with an errno: PROBE_POSTPONED for a shortage, else PROBE_FAILED with
 * "phase: refused". Returns the outcome. */
enum probe_outcome probe_failed(struct probe_result *ret, const char *phase, int error);
