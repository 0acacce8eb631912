/* Bytes as lower-case hexadecimal digits, for JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `ret` has room for 2 * len + 1 characters. */
void hex_write(const void *bytes, size_t len, char *ret);
/* False when the text is not exactly `len` bytes in hexadecimal; `ret` is then undefined. */
bool hex_read(const char *text, uint8_t *ret, size_t len);
