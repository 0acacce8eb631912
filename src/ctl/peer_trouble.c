#include "ctl/peer_trouble.h"

#include <stddef.h>
#include <string.h>

const char *peer_trouble_words(const char *trouble)
{
	static const struct {
		const char *trouble, *words;
	} rows[] = {
		{"none", "it is ready"},
		{"table-pending", "its table has not been brought to the kernel yet"},
		{"no-ipvs", "its kernel has no IPVS, so that it cannot balance"},
		{"checks-pending", "not all of its servers have been checked yet"},
		{"not-heard", "it is not heard over the link"},
		{"no-stream", "it is heard over the link, but the stream to it is not open"},
		{"config-differs", "its configuration is another one"},
		{"resync-running", "its resync is not over"},
		{"resync-failed", "its resync has failed"},
		{"coverage-low", "it does not know enough of the connections"},
		{"maintenance", "it is in maintenance"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].trouble, trouble) == 0)
			return rows[i].words;
	return trouble;
}
