/* Rules about checks by HTTP, TLS and gRPC. */
#include "base/pattern.h"
#include "conf/alloc.h"
#include "conf/rules.h"

#include <string.h>

static char *path_mistake(const struct conf_check_http *http)
{
	if (!http->path || http->path[0] == '/')
		return NULL;
	if (strcmp(http->path, "*") == 0 && http->method == CONF_HTTP_OPTIONS)
		return NULL;
	return conf_dup("must begin with a slash");
}

char *rules_pattern_mistake(const char *text)
{
	char error[PATTERN_ERROR_MAX];
	struct pattern *pattern = NULL;
	int r = pattern_new(text, error, &pattern);

	pattern_free(pattern);
	return r < 0 ? conf_printf("is no regular expression: %s", error) : NULL;
}

static char *tls_mistake(const struct conf_check *check)
{
	const struct conf_check_tls *tls = check->tls;

	if (tls->key_file && !tls->certificate_file)
		return conf_dup("key_file is only for a certificate_file");
	if (tls->alpn && check->type != CONF_CHECK_TLS)
		return conf_dup("alpn is only for a check of type tls");
	return NULL;
}

char *rules_http_mistake(const struct conf_check *check, const char **ret_key)
{
	const struct conf_check_http *http = &check->http;
	char *mistake = path_mistake(http);

	*ret_key = "path";
	if (mistake)
		return mistake;
	*ret_key = "request_body";
	if (http->request_body && http->method != CONF_HTTP_POST)
		return conf_dup("only for the method POST");
	*ret_key = "method";
	if (http->method == CONF_HTTP_HEAD &&
		(http->body_contains || http->body_matches || http->body_sha256))
		return conf_dup("the answer to a HEAD has no body");
	*ret_key = "body_matches";
	mistake = http->body_matches ? rules_pattern_mistake(http->body_matches) : NULL;
	if (mistake)
		return mistake;
	*ret_key = "tls";
	return check->tls ? tls_mistake(check) : NULL;
}
