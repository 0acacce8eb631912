/* What is asked of a check, whatever its type. */
#include "conf/conf.h"

#include <assert.h>

static const char *const type_names[CONF_CHECK_TYPES] = {
	[CONF_CHECK_TCP] = "tcp",
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
	return type != CONF_CHECK_EXEC && type != CONF_CHECK_FILE && type != CONF_CHECK_NONE;
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
