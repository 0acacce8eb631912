/* The configuration: one JSON file and what it includes, validated whole, then const.
 * tandem.json(5) is the reference for operators, conf/keys.c the table behind it. */
#pragma once

#include "base/addr.h"
#include "core/service_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_NODES_MAX 8
#define CONF_NONE ((size_t)-1)

struct conf_node {
	char *name;
	struct addr link_address; /* family 0: none */
};

struct conf_announce {
	unsigned repeat;      /* gratuitous ARPs per address in a burst */
	uint64_t interval_us; /* between them */
	uint64_t refresh_us;  /* periodic re-announcement while Active, 0: off */
};

struct conf_router {
	char *name;
	char *interface;
	uint8_t vrid;                     /* 1..255 */
	uint8_t priority[CONF_NODES_MAX]; /* by index of the node, 1..255 */
	uint16_t advert_interval_cs;      /* 1..4095 */
	bool preempt;
	struct conf_announce announce;
	struct addr_prefix *addresses;
	size_t n_addresses;
};

enum conf_on_failure {
	CONF_ON_FAILURE_DRAIN,  /* weight 0: what is connected stays */
	CONF_ON_FAILURE_REMOVE, /* out of the table */
};

struct conf_check {
	/* type: "tcp" is the only one yet */
	uint64_t interval_us;
	uint64_t timeout_us;
	unsigned rise, fall;
	unsigned jitter_percent;
	uint16_t port; /* 0: the server's */
	bool initial_up;
};

struct conf_server {
	char *name;
	struct addr address;
	uint16_t port; /* 0: the service's */
	uint32_t weight;
};

struct conf_pool {
	char *name;
	bool has_check; /* without a check every server is taken as up */
	struct conf_check check;
	enum conf_on_failure on_failure;
	struct conf_server *servers; /* in the file's order */
	size_t n_servers;
};

enum conf_program {
	CONF_PROGRAM_ALWAYS,
	CONF_PROGRAM_ACTIVE, /* only while `router` is Active here */
};

struct conf_service {
	char *name;
	struct ipvs_service_key key;
	char scheduler[IPVS_NAME_MAX];
	enum ipvs_forward forward;
	uint32_t persistence_s; /* 0: none */
	enum conf_program program;
	size_t pool;   /* index in conf.pools */
	size_t router; /* the virtual router that has the address, or CONF_NONE */
};

struct conf_link {
	bool enabled; /* there is a "link" object */
	char *interface;
	uint32_t sync_id; /* 0..255 */
	struct addr group;
	uint16_t port;
	uint8_t ttl;
	uint16_t maxlen;
};

enum conf_on_stop {
	CONF_ON_STOP_KEEP,   /* leave services, sync daemons and settings to the next start */
	CONF_ON_STOP_REMOVE, /* remove and restore everything */
};

struct conf {
	struct conf_node *nodes;
	size_t n_nodes;
	size_t self; /* our own index in nodes */
	struct conf_router *routers;
	size_t n_routers;
	struct conf_pool *pools;
	size_t n_pools;
	struct conf_service *services;
	size_t n_services;
	struct conf_link link;
	enum conf_on_stop on_stop;
	char digest[65]; /* SHA-256 of the files' text, in hex */
};

/* One thing wrong with the configuration. */
struct conf_error {
	char *file;
	unsigned line, column; /* 1-based; 0: the whole file */
	char *pointer;         /* JSON pointer, "" for the root */
	char *text;            /* what is wrong, with the suggestion */
};

struct conf_errors {
	struct conf_error *items;
	size_t n;
};

/* Reads, includes, validates. `node` is the own name (NULL: the host's). Returns NULL with at least
 * one error in *ret_errors, or the configuration with none. Release with conf_free() and
 * conf_errors_done(). */
struct conf *conf_load(const char *path, const char *node, struct conf_errors *ret_errors);
/* The same for a text that is in no file, and that includes none. */
struct conf *conf_load_text(
	const char *text, size_t len, const char *node, struct conf_errors *ret_errors);
void conf_free(struct conf *c);
void conf_errors_done(struct conf_errors *e);
/* "file:line:column: /pointer: text". Returns buf. */
const char *conf_error_format(const struct conf_error *e, char *buf, size_t size);
