/* Settings of checks. Each type has its function here; what it does not write, the checker does not
 * know, and does not tell two targets apart. */
#include "director/health/check_wire.h"

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/sha256.h"
#include "core/dns_message.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

static void write_addr(struct writer *w, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	if (a->family)
		writer_text(w, key, addr_format(a, text));
}

static void write_way(struct writer *w, const struct conf_check *check)
{
	write_addr(w, "source", &check->source);
	if (check->interface[0])
		writer_text(w, "interface", check->interface);
	if (check->mark)
		writer_number(w, "mark", check->mark);
}

static void write_interval(struct writer *w, const char *key, uint64_t interval_us)
{
	if (interval_us)
		writer_number(w, key, (int64_t)interval_us);
}

/* What an id does not spell out: few checks have it. */
static void write_other_intervals(struct writer *w, const struct conf_check *check)
{
	write_interval(w, "fail_interval_us", check->fail_interval_us);
	write_interval(w, "down_interval_us", check->down_interval_us);
	write_interval(w, "standby_interval_us", check->standby_interval_us);
}

static void write_rule(struct writer *w, const struct conf_check *check)
{
	writer_number(w, "interval_us", (int64_t)check->interval_us);
	writer_number(w, "timeout_us", (int64_t)check->timeout_us);
	writer_number(w, "rise", check->rise);
	writer_number(w, "fall", check->fall);
	writer_number(w, "jitter_percent", check->jitter_percent);
}

static void write_dns(struct writer *w, const struct conf_check_dns *dns)
{
	char buf[16];

	writer_text(w, "name", dns->name);
	writer_text(w, "record", dns_type_name((uint16_t)dns->record, buf));
	writer_text(w, "rcode", dns_rcode_name(dns->rcode, buf));
	if (dns->answer)
		writer_text(w, "answer", dns->answer);
	if (dns->tcp)
		writer_text(w, "transport", "tcp");
}

/* Text, or what is hexadecimal already. */
static void write_bytes(struct writer *w, const char *key, const char *text, const char *hex)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = text ? strlen(text) : 0;
	auto_free char *own = text ? malloc(2 * len + 1) : NULL;

	for (size_t i = 0; own && i < len; i++) {
		own[2 * i] = digits[(uint8_t)text[i] >> 4];
		own[2 * i + 1] = digits[(uint8_t)text[i] & 0xf];
	}
	if (own)
		own[2 * len] = '\0';
	w->failed = w->failed || (text && !own);
	if (own || hex)
		writer_text(w, key, own ? own : hex);
}

/* Silence means something after half of the timeout: the other half is for what this host lacks. */
static void write_wait(struct writer *w, const struct conf_check *check)
{
	writer_number(w, "wait_us", (int64_t)(check->timeout_us / 2));
}

static void write_udp(struct writer *w, const struct conf_check *check)
{
	const struct conf_check_udp *udp = &check->udp;

	write_bytes(w, "send", udp->send, udp->send_hex);
	write_bytes(w, "reply_contains", udp->reply_contains, NULL);
	write_bytes(w, "reply_is", udp->reply_is, udp->reply_hex);
	if (udp->reply_matches)
		writer_text(w, "reply_matches", udp->reply_matches);
	write_wait(w, check);
}

static void write_given(struct writer *w, const char *key, const char *text)
{
	if (text)
		writer_text(w, key, text);
}

static void write_tls(struct writer *w, const struct conf_check_tls *tls)
{
	if (!tls)
		return;
	writer_object(w, "tls");
	write_given(w, "server_name", tls->server_name);
	write_given(w, "verify_name", tls->verify_name);
	write_given(w, "alpn", tls->alpn);
	write_given(w, "ca_file", tls->ca_file);
	write_given(w, "certificate_file", tls->certificate_file);
	write_given(w, "key_file", tls->key_file);
	writer_text(w, "min_version", conf_tls_version_name(tls->min_version));
	if (tls->expires_within_us)
		writer_number(w, "expires_within_us", (int64_t)tls->expires_within_us);
	writer_number(w, "warn_within_us", (int64_t)tls->warn_within_us);
	writer_end_object(w);
}

static void write_headers(struct writer *w, const struct conf_check_http *http)
{
	if (http->n_headers == 0)
		return;
	writer_object(w, "headers");
	for (size_t i = 0; i < http->n_headers; i++)
		writer_text(w, http->headers[i].name, http->headers[i].value);
	writer_end_object(w);
}

static void write_statuses(struct writer *w, const struct conf_check_http *http)
{
	if (http->n_statuses == 0)
		return;
	writer_array(w, "status");
	for (size_t i = 0; i < http->n_statuses; i++) {
		writer_array(w, NULL);
		writer_number(w, NULL, http->statuses[i].first);
		writer_number(w, NULL, http->statuses[i].last);
		writer_end_array(w);
	}
	writer_end_array(w);
}

