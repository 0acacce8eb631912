/* Where events go: the journal with its fields, or readable lines on standard error. */
#pragma once

#include "base/event.h"

#include <jansson.h>

enum journal_target {
	JOURNAL_AUTO, /* the journal when standard error leads to it, else standard error */
	JOURNAL_JOURNAL,
	JOURNAL_STDERR,
};

/* "auto", "journal", "stderr". Returns -EINVAL for anything else. */
int journal_target_parse(const char *name, enum journal_target *ret);

/* AUTO becomes one of the other two. */
enum journal_target journal_target_resolve(enum journal_target target);

/* Write one event. `fields` is an object of journal field name -> text (NULL: none), borrowed.
 * The journal gets MESSAGE, MESSAGE_ID, PRIORITY, TANDEM_EVENT and the fields; standard error gets
 * "TIME TOKEN MESSAGE KEY=value ...". */
void journal_write(
	enum journal_target target, enum event event, const char *message, json_t *fields);
