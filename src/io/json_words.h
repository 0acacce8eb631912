/* JSON of somebody who is not trusted, made fit to be passed on and shown. */
#pragma once

#include <jansson.h>

/* Control characters in its texts, which a terminal would obey and which forge lines, become '?';
 * members whose names have some go. At any depth; `value` is not shared. A text whose only one is
 * DEL, which is obeyed by nobody, stays: a pushed configuration may have it. */
void json_words_clean(json_t *value);
