/* The check types "http", "https", "grpc" and "tls": a request by libcurl, and what its answer is
 * worth. Every attempt opens a connection of its own, since that is part of what is checked, and
 * ends it by a reset, which leaves no TIME_WAIT behind. Nothing is resolved, no redirect followed,
 * no proxy used and nothing decompressed. What is kept of an attempt exists only while it runs. */
#include "checker/probe.h"

#include "base/cleanup.h"
#include "checker/curl_loop.h"
#include "checker/http_rule.h"
#include "checker/types.h"
#include "core/grpc_health.h"

#include <errno.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HEADERS_MAX 65536          /* bytes, of all answers that precede the last one too */
#define RECEIVED_EXTRA 1048576     /* beside the body: headers, handshakes, frames */
#define RECEIVED_PER_BODY_BYTE 8   /* a chunk of one byte takes six */
#define RECEIVE_BUFFER_BYTES 65536 /* in the kernel; the window that a server sees */
#define READ_BUFFER_BYTES 8192L    /* libcurl's */
#define ROUNDS_PER_LOOK 4          /* at what came, in rounds of reading */
#define TRANSFER_MAX_MS 86400000L  /* the deadline of an attempt is its target's */
#define URL_MAX (24 + 256 + ADDR_TEXT_MAX)
#define CONNECT_TO_MAX (16 + ADDR_TEXT_MAX)
#define NOTE_MAX 48
#define CONNECTION_ESTABLISHED 1 /* the kernel's TCP_ESTABLISHED, of no header for programs */

struct prober {
	enum http_kind kind;
	struct curl_loop *loop;
	struct http_rules rules;
	probe_ended ended;
};

struct attempt {
	struct curl_transfer transfer;
	struct probe *probe;
	struct body_match body;
	struct tls_seen tls;
	bool headers_done; /* of the answer that counts */
	bool body_enough;  /* the rest of it was left */
	size_t headers_len;
	unsigned rounds;
	int socket_error;              /* errno of a socket that could not be had, 0 */
	int grpc_status;               /* -1: none came */
	long status;                   /* of HTTP, 0 before it came */
	char reason[PROBE_REASON_MAX]; /* why it failed, "": nothing known yet */
	char words[CURL_ERROR_SIZE];   /* libcurl's */
	struct curl_slist connect_to;
	char connect_to_text[CONNECT_TO_MAX];
};

struct probe {
	struct prober *prober;
	struct probe_endpoint endpoint;
	struct http_rule *rule;
	void *target;
	struct attempt *attempt; /* NULL: none under way */
};

/* --- What libcurl calls during an attempt --- */

__attribute__((format(printf, 2, 3))) static void fail(struct attempt *a, const char *format, ...)
{
	va_list args;

	if (a->reason[0] != '\0')
		return;
	va_start(args, format);
	(void)vsnprintf(a->reason, sizeof(a->reason), format, args);
	va_end(args);
}

/* What the kernel knows of the connection; zero when there is none. */
static struct tcp_info connection_of(const struct attempt *a)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (a->transfer.fd >= 0)
		(void)getsockopt(a->transfer.fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info;
}

/* libcurl calls a connection one when its TLS stands, too. */
static bool is_connected(const struct attempt *a)
{
	curl_off_t connected_us = 0;

	(void)curl_easy_getinfo(a->transfer.easy, CURLINFO_CONNECT_TIME_T, &connected_us);
	return connected_us > 0 || connection_of(a).tcpi_state == CONNECTION_ESTABLISHED;
}

static const char *phase_of(const struct attempt *a)
{
	curl_off_t secured_us = 0;

	if (!is_connected(a))
		return "connect";
	(void)curl_easy_getinfo(a->transfer.easy, CURLINFO_APPCONNECT_TIME_T, &secured_us);
	if (a->probe->rule->secure && secured_us == 0)
		return "TLS handshake";
	if (a->headers_done)
		return "HTTP body";
	if (a->headers_len > 0)
		return "HTTP headers";
	return a->probe->rule->http2 ? "HTTP/2 answer" : "HTTP answer";
}

