/* Words of others, made fit to be shown: in a line of a log, on a terminal, in JSON. */
#pragma once

#include <stddef.h>

/* Copies as much of `text` (NULL: "") as fits into `size` bytes, at least 1, without cutting a
 * character of UTF-8. Control characters, which would end the line or be obeyed by a terminal, and
 * bytes that are no UTF-8 become '?'. Returns ret. */
char *text_line(char *ret, size_t size, const char *text);
