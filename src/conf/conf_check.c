/* What is asked of a check, whatever its type. */
#include "conf/conf.h"

#include <assert.h>

static const char *const type_names[CONF_CHECK_TYPES] = {
	[CONF_CHECK_TCP] = "tcp",
	[CONF_CHECK_DNS] = "dns",
	[CONF_CHECK_PING] = "ping",
	[CONF_CHECK_SMTP] = "smtp",
	[CONF_CHECK_UDP] = "udp",
	[CONF_CHECK_TLS] = "tls",
	[CONF_CHECK_HTTP] = "http",
	[CONF_CHECK_HTTPS] = "https",
	[CONF_CHECK_GRPC] = "grpc",
	[CONF_CHECK_AGENT] = "agent",
	[CONF_CHECK_EXEC] = "exec",
	[CONF_CHECK_FILE] = "file",
	[CONF_CHECK_NONE] = "none",
};

const char *conf_check_type_name(enum conf_check_type type)
{
	assert(type < CONF_CHECK_TYPES);
	return type_names[type];
}

const char *conf_http_method_name(enum conf_http_method method)
{
	static const char *const names[] = {
		[CONF_HTTP_GET] = "GET",
		[CONF_HTTP_HEAD] = "HEAD",
		[CONF_HTTP_POST] = "POST",
		[CONF_HTTP_OPTIONS] = "OPTIONS",
	};

	return names[method];
}

const char *conf_tls_version_name(enum conf_tls_version version)
{
	static const char *const names[] = {
		[CONF_TLS_1_0] = "1.0",
		[CONF_TLS_1_1] = "1.1",
		[CONF_TLS_1_2] = "1.2",
		[CONF_TLS_1_3] = "1.3",
	};

	return names[version];
}

static bool is_none(const struct conf_check *check)
{
	return check->n_all == 0 && check->n_any == 0 && check->type == CONF_CHECK_NONE;
}

const struct conf_check *conf_check_of(
	const struct conf_pool *pool, const struct conf_server *server)
{
	const struct conf_check *check = server->check ? server->check : pool->check;

	return check && !is_none(check) ? check : NULL;
}

bool conf_check_gives_weight(const struct conf_check *check)
{
	size_t n;
	const struct conf_check *members = conf_check_members(check, &n);

	for (size_t i = 0; i < n; i++)
		if (members[i].type == CONF_CHECK_AGENT || members[i].type == CONF_CHECK_FILE ||
			(members[i].type == CONF_CHECK_EXEC && members[i].exec.exit_weight))
			return true;
	return false;
}

bool conf_check_type_has_port(enum conf_check_type type)
{
	return type != CONF_CHECK_EXEC && type != CONF_CHECK_FILE && type != CONF_CHECK_NONE &&
	       type != CONF_CHECK_PING;
}

bool conf_check_wants_port(const struct conf_check *check)
{
	size_t n;
	const struct conf_check *members = conf_check_members(check, &n);

	for (size_t i = 0; i < n; i++)
		if (conf_check_type_has_port(members[i].type) && members[i].port == 0)
			return true;
	return false;
}
