/* Any text as a file of keys: what is taken can be written and is the same when it is read again.
 */
#include "core/pair_key.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct pair_keys keys, again;
	char text[PAIR_KEY_FILE_MAX];
	unsigned line = 0;
	size_t n;

	memset(&keys, 0, sizeof(keys));
	memset(&again, 0, sizeof(again));
	if (pair_keys_parse(bytes, len, &keys, &line) != PAIR_KEY_OK) {
		if (line > len + 1 || keys.n != 0)
			abort();
		return 0;
	}
	if (keys.n == 0 || keys.n > PAIR_KEYS_MAX)
		abort();
	n = pair_keys_rewrite(bytes, len, &keys, text);
	if (n == 0) /* a newline more than there is room for */
		return 0;
	if (pair_keys_parse(text, n, &again, &line) != PAIR_KEY_OK ||
		memcmp(&keys, &again, sizeof(keys)) != 0)
		abort();
	return 0;
}