static void write_http(struct writer *w, const struct conf_check_http *http)
{
	writer_text(w, "method", conf_http_method_name(http->method));
	write_given(w, "host", http->host);
	write_given(w, "path", http->path);
	write_headers(w, http);
	write_given(w, "request_body", http->request_body);
	writer_text(w, "http_version", http->version == 2 ? "2" : "1.1");
	write_statuses(w, http);
	write_given(w, "body_contains", http->body_contains);
	write_given(w, "body_matches", http->body_matches);
	write_given(w, "body_sha256", http->body_sha256);
	writer_number(w, "body_max", http->body_max);
}

static void write_grpc(struct writer *w, const struct conf_check_http *http)
{
	write_given(w, "host", http->host);
	write_given(w, "service", http->service);
}

static void write_texts(struct writer *w, const char *key, char *const *texts)
{
	writer_array(w, key);
	for (; texts && *texts; texts++)
		writer_text(w, NULL, *texts);
	writer_end_array(w);
}

/* The program is run by the director; what the checker does with it is to tell targets apart. */
static void write_exec(struct writer *w, const struct conf_exec *exec)
{
	write_texts(w, "command", exec->argv);
	write_texts(w, "environment", exec->environment);
	if (exec->user)
		writer_text(w, "user", exec->user);
	writer_bool(w, "exit_weight", exec->exit_weight);
}

/* What is particular to the type. */
static void write_own(struct writer *w, const struct conf_check *check)
{
	switch (check->type) {
	case CONF_CHECK_DNS:
		write_dns(w, &check->dns);
		break;
	case CONF_CHECK_PING:
		writer_number(w, "size", check->ping_size);
		break;
	case CONF_CHECK_SMTP:
		if (check->smtp.helo[0])
			writer_text(w, "helo", check->smtp.helo);
		break;
	case CONF_CHECK_UDP:
		write_udp(w, check);
		break;
	case CONF_CHECK_HTTP:
	case CONF_CHECK_HTTPS:
		write_http(w, &check->http);
		write_tls(w, check->tls);
		break;
	case CONF_CHECK_GRPC:
		write_grpc(w, &check->http);
		write_tls(w, check->tls);
		break;
	case CONF_CHECK_TLS:
		write_tls(w, check->tls);
		break;
	case CONF_CHECK_AGENT:
		if (check->agent_send)
			writer_text(w, "send", check->agent_send);
		break;
	case CONF_CHECK_EXEC:
		write_exec(w, &check->exec);
		break;
	case CONF_CHECK_FILE:
		writer_text(w, "file", check->file);
		break;
	case CONF_CHECK_TCP:
	case CONF_CHECK_NONE:
	case CONF_CHECK_TYPES:
		break;
	}
}

void check_write_settings(struct writer *w, const struct conf_check *check)
{
	write_rule(w, check);
	write_other_intervals(w, check);
	write_way(w, check);
	writer_object(w, "settings");
	write_own(w, check);
	writer_end_object(w);
}

void check_write_arp_settings(struct writer *w, const struct conf_check *check)
{
	write_rule(w, check);
	write_other_intervals(w, check);
	writer_object(w, "settings");
	write_wait(w, check);
	writer_end_object(w);
}

/* Of what check_text() does not spell out; false when there is nothing of that. */
static bool digest(const struct conf_check *check, char ret[static 2 * SHA256_LEN + 1])
{
	static const char nothing[] = "{\"settings\":{}}";
	struct writer w = {0};
	auto_free char *text = NULL;
	uint8_t bytes[SHA256_LEN] = {0};
	struct sha256 s;

	writer_object(&w, NULL);
	write_other_intervals(&w, check);
	write_way(&w, check);
	writer_object(&w, "settings");
	write_own(&w, check);
	writer_end_object(&w);
	writer_end_object(&w);
	text = writer_take(&w);
	if (!text || strcmp(text, nothing) == 0)
		return false;
	sha256_init(&s);
	sha256_add(&s, text, strlen(text));
	sha256_end(&s, bytes);
	for (size_t i = 0; i < SHA256_LEN; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

const char *check_text(const struct conf_check *check, char buf[static CHECK_TEXT_MAX])
{
	char interval[DURATION_TEXT_MAX], timeout[DURATION_TEXT_MAX], hex[2 * SHA256_LEN + 1];
	bool more = digest(check, hex);

	(void)snprintf(buf, CHECK_TEXT_MAX,
		" every %s timeout %s rise %u fall %u jitter %u%%%s%.12s",
		duration_format(check->interval_us, interval),
		duration_format(check->timeout_us, timeout), check->rise, check->fall,
		check->jitter_percent, more ? " #" : "", more ? hex : "");
	return buf;
}

uint64_t check_capabilities(const struct conf_check *check)
{
	bool raw = check->mark || check->through_service || check->type == CONF_CHECK_PING;

	return raw ? UINT64_C(1) << CAP_NET_RAW : 0;
}
