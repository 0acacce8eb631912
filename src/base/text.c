/* UTF-8 as RFC 3629 has it: neither overlong, nor surrogates, nor beyond U+10FFFF. */
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

/* What a first byte allows: so many bytes follow, the first of them within a range. */
struct lead {
	unsigned char from, to, n_more, low, high;
};

static const struct lead *find_lead(unsigned char c)
{
	static const struct lead leads[] = {
		{0xc2, 0xdf, 1, 0x80, 0xbf},
		{0xe0, 0xe0, 2, 0xa0, 0xbf},
		{0xe1, 0xec, 2, 0x80, 0xbf},
		{0xed, 0xed, 2, 0x80, 0x9f},
		{0xee, 0xef, 2, 0x80, 0xbf},
		{0xf0, 0xf0, 3, 0x90, 0xbf},
		{0xf1, 0xf3, 3, 0x80, 0xbf},
		{0xf4, 0xf4, 3, 0x80, 0x8f},
	};

	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (c >= leads[i].from && c <= leads[i].to)
			return &leads[i];
	return NULL;
}

/* Bytes of the character that begins there; 0: none does. */
static size_t length_of(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	const struct lead *lead = find_lead(c[0]);

	if (c[0] < 0x80)
		return 1;
	if (!lead || c[1] < lead->low || c[1] > lead->high)
		return 0;
	for (size_t i = 2; i <= lead->n_more; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return 1u + lead->n_more;
}

/* U+0000 to U+001F, U+007F to U+009F. */
static bool is_control(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

char *text_line(char *ret, size_t size, const char *text)
{
	size_t n = 0;

	while (text && *text) {
		size_t len = length_of(text);
		bool shown = len > 0 && !is_control(text);

		if (n + (shown ? len : 1) >= size)
			break;
		if (shown)
			memcpy(ret + n, text, len);
		else
			ret[n] = '?';
		n += shown ? len : 1;
		text += len > 0 ? len : 1;
	}
	ret[n] = '\0';
	return ret;
}