static curl_socket_t open_socket(
	void *userdata, curlsocktype purpose, struct curl_sockaddr *address)
{
	static const struct linger reset_on_close = {.l_onoff = 1};
	static const int receive_buffer = RECEIVE_BUFFER_BYTES;
	struct attempt *a = userdata;
	auto_close int fd = probe_socket_open(&a->probe->endpoint, SOCK_STREAM, IPPROTO_TCP);

	(void)purpose;
	(void)address;
	if (fd < 0)
		a->socket_error = -fd;
	else if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof(reset_on_close)) <
			 0 ||
		 setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer)) < 0)
		a->socket_error = errno;
	return a->socket_error ? CURL_SOCKET_BAD : take_fd(&fd);
}

static CURLcode set_up_tls(CURL *easy, void *context, void *userdata)
{
	struct attempt *a = userdata;

	(void)easy;
	return tls_rule_apply(context, &a->tls) == 0 ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* Whether what the answer begins with is as wanted. */
static bool judge_headers(struct attempt *a)
{
	const struct http_rule *rule = a->probe->rule;
	long version = 0;

	(void)curl_easy_getinfo(a->transfer.easy, CURLINFO_HTTP_VERSION, &version);
	if (rule->http2 && version != CURL_HTTP_VERSION_2)
		fail(a, "HTTP/2: the server does not speak it");
	else if (!http_rule_wants(rule, a->status))
		fail(a, "HTTP %ld, wanted %s", a->status, rule->status_text);
	return a->reason[0] == '\0';
}

static void read_grpc_status(struct attempt *a, const char *line, size_t len)
{
	static const char name[] = "grpc-status:";
	char number[8];
	char *end;
	long value;

	if (len < sizeof(name) || strncasecmp(line, name, sizeof(name) - 1) != 0)
		return;
	(void)snprintf(number, sizeof(number), "%.*s", (int)(len - sizeof(name) + 1),
		line + sizeof(name) - 1);
	value = strtol(number, &end, 10);
	a->grpc_status = end > number && value >= 0 && value < 1000 ? (int)value : 999;
}

/* One line, of headers or trailers. Answers like 100 and 103 may precede the one that counts. */
static size_t take_header(char *line, size_t size, size_t len, void *userdata)
{
	struct attempt *a = userdata;

	(void)size;
	a->headers_len += len;
	if (a->headers_len > HEADERS_MAX) {
		fail(a, "HTTP: more than %d bytes of headers", HEADERS_MAX);
		return 0;
	}
	read_grpc_status(a, line, len);
	if (a->headers_done || (line[0] != '\r' && line[0] != '\n'))
		return len;
	(void)curl_easy_getinfo(a->transfer.easy, CURLINFO_RESPONSE_CODE, &a->status);
	if (a->status < 200)
		return len;
	a->headers_done = true;
	return judge_headers(a) ? len : 0;
}

/* What a server sends beside headers and body (extensions of chunks, frames of HTTP/2, records of
 * TLS) libcurl swallows without a word, and goes on reading as long as there is something to read.
 * So in between the kernel's count of bytes is looked at. */
static int look_at_progress(
	void *userdata, curl_off_t down_max, curl_off_t down, curl_off_t up_max, curl_off_t up)
{
	struct attempt *a = userdata;
	uint64_t max = RECEIVED_EXTRA + a->probe->rule->body.max * RECEIVED_PER_BODY_BYTE;

	(void)down_max;
	(void)down;
	(void)up_max;
	(void)up;
	if (++a->rounds % ROUNDS_PER_LOOK != 0 || connection_of(a).tcpi_bytes_received <= max)
		return 0;
	fail(a, "%s: more than %llu bytes received", phase_of(a), (unsigned long long)max);
	return 1;
}

static size_t take_body(char *bytes, size_t size, size_t len, void *userdata)
{
	struct attempt *a = userdata;

	(void)size;
	if (body_match_add(&a->body, &a->probe->rule->body, bytes, len))
		return len;
	a->body_enough = true;
	return 0;
}

/* --- What came out --- */

static enum probe_outcome judge_grpc(const struct attempt *a, struct probe_result *ret)
{
	enum grpc_health health = grpc_health_parse(a->body.kept, a->body.len);

	if (a->grpc_status > 0)
		return probe_result_set(
			ret, PROBE_FAILED, "gRPC: %s", grpc_status_name((unsigned)a->grpc_status));
	if (a->grpc_status < 0)
		return probe_result_set(ret, PROBE_FAILED, "gRPC: an answer without a status");
	if (health != GRPC_HEALTH_SERVING)
		return probe_result_set(ret, PROBE_FAILED, "gRPC: %s", grpc_health_name(health));
	ret->timed = true;
	return probe_result_set(ret, PROBE_PASSED, "gRPC: %s", grpc_health_name(health));
}

static enum probe_outcome judge_http(const struct attempt *a, struct probe_result *ret)
{
	char reason[PROBE_REASON_MAX], note[NOTE_MAX];

	if (!body_match_judge(&a->body, &a->probe->rule->body, reason, sizeof(reason)))
		return probe_result_set(ret, PROBE_FAILED, "%s", reason);
	ret->timed = true;
	return probe_result_set(ret, PROBE_PASSED, "HTTP %ld%s", a->status,
		tls_seen_note(&a->tls, note, sizeof(note)));
}

static enum probe_outcome judge_handshake(const struct attempt *a, struct probe_result *ret)
{
	char note[NOTE_MAX];

	ret->timed = true;
	return probe_result_set(
		ret, PROBE_PASSED, "TLS handshake%s", tls_seen_note(&a->tls, note, sizeof(note)));
}

/* A transfer that is complete. */
static enum probe_outcome judge(struct attempt *a, struct probe_result *ret)
{
	if (a->probe->rule->secure && !tls_seen_judge(&a->tls))
		return probe_result_set(ret, PROBE_FAILED, "%s", a->tls.reason);
	switch (a->probe->rule->kind) {
	case HTTP_KIND_GRPC:
		return judge_grpc(a, ret);
	case HTTP_KIND_TLS:
		return judge_handshake(a, ret);
	case HTTP_KIND_HTTP:
	case HTTP_KIND_HTTPS:
		break;
	}
	return judge_http(a, ret);
}

/* A connection that broke: by an errno, or by what TLS says about it. */
static enum probe_outcome explain_break(
	const struct attempt *a, CURLcode code, struct probe_result *ret)
{
	bool unsecured = code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION;
	const char *phase = unsecured ? "TLS handshake" : phase_of(a);
	char text[PROBE_REASON_MAX];
	long error = 0;

	if (strstr(a->words, "::"))
		return probe_result_set(ret, PROBE_FAILED, "%s: %s", phase,
			tls_error_text(a->words, text, sizeof(text)));
	if (strstr(a->words, "nghttp2"))
		return probe_result_set(ret, PROBE_FAILED, "%s: not what HTTP/2 allows", phase);
	(void)curl_easy_getinfo(a->transfer.easy, CURLINFO_OS_ERRNO, &error);
	if (error != 0)
		return probe_failed(ret, phase, (int)error);
	return probe_result_set(ret, PROBE_FAILED, "%s: %s", phase,
		code == CURLE_RECV_ERROR && a->words[0] ? a->words : "closed by the server");
}

static enum probe_outcome explain(const struct attempt *a, CURLcode code, struct probe_result *ret)
{
	switch ((int)code) {
	case CURLE_OK: /* an end is as good as any to it */
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return explain_break(a, code, ret);
	case CURLE_PARTIAL_FILE:
		return probe_result_set(
			ret, PROBE_FAILED, "body: ended early, after %zu bytes", a->body.len);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return probe_result_set(ret, PROBE_FAILED, "HTTP: what came is no answer");
	case CURLE_OUT_OF_MEMORY:
		/* It says so of a line of headers beyond its limits as well, and a server must not
		 * be able to have its checks put off. */
		return probe_result_set(
			ret, PROBE_FAILED, "%s: too long a line, or no memory", phase_of(a));
	default:
		return probe_result_set(ret, PROBE_FAILED, "%s: %s", phase_of(a),
			a->words[0] ? a->words : curl_easy_strerror(code));
	}
}

/* As far as it was wanted. */
static bool is_complete(const struct attempt *a, CURLcode code)
{
	return (code == CURLE_OK || a->body_enough) &&
	       (a->headers_done || a->probe->rule->kind == HTTP_KIND_TLS);
}

static void conclude(struct attempt *a, CURLcode code, struct probe_result *ret)
{
	probe_result_init(ret);
	if (a->socket_error != 0)
		(void)probe_failed(ret, "connect", a->socket_error);
	else if (a->tls.reason[0] != '\0')
		(void)probe_result_set(ret, PROBE_FAILED, "%s", a->tls.reason);
	else if (a->reason[0] != '\0')
		(void)probe_result_set(ret, PROBE_FAILED, "%s", a->reason);
	else if (is_complete(a, code))
		(void)judge(a, ret);
	else
		(void)explain(a, code, ret);
}

/* --- Attempts --- */

static void free_attempt(struct attempt *a)
{
	if (!a)
		return;
	curl_easy_cleanup(a->transfer.easy);
	body_match_done(&a->body);
	free(a);
}

static void transfer_ended(struct curl_transfer *transfer, CURLcode code)
{
	/* It is the first member. */
	struct attempt *a = (struct attempt *)(void *)transfer;
	struct probe *p = a->probe;
	struct probe_result result;

	conclude(a, code, &result);
	p->attempt = NULL;
	free_attempt(a);
	p->prober->ended(p->target, &result);
}

/* The name that the server is greeted with stands in the URL, and the address to connect to beside
 * it; else the address stands in the URL. Either way nothing is looked up. */
static unsigned set_place(struct attempt *a)
{
	const struct probe *p = a->probe;
	const char *scheme = p->rule->secure ? "https" : "http", *name = p->rule->tls.server_name;
	bool v6 = p->endpoint.address.family == AF_INET6;
	char address[ADDR_TEXT_MAX], host[ADDR_TEXT_MAX + 2], url[URL_MAX];
	unsigned bad = 0;

	(void)snprintf(
		host, sizeof(host), v6 ? "[%s]" : "%s", addr_format(&p->endpoint.address, address));
	(void)snprintf(
		url, sizeof(url), "%s://%.255s:%u/", scheme, name ? name : host, p->endpoint.port);
	bad |= curl_easy_setopt(a->transfer.easy, CURLOPT_URL, url);
	if (name) {
		(void)snprintf(a->connect_to_text, sizeof(a->connect_to_text), "::%s:%u", host,
			p->endpoint.port);
		a->connect_to.data = a->connect_to_text;
		bad |= curl_easy_setopt(a->transfer.easy, CURLOPT_CONNECT_TO, &a->connect_to);
	}
	return bad;
}

static unsigned set_limits(CURL *easy)
{
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	bad |= curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	bad |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BUFFER_BYTES);
	bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, TRANSFER_MAX_MS);
	bad |= curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	/* What is verified, set_up_tls() has OpenSSL verify. */
	bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	return bad;
}

