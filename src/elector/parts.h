/* What the files of the elector share of it; nobody else includes this.
 *   elector.c  turns, deadlines, who is told what
 *   ports.c    interfaces and devices: what is known of them, who hears and speaks there
 *   change.c   one configuration after another; spare.c the memory for it */
#pragma once

#include "elector/elector.h"

/* elector.c */
/* A turn begins; it ends when anything may have changed. */
void elector_take_turn(struct elector *e);
void elector_end_turn(struct elector *e, struct instant now);
/* What is under way in any router comes to its end. */
void elector_finish_all(struct elector *e, struct instant now);
/* VRID, family and interface are a virtual router's identity on the wire. */
bool elector_same_router(const struct router_config *a, const struct router_config *b);
/* NULL: there is none. */
struct router *elector_find_router(const struct elector *e, const struct router_config *config);
void elector_free_router(struct elector *e, struct router *r);
/* Wiped first: there are keys in them. */
void elector_free_lists(void *lists, size_t size);

/* ports.c */
struct port *port_by_name(const struct elector *e, const char *interface); /* NULL: none */
/* Closes its sockets. */
void port_free(struct elector *e, struct port *p);
/* Whether it is the interface of a router of that family. */
bool port_is_home(const struct elector *e, const struct port *p, uint16_t family);
/* Learn anew what each port has. */
void port_refresh(struct elector *e, struct instant now);
/* What became usable is opened, what is not any more is closed; the routers are told. */
void port_settle(struct elector *e, struct port *p, struct instant now);
/* Makes the devices with virtual MACs that are missing. Whether there were any. */
bool port_settle_devices(struct elector *e);
/* Such a device with all that is on it, if `p` is one: soon, by somebody who has the time; or now,
 * before we leave: nobody may be there afterwards. */
void port_give_up_device(struct elector *e, struct port *p);
void port_remove_device(struct elector *e, struct port *p);

/* change.c */
/* What a predecessor had and nobody wants now. */
void change_tidy_unwanted(struct elector *e, const struct router_config *wanted, size_t n);
