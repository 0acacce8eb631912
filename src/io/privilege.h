/* Giving up what a process no longer needs. */
#pragma once

/* No capability from here on but those in the ambient set, which whoever started this process gave
 * it on purpose, and those not for programs that it executes; and no way to gain one by exec
 * (no_new_privs). For a process without capabilities only the latter changes. Returns 0 or -errno.
 */
int privilege_drop(void);
