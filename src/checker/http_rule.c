/* Settings of checks by HTTP. The configuration was validated; here what would break a request (a
 * line break in a header) is refused once more. */
#include "checker/http_rule.h"

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/index.h"
#include "core/grpc_health.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STATUS_DEFAULT_FROM 200
#define STATUS_DEFAULT_TO 299

static const char *text_of(const json_t *settings, const char *key)
{
	return json_string_value(json_object_get(settings, key));
}

/* Whether a text can be in the first line of a request, or in a header. */
static bool is_line(const char *text, bool with_space)
{
	for (; *text; text++)
		if ((unsigned char)*text < (with_space ? ' ' : '!') || *text == 0x7f)
			return false;
	return true;
}

static int set_line(const char *text, const char *fallback, bool with_space, char **ret)
{
	if (text && !is_line(text, with_space))
		return -EINVAL;
	*ret = strdup(text ? text : fallback);
	return *ret ? 0 : -ENOMEM;
}

static int set_method(struct http_rule *rule, const json_t *settings)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "OPTIONS"};
	int r = set_line(text_of(settings, "method"), "GET", false, &rule->method);

	for (size_t i = 0; r == 0 && i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i], rule->method) == 0)
			return 0;
	return r < 0 ? r : -EINVAL;
}

static int add_header(struct http_rule *rule, const char *name, const char *value)
{
	/* A header without a value is written so for libcurl, which takes "Name:" as "leave yours
	 * out". */
	const char *between = *value ? ": " : ";";
	size_t size = strlen(name) + strlen(between) + strlen(value) + 1;
	auto_free char *line = malloc(size);
	struct curl_slist *longer;

	if (!line)
		return -ENOMEM;
	if (!*name || strpbrk(name, ":; ") || !is_line(name, false) || !is_line(value, true))
		return -EINVAL;
	(void)snprintf(line, size, "%s%s%s", name, between, value);
	longer = curl_slist_append(rule->headers, line);
	if (!longer)
		return -ENOMEM;
	rule->headers = longer;
	return 0;
}

/* libcurl's own header is left out: "Name:". */
static int leave_out(struct http_rule *rule, const char *line)
{
	struct curl_slist *longer = curl_slist_append(rule->headers, line);

	if (!longer)
		return -ENOMEM;
	rule->headers = longer;
	return 0;
}

static bool has_header(const struct http_rule *rule, const char *name)
{
	size_t len = strlen(name);

	for (const struct curl_slist *h = rule->headers; h; h = h->next)
		if (strncasecmp(h->data, name, len) == 0 && strchr(":;", h->data[len]))
			return true;
	return false;
}

static int add_own_headers(struct http_rule *rule)
{
	int r = 0;

	if (!has_header(rule, "User-Agent"))
		r = add_header(rule, "User-Agent", "tandem-checker/" TANDEM_VERSION);
	if (r == 0 && !rule->http2 && !has_header(rule, "Connection"))
		r = add_header(rule, "Connection", "close");
	if (r == 0 && rule->request) {
		r = leave_out(rule, "Expect:");
		if (r == 0 && !has_header(rule, "Content-Type"))
			r = leave_out(rule, "Content-Type:");
	}
	return r;
}

static int set_headers(struct http_rule *rule, const json_t *settings)
{
	const char *host = text_of(settings, "host"), *name;
	json_t *headers = json_object_get(settings, "headers"), *value;
	int r = host ? add_header(rule, "Host", host) : 0;

	json_object_foreach (headers, name, value) {
		const char *text = json_string_value(value);

		if (r == 0)
			r = text ? add_header(rule, name, text) : -EINVAL;
	}
	return r == 0 ? add_own_headers(rule) : r;
}

static int set_request(struct http_rule *rule, const json_t *settings)
{
	const char *body = text_of(settings, "request_body");

	if (strcmp(rule->method, "POST") != 0)
		return body ? -EINVAL : 0;
	rule->request = strdup(body ? body : "");
	if (!rule->request)
		return -ENOMEM;
	rule->request_len = strlen(rule->request);
	return 0;
}

