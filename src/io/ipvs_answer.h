/* Answers of the kernel's "IPVS" generic netlink family (ip_vs_ctl.c of Linux 6.1) as values. Pure;
 * the socket is in ipvs.c. */
#pragma once

#include "core/service_model.h"
#include "io/ipvs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ipvs_answer_kind {
	IPVS_ANSWER_STATUS,  /* how the request ended: an acknowledgement, an error, a dump's end */
	IPVS_ANSWER_SERVICE, /* n_dests is 0: servers come by a dump of their own */
	IPVS_ANSWER_DEST,
	IPVS_ANSWER_SYNC,
	IPVS_ANSWER_TIMEOUTS,
	IPVS_ANSWER_OTHER, /* a message of a kind that we have no use for */
};

struct ipvs_answer {
	enum ipvs_answer_kind kind;
	uint32_t seq;
	bool torn; /* the kernel says that its table changed during the dump */
	union {
		int status; /* 0 or -errno */
		struct ipvs_service service;
		struct ipvs_dest dest;
		struct ipvs_sync sync;
		struct ipvs_timeouts timeouts;
	};
};

/* Takes the message at *offset out of what one receive brought (buf aligned to 4) and moves *offset
 * behind it. Returns 1 and an answer that owns its bytes; 0 at the end; -EBADMSG for a message
 * that is truncated or makes no sense: *ret is untouched, and the next call goes on behind it. */
int ipvs_get_answer(
	uint8_t *buf, size_t len, uint16_t family, size_t *offset, struct ipvs_answer *ret);
