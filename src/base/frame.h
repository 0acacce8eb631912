/* The framing of every stream in tandem, Varlink's: a JSON object in UTF-8, then one NUL byte.
 * This module finds the frames in a byte stream; what is in them is the reader's business. */
#pragma once

#include <stddef.h>

/* The longest frame accepted. A configuration of 50,000 servers is below a tenth of it. */
#define FRAME_MAX ((size_t)64 << 20)

/* Zero-initialise, and lower `max` if the writer is not trusted. frame_done() releases it. */
struct frame_reader {
	size_t max; /* longest frame accepted, 0: FRAME_MAX */
	char *buf;
	size_t size;  /* allocated */
	size_t start; /* first byte not yet handed out */
	size_t end;   /* one past the last byte received */
	size_t seen;  /* no NUL before this offset */
};

void frame_done(struct frame_reader *r);

/* Room for at least one byte at the end of the buffer; *ret_len says how much. Returns NULL when
 * the frame under way is longer than accepted or memory is out. After writing n bytes there, call
 * frame_received(). */
char *frame_room(struct frame_reader *r, size_t *ret_len);
void frame_received(struct frame_reader *r, size_t n);

/* The next whole frame as a NUL-terminated string, valid until the next frame_room(); NULL when
 * none is complete. */
char *frame_next(struct frame_reader *r);
