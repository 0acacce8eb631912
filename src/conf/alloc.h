/* Memory for reading a configuration. That happens at start and at reload only, and its size is the
 * operator's choice: running out of memory there ends the program, as no caller could do better. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Zeroed, never NULL. */
static inline void *conf_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);
	if (!p)
		abort();
	return p;
}

static inline char *conf_dup(const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		abort();
	return copy;
}

/* Room for one more item in an array of n, of which *size are allocated. */
static inline void *conf_grow(void *items, size_t n, size_t *size, size_t item_size)
{
	if (n < *size)
		return items;
	*size = *size ? *size * 2 : 8;
	items = reallocarray(items, *size, item_size);
	if (!items)
		abort();
	return items;
}

__attribute__((format(printf, 1, 0))) static inline char *conf_vprintf(
	const char *format, va_list args)
{
	char *text;
	if (vasprintf(&text, format, args) < 0)
		abort();
	return text;
}

__attribute__((format(printf, 1, 2))) static inline char *conf_printf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = conf_vprintf(format, args);
	va_end(args);
	return text;
}
