/* The pair's channel in kernel mode: watches the interface that the kernel's sync daemons use, and
 * counts what arrives from their group. */
#pragma once

#include "io/helper.h"

struct kernel_mode;

/* 0 or -errno. */
int kernel_mode_new(struct helper *helper, struct kernel_mode **ret);
void kernel_mode_free(struct kernel_mode *l); /* NULL is fine */

/* What cannot be had is named in `errors`; the interface is then not watched. */
void kernel_mode_configure(struct kernel_mode *l, const json_t *parameters, json_t *errors);
void kernel_mode_report(const struct kernel_mode *l, json_t *report);