static unsigned set_callbacks(struct attempt *a)
{
	CURL *easy = a->transfer.easy;
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, a->words);
	bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, a);
	bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, a);
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
	bad |= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	bad |= curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_at_progress);
	bad |= curl_easy_setopt(easy, CURLOPT_XFERINFODATA, a);
	bad |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
	bad |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, a);
	return bad;
}

static long version_of(const struct http_rule *rule)
{
	if (!rule->http2)
		return CURL_HTTP_VERSION_1_1;
	return rule->secure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

static unsigned set_request(CURL *easy, const struct http_rule *rule)
{
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version_of(rule));
	bad |= curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, rule->path);
	bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, rule->headers);
	if (rule->request) {
		bad |= curl_easy_setopt(
			easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rule->request_len);
		bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, rule->request);
	} else if (strcmp(rule->method, "HEAD") == 0) {
		bad |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(rule->method, "GET") != 0) {
		bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, rule->method);
	}
	return bad;
}

static unsigned set_handshake_only(CURL *easy)
{
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L); /* ours only, if any */
	return bad;
}

static int prepare(struct attempt *a)
{
	const struct http_rule *rule = a->probe->rule;
	unsigned bad = 0;

	a->transfer.easy = curl_easy_init();
	if (!a->transfer.easy)
		return -ENOMEM;
	bad |= set_limits(a->transfer.easy);
	bad |= set_callbacks(a);
	bad |= set_place(a);
	bad |= rule->kind == HTTP_KIND_TLS ? set_handshake_only(a->transfer.easy)
					   : set_request(a->transfer.easy, rule);
	return bad ? -ENOMEM : 0;
}

