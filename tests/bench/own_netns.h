/* A network namespace of its own for a program that fills IPVS tables: they are per namespace, so
 * that the machine's own stay as they are. */
#pragma once

/* Moves the process there and brings lo up, without which IPVS refuses every IPv4 server. Prints
 * what failed. 0 or -errno. */
int own_netns_enter(void);
/* The same without: no address, and no table of local ones. */
int own_netns_enter_down(void);
int own_netns_up(void);
