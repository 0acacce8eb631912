/* The kernel settings that a configuration asks for (tandem.json(5), SYSCTLS). */
#pragma once

#include "conf/conf.h"

#include <stdbool.h>

/* Each setting that is not as `conf` needs it; nothing is written. */
void settings_differ(const struct conf *conf,
	void (*differs)(const char *name, const char *now, const char *then, void *userdata),
	void *userdata);
/* Write what differs, remembering what was there in the record file, and put back what the record
 * names and the configuration no longer needs. `failed(name, value, error)` is called for each that
 * could not be written; value is NULL when some could not be put back. Returns how many were
 * changed. `ipvs`: whether the kernel has it; without, its settings are no failure. */
unsigned settings_apply(const struct conf *conf, bool ipvs, const char *record,
	void (*failed)(const char *name, const char *value, int error, void *userdata),
	void *userdata);
