/* The pair's authenticated channel: its sockets, the TUN device, and the parts that make it work.
 * Configure, State, Resync, Coverage and Tracked come from the director; Interface, Peer, Resync,
 * Coverage and Tracked go there. */
#pragma once

#include "io/helper.h"

struct tandem_mode;

/* Takes the TUN device and the peer page on inherited descriptors (4 and 5). Without a device there
 * is none of this mode: *ret is NULL then. 0 or -errno. */
int tandem_mode_new(struct helper *helper, struct tandem_mode **ret);
void tandem_mode_free(struct tandem_mode *t); /* NULL is fine */

/* What cannot be had is named in `errors`. Sockets that cannot be opened are tried again when their
 * interface changes. */
void tandem_mode_configure(struct tandem_mode *t, const json_t *parameters, json_t *errors);
void tandem_mode_off(struct tandem_mode *t);
void tandem_mode_message(struct tandem_mode *t, const char *method, const json_t *parameters);
void tandem_mode_report(struct tandem_mode *t, json_t *report);
