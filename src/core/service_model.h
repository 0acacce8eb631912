/* The IPVS table as a value: what is wanted, or what the kernel has. Both sides of ipvs_plan(). */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPVS_NAME_MAX                                                                              \
	16 /* scheduler or persistence engine, with its NUL (IP_VS_SCHEDNAME_MAXLEN) */

/* Values are the kernel's (IP_VS_CONN_F_FWD_MASK). */
enum ipvs_forward {
	IPVS_FORWARD_NAT = 0,
	IPVS_FORWARD_TUNNEL = 2,
	IPVS_FORWARD_DIRECT = 3,
};
/* "nat", "tunnel", "direct"; "other" for a method of somebody else's that the kernel told. */
const char *ipvs_forward_name(enum ipvs_forward forward);

/* What identifies a service to the kernel; it cannot be edited. A service by firewall mark has
 * nothing but the mark and the family of its address. */
struct ipvs_service_key {
	struct addr addr;
	uint16_t port; /* host order */
	uint8_t protocol;
	uint32_t fwmark; /* 0: by address, port and protocol */
};
/* The key of a service by firewall mark; family AF_INET or AF_INET6, fwmark not 0. */
struct ipvs_service_key ipvs_service_key_of_mark(uint16_t family, uint32_t fwmark);

/* IP_VS_SVC_F_* that an administrator sets; the kernel's own HASHED is never here. */
#define IPVS_SERVICE_PERSISTENT 0x0001u
#define IPVS_SERVICE_ONE_PACKET 0x0004u
/* What these two mean is the scheduler's business: sh and mh know both. */
#define IPVS_SERVICE_FALLBACK 0x0008u
#define IPVS_SERVICE_PORT 0x0010u

/* Values are the kernel's (IP_VS_CONN_F_TUNNEL_TYPE_*, IP_VS_TUNNEL_ENCAP_FLAG_*). */
enum ipvs_tunnel {
	IPVS_TUNNEL_IPIP = 0,
	IPVS_TUNNEL_GUE = 1,
	IPVS_TUNNEL_GRE = 2,
};
#define IPVS_TUNNEL_CHECKSUM 0x0001u
#define IPVS_TUNNEL_REMOTE_CHECKSUM 0x0002u

struct ipvs_service {
	struct ipvs_service_key key;
	char scheduler[IPVS_NAME_MAX];
	char engine[IPVS_NAME_MAX]; /* persistence engine ("sip"); we want none: "" */
	uint32_t flags;
	uint32_t timeout_s;  /* persistence; 0 when not persistent */
	uint32_t netmask;    /* v4: mask in host order, all ones by default; v6: prefix length */
	uint32_t first_dest; /* index in ipvs_table.dests */
	uint32_t n_dests;
};

struct ipvs_dest_key {
	struct addr addr;
	uint16_t port;
};

struct ipvs_dest {
	struct ipvs_dest_key key;
	enum ipvs_forward forward;
	uint32_t weight;
	uint32_t upper, lower; /* connection thresholds, 0: none */
	uint8_t tun_type;
	uint16_t tun_port;
	uint16_t tun_flags;
	/* Only in what the kernel told; ignored by the plan. */
	uint32_t active, inactive, persistent;
};

/* Services sorted by key, each one's dests contiguous and sorted by key. */
struct ipvs_table {
	struct ipvs_service *services;
	size_t n_services;
	struct ipvs_dest *dests;
	size_t n_dests;
};

int ipvs_service_key_compare(const struct ipvs_service_key *a, const struct ipvs_service_key *b);
int ipvs_dest_key_compare(const struct ipvs_dest_key *a, const struct ipvs_dest_key *b);

/* Sort in place by key and drop repetitions, which a dump that was torn by changes can hold.
 * Returns how many remain. */
size_t ipvs_services_sort(struct ipvs_service *services, size_t n);
size_t ipvs_dests_sort(struct ipvs_dest *dests, size_t n);
/* Both, for a table to which services and their dests were appended in any order. Dests that repeat
 * leave gaps in t->dests: walk it by way of the services. */
void ipvs_table_sort(struct ipvs_table *t);
/* ipvs_services_sort() in steps, for a loop that must not be held up. */
struct ipvs_sorting {
	struct ipvs_service *services;
	size_t n;
	size_t to_heap,
		to_place; /* elements that are still to be made a heap; to be put in place */
};
void ipvs_sorting_init(struct ipvs_sorting *s, struct ipvs_service *services, size_t n);
/* Moves at most `elements` of them; returns whether it is sorted. s->n is then what remains. */
bool ipvs_sorting_step(struct ipvs_sorting *s, size_t elements);

/* The index of the first service whose key is not below `key`, or t->n_services. Sorted. */
size_t ipvs_table_seek(const struct ipvs_table *t, const struct ipvs_service_key *key);
/* The server of a service of a sorted table; NULL when it has no such one. */
const struct ipvs_dest *ipvs_table_find_dest(const struct ipvs_table *t,
	const struct ipvs_service *service, const struct ipvs_dest_key *key);
/* NULL when the table has no such service. The table must be sorted. */
struct ipvs_service *ipvs_table_find(
	const struct ipvs_table *t, const struct ipvs_service_key *key);

#define IPVS_KEY_TEXT_MAX (ADDR_TEXT_MAX + 24)
/* "tcp 192.0.2.100:80", "tcp [2001:db8::1]:80", "mark 7 ipv4". */
const char *ipvs_service_key_format(
	const struct ipvs_service_key *key, char buf[static IPVS_KEY_TEXT_MAX]);
/* "192.0.2.11:80". */
const char *ipvs_dest_key_format(
	const struct ipvs_dest_key *key, char buf[static IPVS_KEY_TEXT_MAX]);
