/* A check as the checker is told it. */
#pragma once

#include "base/writer.h"
#include "conf/conf.h"

#include <stdint.h>

/* Everything that makes two checks of one address and port different, as members of the object
 * under way: the way there, the type's own settings, and the rule. Equal text, equal check. */
void check_write_settings(struct writer *w, const struct conf_check *check);

/* The same in a few words for people, as it ends a target's id: " every 2s timeout 1s rise 2 fall 3
 * jitter 10%", and a digest if there is more to it. Returns buf. */
#define CHECK_TEXT_MAX 160
const char *check_text(const struct conf_check *check, char buf[static CHECK_TEXT_MAX]);

/* The rule of the check, for asking by ARP, which is part of it. */
void check_write_arp_settings(struct writer *w, const struct conf_check *check);

/* The capabilities that the checker needs for a single check, as a set of 1 << CAP_*. */
uint64_t check_capabilities(const struct conf_check *check);
