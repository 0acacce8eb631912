/* The pair's channel in kernel mode: watches the interface that the kernel's sync daemons use, and
 * counts what arrives from their group. */
#pragma once

#include "io/helper.h"

struct link;

/* 0 or -errno. */
int link_new(struct helper *helper, struct link **ret);
void link_free(struct link *l); /* NULL is fine */

/* What cannot be had is named in `errors`; the interface is then not watched. */
void link_configure(struct link *l, const json_t *parameters, json_t *errors);
void link_report(const struct link *l, json_t *report);
