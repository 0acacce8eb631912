/* How a server is checked: the part of conf.h that grows with each type of check. A type has a
 * value of enum conf_check_type, a name in conf_check.c, its keys in keys_check.c, a row in
 * rules_check.c for each of them, a struct here if it has settings of its own, and a function in
 * director/health/check_wire.c that tells these to the checker. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_INTERFACE_MAX 16
#define CONF_CHECK_MEMBERS_MAX 8 /* of a combination */
#define CONF_DOMAIN_MAX 256

enum conf_check_type {
	CONF_CHECK_TCP,
	CONF_CHECK_DNS,
	CONF_CHECK_PING,
	CONF_CHECK_SMTP,
	CONF_CHECK_UDP,
	CONF_CHECK_TLS,
	CONF_CHECK_HTTP,
	CONF_CHECK_HTTPS,
	CONF_CHECK_GRPC,
	CONF_CHECK_AGENT,
	CONF_CHECK_EXEC,
	CONF_CHECK_FILE,
	CONF_CHECK_NONE, /* no check: the server is taken as up */
	CONF_CHECK_TYPES
};
const char *conf_check_type_name(enum conf_check_type type); /* "tcp" */

struct conf_check_dns {
	char name[CONF_DOMAIN_MAX]; /* to ask for */
	uint32_t record;            /* of this type */
	uint8_t rcode;
	char *answer; /* one record must be that; NULL: any */
	bool tcp;     /* from the start */
};

struct conf_check_smtp {
	char helo[CONF_DOMAIN_MAX]; /* our name; "": the host's */
};

/* Of send and send_hex at most one is there, and of the replies. All NULL: as it says. */
struct conf_check_udp {
	char *send, *send_hex;                       /* an empty datagram */
	char *reply_contains, *reply_is, *reply_hex; /* none is needed */
	char *reply_matches;
};

#define CONF_CHECK_STATUSES_MAX 32
#define CONF_CHECK_HEADERS_MAX 32

enum conf_http_method {
	CONF_HTTP_GET,
	CONF_HTTP_HEAD,
	CONF_HTTP_POST,
	CONF_HTTP_OPTIONS,
};
const char *conf_http_method_name(enum conf_http_method method); /* "GET" */

struct conf_header {
	char *name, *value;
};

struct conf_statuses {
	uint16_t first, last; /* 100..599 */
};

/* Of http and https; grpc has the host and the service only. */
struct conf_check_http {
	enum conf_http_method method;
	uint8_t version;    /* 1 or 2 */
	char *host;         /* NULL: the address that is checked */
	char *path;         /* NULL: "/" */
	char *request_body; /* NULL: none */
	struct conf_header *headers;
	size_t n_headers;
	struct conf_statuses *statuses;
	size_t n_statuses;                                /* 0: 200 to 299 */
	char *body_contains, *body_matches, *body_sha256; /* NULL: whatever */
	uint32_t body_max;                                /* bytes that are looked at */
	char *service;                                    /* of grpc; NULL: the whole server */
};

/* The names of versions of TLS. */
enum conf_tls_version {
	CONF_TLS_1_0,
	CONF_TLS_1_1,
	CONF_TLS_1_2,
	CONF_TLS_1_3,
};
const char *conf_tls_version_name(enum conf_tls_version version); /* "1.2" */

/* NULL: none, or the default. */
struct conf_check_tls {
	char *server_name, *verify_name, *alpn;
	char *ca_file, *certificate_file, *key_file;
	enum conf_tls_version min_version;
	uint64_t expires_within_us; /* 0: whenever */
	uint64_t warn_within_us;
};

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
	bool through_service;               /* and by the way of the service's clients */
	/* what, by type */
	struct conf_check_dns dns;
	struct conf_check_smtp smtp;
	struct conf_check_udp udp;
	uint16_t ping_size; /* bytes of data */
	struct conf_check_http http;
	struct conf_check_tls *tls; /* NULL: without, or with nothing said about it */
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
