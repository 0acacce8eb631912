/* Whatever a helper that was taken over says, to a director that runs. The input is a letter for
 * the host, as played_begin() has it, then frames, each after a letter that says who speaks: the
 * elector, the checker or tandem-link in capitals; small ones are an operator's calls. What the
 * director then says to operators and to the journal has to be sound, as no_host.c sees it. */
#include "played_director.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void take_frame(const char *frame)
{
	switch (*frame) {
	case 'E':
		played_say(HELPER_ELECTOR, frame + 1);
		break;
	case 'C':
		played_say(HELPER_CHECKER, frame + 1);
		break;
	case 'L':
		played_say(HELPER_LINK, frame + 1);
		break;
	default:
		played_call(*frame);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *frames = malloc(len + 1);

	assert(frames);
	memcpy(frames, bytes, len);
	frames[len] = '\0';
	(void)played_begin(frames[0]);
	for (size_t at = 1; at < len; at += strlen(frames + at) + 1)
		take_frame(frames + at);
	played_end();
	free(frames);
	return 0;
}
