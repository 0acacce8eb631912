/* What a check by HTTP (or by TLS alone, or by gRPC over HTTP/2) asks and wants to hear: read once,
 * and shared by all targets that ask the same. */
#pragma once

#include "checker/http_match.h"
#include "checker/tls_rule.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_STATUS_RANGES_MAX 32
#define HTTP_STATUS_TEXT_MAX 40

enum http_kind {
	HTTP_KIND_HTTP,
	HTTP_KIND_HTTPS,
	HTTP_KIND_TLS,  /* nothing but the handshake */
	HTTP_KIND_GRPC, /* over TLS when the settings have an object "tls" */
};

struct http_status_range {
	uint16_t from, to; /* 100..599 */
};

struct http_rule {
	/* private to http_rule.c */
	char *text;
	struct http_rule *next;
	unsigned users;
	/* the request */
	enum http_kind kind;
	bool secure;  /* over TLS */
	bool http2;   /* else HTTP/1.1 */
	char *method; /* GET, HEAD, POST or OPTIONS */
	char *path;   /* with its query; or "*" */
	struct curl_slist *headers;
	void *request; /* what is sent after the headers */
	size_t request_len;
	/* the answer */
	struct http_status_range status[HTTP_STATUS_RANGES_MAX];
	size_t n_status;
	char status_text[HTTP_STATUS_TEXT_MAX]; /* "200-299, 304" */
	struct body_rule body;
	struct tls_rule tls;
};

/* Those in use. Begins as {0}. */
#define HTTP_RULES_BUCKETS 256
struct http_rules {
	struct http_rule *buckets[HTTP_RULES_BUCKETS]; /* by a hash of their text */
};

/* The rule that these settings make: 0, -EINVAL or -ENOMEM. It is released with
 * http_rules_release(). */
int http_rules_get(struct http_rules *rules, enum http_kind kind, const json_t *settings,
	struct http_rule **ret);
void http_rules_release(struct http_rules *rules, struct http_rule *rule); /* NULL is fine */

bool http_rule_wants(const struct http_rule *rule, long status);
