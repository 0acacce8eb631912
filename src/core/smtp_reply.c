/* The reader of SMTP replies. It keeps one line and the text of the first, so that a server can
 * cost no more than that. */
#include "core/smtp_reply.h"

#include <assert.h>
#include <string.h>

#define CODE_LEN 3

const char *smtp_status_text(enum smtp_status status)
{
	static const char *const texts[SMTP_STATUS_MAX_] = {
		[SMTP_MORE] = "a reply is not complete",
		[SMTP_COMPLETE] = "ok",
		[SMTP_LONG] = "a reply line is too long",
		[SMTP_MANY] = "a reply of too many lines",
		[SMTP_FORM] = "not an SMTP reply",
		[SMTP_MIXED] = "a reply with two codes",
	};

	assert(status < SMTP_STATUS_MAX_);
	return texts[status];
}

/* The code of a line, or 0. */
static uint16_t read_code(const char *line, size_t len)
{
	unsigned code = 0;

	if (len < CODE_LEN || line[0] < '2' || line[0] > '5')
		return 0;
	for (size_t i = 0; i < CODE_LEN; i++) {
		if (line[i] < '0' || line[i] > '9')
			return 0;
		code = code * 10 + (unsigned)(line[i] - '0');
	}
	if (len > CODE_LEN && line[CODE_LEN] != ' ' && line[CODE_LEN] != '-')
		return 0;
	return (uint16_t)code;
}

static void keep_text(struct smtp_reply *r, const char *text, size_t len)
{
	size_t n = len < SMTP_TEXT_MAX - 1 ? len : SMTP_TEXT_MAX - 1;

	for (size_t i = 0; i < n; i++)
		r->text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	r->text[n] = '\0';
}

static enum smtp_status end_line(struct smtp_reply *r)
{
	size_t len = r->line_len > 0 && r->line[r->line_len - 1] == '\r' ? r->line_len - 1U
									 : r->line_len;
	uint16_t code = read_code(r->line, len);
	bool more = len > CODE_LEN && r->line[CODE_LEN] == '-';

	r->line_len = 0;
	if (code == 0)
		return SMTP_FORM;
	if (r->n_lines > 0 && code != r->code)
		return SMTP_MIXED;
	if (r->n_lines == 0 && len > CODE_LEN)
		keep_text(r, r->line + CODE_LEN + 1, len - CODE_LEN - 1);
	r->code = code;
	r->n_lines++;
	if (!more)
		return SMTP_COMPLETE;
	return r->n_lines < SMTP_LINES_MAX ? SMTP_MORE : SMTP_MANY;
}

enum smtp_status smtp_reply_feed(
	struct smtp_reply *reply, const uint8_t *bytes, size_t len, size_t *ret_used)
{
	enum smtp_status status = SMTP_MORE;
	size_t i = 0;

	while (i < len && status == SMTP_MORE) {
		char c = (char)bytes[i++];

		if (c == '\n')
			status = end_line(reply);
		else if (reply->line_len + 1 >= SMTP_LINE_MAX)
			status = SMTP_LONG;
		else
			reply->line[reply->line_len++] = c;
	}
	*ret_used = i;
	return status;
}
