/* Texts of jansson are UTF-8: what text_line() changes are control characters. */
#include "io/json_words.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* U+0001 to U+001F, U+0080 to U+009F, in UTF-8. */
static bool has_control(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < 0x20 || (c[0] == 0xc2 && c[1] < 0xa0))
			return true;
	return false;
}

static void clean_text(json_t *value)
{
	const char *text = json_string_value(value);
	size_t size = strlen(text) + 1;
	auto_free char *line = has_control(text) ? malloc(size) : NULL;

	if (line)
		(void)json_string_set_nocheck(value, text_line(line, size, text));
}

static void clean_members(json_t *object)
{
	json_t *member;
	const char *name;
	void *next;

	json_object_foreach_safe (object, next, name, member) {
		if (has_control(name))
			(void)json_object_del(object, name);
		else
			json_words_clean(member);
	}
}

void json_words_clean(json_t *value)
{
	json_t *item;
	size_t i;

	if (json_is_string(value))
		clean_text(value);
	else if (json_is_object(value))
		clean_members(value);
	json_array_foreach (value, i, item)
		json_words_clean(item);
}
