/* The status page. */
#pragma once

#include "base/instant.h"

#include <jansson.h>
#include <stdio.h>

/* What `tandemctl status` prints, as HTML without a script; status NULL: why there is none. */
void page_print(FILE *f, const json_t *status, const char *reason, struct instant now);
/* `text` with what HTML takes for markup escaped. */
void page_print_text(FILE *f, const char *text);
