/* Two digits a byte. */
#include "link/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

void hex_write(const void *bytes, size_t len, char *ret)
{
	const uint8_t *from = bytes;

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[from[i] >> 4];
		ret[2 * i + 1] = digits[from[i] & 15];
	}
	ret[2 * len] = '\0';
}

static int value_of(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool hex_read(const char *text, uint8_t *ret, size_t len)
{
	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = value_of(text[2 * i]), low = value_of(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
