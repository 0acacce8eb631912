/* Replies of an SMTP server (RFC 5321, section 4.2), read from a stream in whatever pieces it
 * comes. Bytes in, a value or a reason out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMTP_LINE_MAX 512 /* 4.5.3.1.5, with the line's end */
#define SMTP_LINES_MAX 100
#define SMTP_TEXT_MAX 64

enum smtp_status {
	SMTP_MORE,     /* the reply is not complete yet */
	SMTP_COMPLETE, /* code and text are there */
	SMTP_LONG,     /* a line longer than SMTP_LINE_MAX */
	SMTP_MANY,     /* more than SMTP_LINES_MAX lines */
	SMTP_FORM,     /* a line does not begin with a code from 200 to 599 */
	SMTP_MIXED,    /* lines of one reply with different codes (4.2.1) */
	SMTP_STATUS_MAX_
};
const char *smtp_status_text(enum smtp_status status); /* "a reply line is too long" */

/* Zero-initialise before each reply. */
struct smtp_reply {
	uint16_t code;
	char text[SMTP_TEXT_MAX]; /* the beginning of the first line's, printable */
	uint16_t n_lines;
	uint16_t line_len;
	char line[SMTP_LINE_MAX];
};

/* Reads up to the end of the reply: *ret_used of the bytes, the rest belongs to the next one. Lines
 * end with LF or CRLF. After an error the reader is of no more use. */
enum smtp_status smtp_reply_feed(
	struct smtp_reply *reply, const uint8_t *bytes, size_t len, size_t *ret_used);