static enum probe_outcome http_start(struct probe *p, struct probe_result *ret)
{
	struct attempt *a;
	char error[PROBE_REASON_MAX];
	int64_t now_s = time(NULL);

	if (p->rule->secure && tls_rule_refresh(&p->rule->tls, now_s, error, sizeof(error)) < 0)
		return probe_result_set(ret, PROBE_POSTPONED, "%s", error);
	a = calloc(1, sizeof(*a));
	if (!a)
		return probe_failed(ret, "start", ENOMEM);
	a->probe = p;
	a->grpc_status = -1;
	body_match_init(&a->body);
	tls_seen_init(&a->tls, &p->rule->tls, now_s);
	if (prepare(a) < 0 || curl_loop_add(p->prober->loop, &a->transfer) < 0) {
		free_attempt(a);
		return probe_failed(ret, "start", ENOMEM);
	}
	p->attempt = a;
	return PROBE_RUNNING;
}

static const char *http_abandon(struct probe *p)
{
	const char *phase = "connect";

	if (!p->attempt)
		return phase;
	phase = phase_of(p->attempt);
	curl_loop_remove(p->prober->loop, &p->attempt->transfer);
	free_attempt(p->attempt);
	p->attempt = NULL;
	return phase;
}

static int http_new(struct prober *prober, const struct probe_endpoint *endpoint,
	const json_t *settings, void *target, struct probe **ret)
{
	struct probe *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	*p = (struct probe){.prober = prober, .endpoint = *endpoint, .target = target};
	r = http_rules_get(&prober->rules, prober->kind, settings, &p->rule);
	if (r < 0) {
		free(p);
		return r;
	}
	*ret = p;
	return 0;
}

