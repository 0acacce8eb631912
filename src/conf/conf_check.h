/* How a server is checked: the part of conf.h that grows with each type of check. A type has a
 * value of enum conf_check_type, a name in conf_check.c, its keys in keys_check.c, a row in
 * rules_check.c for each of them, a struct here if it has settings of its own, and a function in
 * director/check_wire.c that tells these to the checker. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_INTERFACE_MAX 16
#define CONF_CHECK_MEMBERS_MAX 8 /* of a combination */

enum conf_check_type {
	CONF_CHECK_TCP,
	CONF_CHECK_AGENT,
	CONF_CHECK_EXEC,
	CONF_CHECK_FILE,
	CONF_CHECK_NONE, /* no check: the server is taken as up */
	CONF_CHECK_TYPES
};
const char *conf_check_type_name(enum conf_check_type type); /* "tcp" */

struct conf_exec {
	char **argv;        /* NULL after the last */
	char *user;         /* NULL: the default one */
	char **environment; /* "NAME=value", NULL after the last; NULL: nothing */
	bool exit_weight;
};

/* A check, or several of them combined: then only `all` or `any` counts, whose members have taken
 * over what they did not say themselves. A member is never a combination. */
struct conf_check {
	enum conf_check_type type;
	struct conf_check *all, *any;
	size_t n_all, n_any;
	/* when */
	uint64_t interval_us;
	uint64_t fail_interval_us, down_interval_us, standby_interval_us; /* 0: interval_us */
	uint64_t timeout_us;
	unsigned rise, fall;
	unsigned jitter_percent;
	bool initial_up;
	/* where, and which way */
	struct addr address;                /* family 0: the server's */
	uint16_t port;                      /* 0: the server's */
	struct addr source;                 /* family 0: the kernel's choice */
	char interface[CONF_INTERFACE_MAX]; /* "": the routing table's choice */
	uint32_t mark;                      /* 0: none */
	/* what, by type */
	char *agent_send; /* NULL: nothing */
	struct conf_exec exec;
	char *file;
};

struct conf_pool;
struct conf_server;

/* What counts for a server: its own check, or its pool's. NULL: none, the server is taken as up. */
const struct conf_check *conf_check_of(
	const struct conf_pool *pool, const struct conf_server *server);

/* The single checks of one: itself, or its members; *ret_n of them. */
static inline const struct conf_check *conf_check_members(
	const struct conf_check *check, size_t *ret_n)
{
	*ret_n = check->n_all ? check->n_all : check->n_any ? check->n_any : 1;
	return check->n_all ? check->all : check->n_any ? check->any : check;
}

/* Whether it, or one of its members, may ask for a weight. */
bool conf_check_gives_weight(const struct conf_check *check);
/* Whether checks of this type go to a port. */
bool conf_check_type_has_port(enum conf_check_type type);
/* Whether it, or one of its members, goes to the server's port. */
bool conf_check_wants_port(const struct conf_check *check);
