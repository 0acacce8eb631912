/* The key table as a JSON Schema (draft 2020-12), for editors and for whoever makes configurations
 * by program. It cannot say everything: no ranges of durations, nothing that relates values. */
#pragma once

#include <jansson.h>

/* The caller releases it with json_decref(). */
json_t *conf_schema(void);