static void http_free(struct probe *p)
{
	if (!p)
		return;
	(void)http_abandon(p);
	http_rules_release(&p->prober->rules, p->rule);
	free(p);
}

/* --- Types --- */

static void http_close(struct prober *prober)
{
	if (!prober)
		return;
	curl_loop_free(prober->loop);
	free(prober);
	curl_global_cleanup(); /* libcurl counts */
}

static int open_kind(const struct probe_host *host, enum http_kind kind, struct prober **ret)
{
	struct prober *prober;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	prober = calloc(1, sizeof(*prober));
	if (!prober) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	prober->kind = kind;
	prober->ended = host->ended;
	r = curl_loop_new(host->loop, transfer_ended, &prober->loop);
	if (r < 0) {
		http_close(prober);
		return r;
	}
	*ret = prober;
	return 0;
}

static int http_open(const struct probe_host *host, struct prober **ret)
{
	return open_kind(host, HTTP_KIND_HTTP, ret);
}

static int https_open(const struct probe_host *host, struct prober **ret)
{
	return open_kind(host, HTTP_KIND_HTTPS, ret);
}

static int tls_open(const struct probe_host *host, struct prober **ret)
{
	return open_kind(host, HTTP_KIND_TLS, ret);
}

static int grpc_open(const struct probe_host *host, struct prober **ret)
{
	return open_kind(host, HTTP_KIND_GRPC, ret);
}

const struct probe_type http_probe_type = {
	.name = "http",
	.descriptors = 1,
	.open = http_open,
	.close = http_close,
	.new = http_new,
	.free = http_free,
	.start = http_start,
	.abandon = http_abandon,
};

const struct probe_type https_probe_type = {
	.name = "https",
	.descriptors = 1,
	.open = https_open,
	.close = http_close,
	.new = http_new,
	.free = http_free,
	.start = http_start,
	.abandon = http_abandon,
};

const struct probe_type tls_probe_type = {
	.name = "tls",
	.descriptors = 1,
	.open = tls_open,
	.close = http_close,
	.new = http_new,
	.free = http_free,
	.start = http_start,
	.abandon = http_abandon,
};

const struct probe_type grpc_probe_type = {
	.name = "grpc",
	.descriptors = 1,
	.open = grpc_open,
	.close = http_close,
	.new = http_new,
	.free = http_free,
	.start = http_start,
	.abandon = http_abandon,
};
