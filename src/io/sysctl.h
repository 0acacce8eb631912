/* Kernel settings under /proc/sys, and the memory of what they were. */
#pragma once

#include <stddef.h>

/* name: "net/ipv4/vs/sync_threshold". Reads one line without its newline. 0 or -errno;
 * -ENAMETOOLONG when it does not fit. */
int sysctl_read(const char *name, char *ret, size_t size);
int sysctl_write(const char *name, const char *value);

/* Set `name` to `value` if it differs, and remember the old value in the record file (JSON, name ->
 * old value, written atomically before the setting is changed) unless it holds one already. Blanks
 * between numbers do not count: "3\t50" is "3 50". A record that cannot be read is renamed to
 * "*.bad". Returns 1 when it was changed, 0 when it was right, -ENOENT when this kernel has no such
 * setting, -EBADMSG when the record is not one, -errno otherwise. */
int sysctl_set_recorded(const char *record, const char *name, const char *value);
/* Put back everything the record names, then remove the record. Settings that somebody changed
 * since to a third value are put back too; those that are gone with their module are done. 0 also
 * when there is no record; else the first -errno, and the record stays. */
int sysctl_restore(const char *record);
/* Put back what the record names, except `kept`, and strike it from the record. How many were put
 * back; else the first -errno, and those that failed stay in the record. */
int sysctl_restore_others(const char *record, const char *const kept[], size_t n_kept);

/* The same for settings below another directory than /proc/sys. */
int sysctl_read_at(const char *root, const char *name, char *ret, size_t size);
int sysctl_write_at(const char *root, const char *name, const char *value);
int sysctl_set_recorded_at(
	const char *root, const char *record, const char *name, const char *value);
int sysctl_restore_at(const char *root, const char *record);
int sysctl_restore_others_at(
	const char *root, const char *record, const char *const kept[], size_t n_kept);
