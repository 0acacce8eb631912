/* Durations as configurations write them: "100ms", "3s", "1.5s", "5m", "2h", "1d". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DURATION_TEXT_MAX 24

/* The unit is mandatory, except for "0". Units: us ms s m h d. *ret_us is written only on success;
 * false when the text is not a duration or exceeds 1000 days. */
bool duration_parse(const char *text, uint64_t *ret_us);
/* The shortest form that says the same ("1500ms", "5m"). */
const char *duration_format(uint64_t us, char buf[static DURATION_TEXT_MAX]);
