/* ICMP echo messages (RFC 792, RFC 4443) of many attempts through one socket. The sequence number
 * says which attempt, and a secret of the sender that the request was really made by it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECHO_HEADER_LEN 8
#define ECHO_SECRET_LEN 8
#define ECHO_DATA_MIN ECHO_SECRET_LEN /* bytes behind the header */
#define ECHO_DATA_DEFAULT 56
#define ECHO_DATA_MAX 65000
#define ECHO_MESSAGE_MAX (ECHO_HEADER_LEN + ECHO_DATA_MAX)

/* A request with `data_len` bytes, within the limits above, and in IPv4 its checksum (in IPv6 that
 * is the kernel's). Returns the length. */
size_t echo_request_build(uint16_t family, uint16_t id, uint16_t seq, uint64_t secret,
	size_t data_len, uint8_t ret[static ECHO_MESSAGE_MAX]);
/* Whether this is a reply to one of our requests: *ret_seq says to which. How much of its data came
 * back is len - ECHO_HEADER_LEN. */
bool echo_reply_parse(
	uint16_t family, uint64_t secret, const uint8_t *bytes, size_t len, uint16_t *ret_seq);
/* Which of our requests a router sent back the beginning of. */
bool echo_returned_parse(uint16_t family, const uint8_t *bytes, size_t len, uint16_t *ret_seq);
