/* The pair's authenticated channel: its sockets, the TUN device, and the parts that make it work.
 * Configure, State, Resync, Coverage and Tracked come from the director; Interface, Peer, Resync,
 * Coverage and Tracked go there. */
#pragma once

#include "io/helper.h"

struct peer_page;
struct tandem_mode;

/* What the director gave: to be taken before anything else is opened. */
struct tandem_given {
	int tun;                /* the TUN device; -1: there is none, and no mode "tandem" */
	struct peer_page *page; /* NULL: there is none */
};
void tandem_given_take(struct tandem_given *ret);

/* Takes what was given, when it succeeds. 0 or -errno. */
int tandem_mode_new(
	struct helper *helper, const struct tandem_given *given, struct tandem_mode **ret);
void tandem_mode_free(struct tandem_mode *t); /* NULL is fine */

/* What cannot be had is named in `errors`. Sockets that cannot be opened are tried again when their
 * interface changes. */
void tandem_mode_configure(struct tandem_mode *t, const json_t *parameters, json_t *errors);
void tandem_mode_off(struct tandem_mode *t);
void tandem_mode_message(struct tandem_mode *t, const char *method, const json_t *parameters);
void tandem_mode_report(struct tandem_mode *t, json_t *report);
