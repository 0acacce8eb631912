/* From what the file says of a service to the kernel's services: one for each address and port, or
 * one for each family of a firewall mark. */
#pragma once

#include "conf/rules.h"

/* Gives every service with "mark": "auto" a mark: the same on both directors, and as long as the
 * service keeps its name also over reloads, because synced connections carry it. */
void expand_marks(struct conf *c);
/* Fills c->services. Definitions with faulty addresses or ports, and those that make too many,
 * which are reported, have none. */
void expand_services(const struct rules *r);

#define EXPAND_PATH_MARK_FAULT "marks from 0x75000000 to 0x75ffffff are for checks through services"
/* Adds the paths of those services whose servers are checked through them; where that makes too
 * many services, it is reported. */
void expand_paths(const struct rules *r);
/* Whether a server of the pool is checked through its service. */
bool expand_needs_paths(const struct conf *c, size_t pool);

/* Whether one of the definition's services is of that family. */
bool expand_has_family(const struct conf_definition *d, uint16_t family);
/* The address by which a service belongs to a virtual router: its own, or the first of its family
 * that a mark listens on (family 0: none). */
struct addr expand_listen(const struct conf *c, const struct conf_service *s);
