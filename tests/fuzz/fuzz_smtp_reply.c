/* Any bytes as what an SMTP server sends, in two pieces cut anywhere: how it is cut must not
 * matter, and the text that is kept must be printable. The first byte is where. */
#include "core/smtp_reply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum smtp_status read_pieces(
	struct smtp_reply *r, const uint8_t *bytes, size_t len, size_t cut, size_t *ret_used)
{
	size_t used;
	enum smtp_status status = smtp_reply_feed(r, bytes, cut, ret_used);

	if (status != SMTP_MORE)
		return status;
	status = smtp_reply_feed(r, bytes + cut, len - cut, &used);
	*ret_used += used;
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct smtp_reply whole = {0}, pieces = {0};
	size_t used, used_pieces, cut;
	enum smtp_status status;

	if (len == 0)
		return 0;
	cut = bytes[0] % len;
	status = smtp_reply_feed(&whole, bytes + 1, len - 1, &used);
	if (read_pieces(&pieces, bytes + 1, len - 1, cut, &used_pieces) != status ||
		used != used_pieces || memcmp(&whole, &pieces, sizeof(whole)) != 0 ||
		(status == SMTP_COMPLETE && (whole.code < 200 || whole.code > 599)) ||
		(status == SMTP_MORE && used != len - 1))
		abort();
	for (const char *c = whole.text; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
	return 0;
}
