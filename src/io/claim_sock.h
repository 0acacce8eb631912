/* Hears on every interface who claims addresses by ARP, and by Neighbour Advertisements. */
#pragma once

#include "core/claim.h"

#include <stddef.h>
#include <stdint.h>

/* Non-blocking descriptors that hear what others send, or -errno. Both need CAP_NET_RAW. That of
 * ARP hears nothing until claim_sock_watch(). */
int claim_sock_arp(void);
int claim_sock_na(void);

/* From now on, hear ARP from these IPv4 addresses alone; others in the list are passed over. With
 * more of them than a filter of the kernel's can name all ARP is heard. 0 or -errno. */
int claim_sock_watch(int fd, const struct addr *addrs, size_t n);

typedef void (*claim_handler)(int ifindex, const struct claim *claim, void *userdata);
/* Reads what is there, a bounded number. */
void claim_sock_read_arp(int fd, claim_handler handler, void *userdata);
void claim_sock_read_na(int fd, claim_handler handler, void *userdata);
