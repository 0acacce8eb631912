/* Requests to the kernel's "IPVS" generic netlink family (ip_vs_ctl.c of Linux 6.1) as bytes. Pure;
 * the socket is in ipvs.c. */
#pragma once

#include "core/ipvs_plan.h"
#include "io/ipvs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Requests one after the other, to be sent at once. The caller sets data (aligned to 4), size and
 * family (the id that the kernel gave to "IPVS") and empties it by len = 0. */
struct ipvs_requests {
	uint8_t *data;
	size_t size;
	uint16_t family;
	size_t len;
	size_t last; /* offset of the message appended last */
};

/* Each of these appends one message and returns true, or leaves the buffer as it was and returns
 * false when it does not fit. `seq` comes back in the answers. */

/* The kernel answers it when it fails, or when ipvs_requests_ack_last() asks for it. */
bool ipvs_put_op(struct ipvs_requests *b, uint32_t seq, const struct ipvs_op *op);

/* The rest is always answered, last by one IPVS_ANSWER_STATUS. */
bool ipvs_put_sync_start(struct ipvs_requests *b, uint32_t seq, const struct ipvs_sync *sync);
bool ipvs_put_sync_stop(struct ipvs_requests *b, uint32_t seq, enum ipvs_sync_role role);
bool ipvs_put_get_timeouts(struct ipvs_requests *b, uint32_t seq);
bool ipvs_put_set_timeouts(
	struct ipvs_requests *b, uint32_t seq, const struct ipvs_timeouts *timeouts);
bool ipvs_put_get_info(struct ipvs_requests *b, uint32_t seq);
bool ipvs_put_get_service(
	struct ipvs_requests *b, uint32_t seq, const struct ipvs_service_key *key);
bool ipvs_put_dump_services(struct ipvs_requests *b, uint32_t seq);
bool ipvs_put_dump_dests(struct ipvs_requests *b, uint32_t seq, const struct ipvs_service_key *key);
bool ipvs_put_dump_sync(struct ipvs_requests *b, uint32_t seq);

/* Asks for an answer to the last message, failed or not. The buffer must hold one. */
void ipvs_requests_ack_last(struct ipvs_requests *b);
