/* What tandem-link does, by the mode that Configure names: the kernel's own sync is watched
 * (kernel_mode.h), or the pair's authenticated channel is kept (tandem_mode.h). */
#pragma once

#include "io/helper.h"
#include "link/tandem_mode.h"

struct link;

/* 0 or -errno. */
int link_new(struct helper *helper, const struct tandem_given *given, struct link **ret);
void link_free(struct link *l); /* NULL is fine */

/* What cannot be had is named in `errors`. */
void link_configure(struct link *l, const json_t *parameters, json_t *errors);
void link_report(struct link *l, json_t *report);
/* Another message of the director. */
void link_message(struct link *l, const char *method, const json_t *parameters);
