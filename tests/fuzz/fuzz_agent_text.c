/* Any bytes as the reply of an agent: nothing beyond them is read, a refusal leaves the result
 * alone, and what is accepted is within its bounds and fit to be shown. */
#include "core/agent_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void look_at(const struct agent_reply *reply)
{
	size_t n = strnlen(reply->reason, AGENT_REASON_MAX);

	if (n == AGENT_REASON_MAX || reply->weight_percent > AGENT_WEIGHT_MAX ||
		reply->health > AGENT_DOWN || reply->wish > AGENT_MAINT)
		abort();
	for (size_t i = 0; i < n; i++)
		if (reply->reason[i] < ' ' || reply->reason[i] > '~')
			abort();
}

static void read_as(const char *text, size_t len, bool plain_numbers)
{
	struct agent_reply reply, untouched;

	memset(&reply, 0xa5, sizeof(reply));
	memset(&untouched, 0xa5, sizeof(untouched));
	if (agent_text_parse(text, len, plain_numbers, &reply) == AGENT_OK)
		look_at(&reply);
	else if (memcmp(&reply, &untouched, sizeof(reply)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	/* Exactly as long as it is, so that a sanitizer sees a step beyond. */
	char *text = malloc(len ? len : 1);

	if (!text)
		return 0;
	if (len)
		memcpy(text, bytes, len);
	read_as(text, len, false);
	read_as(text, len, true);
	(void)agent_text_is_complete(text, len);
	free(text);
	return 0;
}
