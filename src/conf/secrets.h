/* Files of keys and passwords, which their owner alone can read. */
#pragma once

#include "core/pair_key.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SECRET_MAX (PAIR_KEY_FILE_MAX + 1) /* one more, so that too much is seen */

struct conf;

struct secret {
	uint8_t bytes[SECRET_MAX];
	size_t len;
	uid_t uid; /* whose file it is */
	gid_t gid;
};

/* Whatever was read of them, and where it was hidden. */
void secrets_forget(struct conf *c);

/* The first SECRET_MAX bytes of a file. NULL, or why it is not to be used, valid until the next
 * call. Cleanse *ret when it is no longer needed, with explicit_bzero(). */
const char *secret_read(const char *path, struct secret *ret);
