/* Frames: bytes in, NUL-terminated strings out. Bytes stay where they were received; the rest of an
 * incomplete frame is moved to the front when room is asked for. */
#include "base/frame.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_ROOM_MIN 4096
#define FRAME_ROOM_KEPT 65536 /* a longer buffer goes when it is empty */

/* There may be keys in what was read. */
static void release(struct frame_reader *r)
{
	if (r->buf)
		explicit_bzero(r->buf, r->size);
	free(r->buf);
	r->buf = NULL;
	r->size = 0;
}

void frame_done(struct frame_reader *r)
{
	release(r);
	memset(r, 0, sizeof(*r));
}

static void compact(struct frame_reader *r)
{
	size_t left = r->end - r->start;

	if (r->start == 0)
		return;
	memmove(r->buf, r->buf + r->start, left);
	explicit_bzero(r->buf + left, r->end - left);
	r->end = left;
	r->seen -= r->start;
	r->start = 0;
	if (left == 0 && r->size > FRAME_ROOM_KEPT)
		release(r);
}

static bool grow(struct frame_reader *r)
{
	size_t size = r->size ? 2 * r->size : 2 * FRAME_ROOM_MIN;
	char *buf = malloc(size);

	if (!buf)
		return false;
	if (r->end > 0)
		memcpy(buf, r->buf, r->end);
	release(r);
	r->buf = buf;
	r->size = size;
	return true;
}

char *frame_room(struct frame_reader *r, size_t *ret_len)
{
	compact(r);
	if (r->end >= (r->max ? r->max : FRAME_MAX))
		return NULL;
	if (r->size - r->end < FRAME_ROOM_MIN && !grow(r))
		return NULL;
	*ret_len = r->size - r->end;
	return r->buf + r->end;
}

void frame_received(struct frame_reader *r, size_t n)
{
	assert(n <= r->size - r->end);
	r->end += n;
}

char *frame_next(struct frame_reader *r)
{
	char *nul, *frame;

	if (r->seen == r->end)
		return NULL;
	nul = memchr(r->buf + r->seen, '\0', r->end - r->seen);
	if (!nul) {
		r->seen = r->end;
		return NULL;
	}
	frame = r->buf + r->start;
	r->start = r->seen = (size_t)(nul - r->buf) + 1;
	return frame;
}
