/* What is asked of a check, whatever its type. */
#include "conf/conf.h"

#include <assert.h>

static const char *const type_names[CONF_CHECK_TYPES] = {
	[CONF_CHECK_TCP] = "tcp",
	[CONF_CHECK_DNS] = "dns",
	[CONF_CHECK_PING] = "ping",
	[CONF_CHECK_SMTP] = "smtp",
	[CONF_CHECK_UDP] = "udp",
	[CONF_CHECK_NONE] = "none",
};

const char *conf_check_type_name(enum conf_check_type type)
{
	assert(type < CONF_CHECK_TYPES);
	return type_names[type];
}

static bool is_none(const struct conf_check *check)
{
	return check->n_all == 0 && check->n_any == 0 && check->type == CONF_CHECK_NONE;
}

const struct conf_check *conf_check_of(
	const struct conf_pool *pool, const struct conf_server *server)
{
	const struct conf_check *check = server->check     ? server->check
					 : pool->has_check ? &pool->check
							   : NULL;

	return check && !is_none(check) ? check : NULL;
}

bool conf_check_type_has_port(enum conf_check_type type)
{
	return type != CONF_CHECK_NONE && type != CONF_CHECK_PING;
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
