/* The files of a configuration as one text that can be sent, checked, written and taken back: JSON,
 * an object by the files' names below the directory of the main file, whose own name is "". A name
 * whose value is null is of a file that is not to be there. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define PUSH_FILES_MAX ((size_t)32 << 20) /* bytes of such a text */

/* Those that `config` consists of now. NULL: *ret_errors (array of text) says why. */
char *push_files_read(const char *config, const char *node, json_t **ret_errors);
/* Of a text of somebody else. NULL: *ret_errors. */
json_t *push_files_parse(const char *text, size_t len, json_t **ret_errors);
/* Whether this host would take them in the place of `config`: errors, none of them when it would.
 * They name a file by "<text>", then its name. */
json_t *push_files_check(const char *config, const char *node, const json_t *files);
/* What takes the place of what: `files`, and null for those of the present configuration that are
 * not among them. NULL when out of memory. */
json_t *push_files_complete(const char *config, const char *node, const json_t *files);
/* What is there now under these names. NULL: *ret_errors. */
json_t *push_files_before(const char *config, const json_t *files, json_t **ret_errors);
/* All written aside first, then put in place; NULL, or what went wrong: *config is what it was
 * then, as far as it could be. */
json_t *push_files_write(const char *config, const json_t *files);
