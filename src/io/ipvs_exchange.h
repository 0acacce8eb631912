/* One send to the kernel's IPVS and the answers to it: what dumps, changes and sync daemons of
 * ipvs.c have in common. Internal to io/ipvs. */
#pragma once

#include "io/ipvs.h"
#include "io/ipvs_answer.h"
#include "io/ipvs_request.h"

#include <stdbool.h>
#include <stdint.h>

struct nl_sock;

struct ipvs {
	struct nl_sock *sock;
	struct ipvs_requests requests;
	uint8_t *received;
	uint32_t next_seq;
	struct ipvs_counters counters;
};

struct ipvs_exchange {
	uint32_t first, last; /* sequence numbers; the status of the last one is the end */
	/* Told every answer. What it returns, if not 0, is the exchange's result; it is not called
	 * again, but the exchange goes on to its end. */
	int (*answer)(const struct ipvs_answer *answer, void *userdata);
	void *userdata;
	int result;
	bool over;
	bool lost; /* answers did not fit into the socket's queue */
};

/* The halves of ipvs_exchange_run(), for who must not be held up: send; then read, one datagram at
 * a time, until it returns what is not -EINPROGRESS. */
int ipvs_exchange_start(struct ipvs *v);
int ipvs_exchange_read(struct ipvs *v, struct ipvs_exchange *x);
/* Send what is in v->requests and read the answers. Returns 0 or what an answer or the socket made
 * of it; -ENOBUFS when answers were lost; -ETIMEDOUT when the last one did not come. */
int ipvs_exchange_run(struct ipvs *v, struct ipvs_exchange *x);

/* For an exchange of one message: empties the buffer and returns the message's number. */
uint32_t ipvs_request_begin(struct ipvs *v);
/* Sends that message; `answer` as in struct ipvs_exchange. */
int ipvs_request_run(struct ipvs *v,
	int (*answer)(const struct ipvs_answer *answer, void *userdata), void *userdata);
/* The answer function of those to whom only success or failure matters. */
int ipvs_answer_status_only(const struct ipvs_answer *answer, void *userdata);