static int set_version(struct http_rule *rule, const json_t *settings)
{
	const char *version = text_of(settings, "http_version");

	rule->http2 = version && strcmp(version, "2") == 0;
	return !version || rule->http2 || strcmp(version, "1.1") == 0 ? 0 : -EINVAL;
}

static void add_status_text(struct http_rule *rule, const struct http_status_range *range)
{
	char one[16];
	size_t len = strlen(rule->status_text);

	if (range->from == range->to)
		(void)snprintf(one, sizeof(one), "%u", range->from);
	else
		(void)snprintf(one, sizeof(one), "%u-%u", range->from, range->to);
	if (len + strlen(one) + 2 < HTTP_STATUS_TEXT_MAX - 4)
		(void)snprintf(rule->status_text + len, HTTP_STATUS_TEXT_MAX - len, "%s%s",
			len ? ", " : "", one);
	else if (len < HTTP_STATUS_TEXT_MAX - 4 && strcmp(rule->status_text + len - 2, "..") != 0)
		(void)snprintf(rule->status_text + len, HTTP_STATUS_TEXT_MAX - len, "..");
}

static int add_status(struct http_rule *rule, json_int_t from, json_int_t to)
{
	struct http_status_range range = {(uint16_t)from, (uint16_t)to};

	if (from < 100 || to > 599 || from > to || rule->n_status == HTTP_STATUS_RANGES_MAX)
		return -EINVAL;
	rule->status[rule->n_status++] = range;
	add_status_text(rule, &range);
	return 0;
}

/* An array of pairs. */
static int set_status(struct http_rule *rule, const json_t *settings)
{
	const json_t *list = json_object_get(settings, "status");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const json_t *pair = json_array_get(list, i);

		r = add_status(rule, json_integer_value(json_array_get(pair, 0)),
			json_integer_value(json_array_get(pair, 1)));
	}
	if (r == 0 && rule->n_status == 0)
		r = add_status(rule, STATUS_DEFAULT_FROM, STATUS_DEFAULT_TO);
	return r;
}

bool http_rule_wants(const struct http_rule *rule, long status)
{
	for (size_t i = 0; i < rule->n_status; i++)
		if (status >= rule->status[i].from && status <= rule->status[i].to)
			return true;
	return false;
}

static int set_http(struct http_rule *rule, const json_t *settings)
{
	int r = set_method(rule, settings);

	if (r == 0)
		r = set_line(text_of(settings, "path"), "/", false, &rule->path);
	if (r == 0 && rule->path[0] != '/' && strcmp(rule->path, "*") != 0)
		r = -EINVAL;
	if (r == 0)
		r = set_version(rule, settings);
	if (r == 0)
		r = set_request(rule, settings);
	if (r == 0)
		r = set_headers(rule, settings);
	if (r == 0)
		r = set_status(rule, settings);
	return r == 0 ? body_rule_parse(settings, &rule->body) : r;
}

static int set_grpc_request(struct http_rule *rule, const json_t *settings)
{
	const char *service = text_of(settings, "service");

	service = service ? service : "";
	if (strlen(service) > GRPC_SERVICE_MAX)
		return -EINVAL;
	rule->request = malloc(GRPC_REQUEST_MAX);
	if (!rule->request)
		return -ENOMEM;
	rule->request_len = grpc_health_build(service, rule->request);
	return 0;
}

static int set_grpc(struct http_rule *rule, const json_t *settings)
{
	const char *host = text_of(settings, "host");
	int r = set_line("POST", NULL, false, &rule->method);

	rule->http2 = true;
	rule->body.max = GRPC_FRAME_LEN + GRPC_REPLY_MAX;
	rule->body.keep = true;
	if (r == 0)
		r = set_line(GRPC_HEALTH_PATH, NULL, false, &rule->path);
	if (r == 0)
		r = set_grpc_request(rule, settings);
	if (r == 0)
		r = add_header(rule, "Content-Type", "application/grpc");
	if (r == 0)
		r = add_header(rule, "TE", "trailers");
	if (r == 0 && host)
		r = add_header(rule, "Host", host);
	if (r == 0)
		r = add_own_headers(rule);
	return r == 0 ? add_status(rule, 200, 200) : r;
}

