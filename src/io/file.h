/* A small file that survives a crash whole. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <sys/stat.h>

/* Puts `text` and a newline in the place of the file: written aside, brought to the disk, renamed,
 * so that after a crash there is the old one or the new one. 0 or -errno. */
int file_replace(const char *path, const char *text);
/* The text as it is, in a file that those may read and write who could `like`: its permissions
 * before there is anything in it, and its owner and group as far as we may give it to them. */
int file_replace_like(const char *path, const char *text, const struct stat *like);
/* As file_replace(), with a value as jansson writes it with these flags. */
int file_replace_json(const char *path, const json_t *value, size_t flags);

/* The whole of it as text, to be freed. NULL, with errno set, when it cannot be read, is longer
 * than `max` (EFBIG) or has a NUL in it (EINVAL). */
char *file_read(const char *path, size_t max);
