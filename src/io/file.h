/* A small file that survives a crash whole. */
#pragma once

#include <jansson.h>
#include <stddef.h>

/* Puts `text` and a newline in the place of the file: written aside, brought to the disk, renamed,
 * so that after a crash there is the old one or the new one. 0 or -errno. */
int file_replace(const char *path, const char *text);
/* The same with a value as jansson writes it with these flags. */
int file_replace_json(const char *path, const json_t *value, size_t flags);