/* A name to greet the server with, of the Host header's: without the port, and no address. */
static int default_server_name(struct http_rule *rule, const char *host)
{
	size_t len = host ? strcspn(host, ":") : 0;
	char *name = len > 0 && host[0] != '[' ? strndup(host, len) : NULL;
	struct addr a;

	if (name && addr_parse(name, &a)) {
		free(name);
		name = NULL;
	}
	rule->tls.server_name = name;
	return 0;
}

static bool has_authorities(const json_t *settings)
{
	return json_object_get(json_object_get(settings, "tls"), "ca_file") != NULL;
}

static int set_tls(struct http_rule *rule, const json_t *settings)
{
	struct tls_rule *tls = &rule->tls;
	int r;

	rule->secure = rule->kind == HTTP_KIND_HTTPS || rule->kind == HTTP_KIND_TLS ||
		       json_is_object(json_object_get(settings, "tls"));
	r = tls_rule_parse(json_object_get(settings, "tls"), tls);
	if (r == 0 && !tls->server_name)
		r = default_server_name(rule, text_of(settings, "host"));
	if (r == 0 && tls->server_name && !is_line(tls->server_name, false))
		r = -EINVAL;
	if (r == 0 && has_authorities(settings) && !tls->verify_name && tls->server_name) {
		tls->verify_name = strdup(tls->server_name);
		r = tls->verify_name ? 0 : -ENOMEM;
	}
	return r;
}

static int read_rule(struct http_rule *rule, const json_t *settings)
{
	int r = 0;

	if (rule->kind == HTTP_KIND_HTTP || rule->kind == HTTP_KIND_HTTPS)
		r = set_http(rule, settings);
	else if (rule->kind == HTTP_KIND_GRPC)
		r = set_grpc(rule, settings);
	return r == 0 ? set_tls(rule, settings) : r;
}

static void free_rule(struct http_rule *rule)
{
	if (!rule)
		return;
	free(rule->text);
	free(rule->method);
	free(rule->path);
	free(rule->request);
	curl_slist_free_all(rule->headers);
	body_rule_done(&rule->body);
	tls_rule_done(&rule->tls);
	free(rule);
}

static struct http_rule **bucket_of(struct http_rules *rules, const char *text)
{
	uint64_t hash = index_hash(INDEX_HASH, text, strlen(text));

	return &rules->buckets[(hash ^ hash >> 32) % HTTP_RULES_BUCKETS];
}

static int add_rule(struct http_rules *rules, enum http_kind kind, const json_t *settings,
	char **text, struct http_rule **ret)
{
	struct http_rule *rule = calloc(1, sizeof(*rule)), **bucket;
	int r = -ENOMEM;

	if (rule) {
		rule->kind = kind;
		r = read_rule(rule, settings);
	}
	if (r < 0) {
		free_rule(rule);
		return r;
	}
	bucket = bucket_of(rules, *text);
	rule->text = take_ptr(*text);
	rule->next = *bucket;
	*bucket = rule;
	*ret = rule;
	return 0;
}

static struct http_rule *find_rule(struct http_rules *rules, const char *text)
{
	struct http_rule *rule = *bucket_of(rules, text);

	while (rule && strcmp(rule->text, text) != 0)
		rule = rule->next;
	return rule;
}

int http_rules_get(struct http_rules *rules, enum http_kind kind, const json_t *settings,
	struct http_rule **ret)
{
	auto_free char *text = json_dumps(settings, JSON_COMPACT);
	struct http_rule *rule;
	int r = 0;

	if (!text)
		return -ENOMEM;
	rule = find_rule(rules, text);
	if (!rule)
		r = add_rule(rules, kind, settings, &text, &rule);
	if (r < 0)
		return r;
	rule->users++;
	*ret = rule;
	return 0;
}

void http_rules_release(struct http_rules *rules, struct http_rule *rule)
{
	struct http_rule **at;

	if (!rule || --rule->users > 0)
		return;
	at = bucket_of(rules, rule->text);
	while (*at != rule)
		at = &(*at)->next;
	*at = rule->next;
	free_rule(rule);
}
