/* Which setting, which value, and what in the configuration makes it necessary. */
#include "director/settings.h"

#include "io/sysctl.h"

#include <stdbool.h>

enum need {
	NEED_SYNC,      /* a link: connections are synced */
	NEED_NAT,       /* a service by nat: replies are forwarded */
	NEED_BALANCING, /* any service */
	NEED_EXPIRE,    /* ... and none keeps the connections of servers that are taken out */
	NEED_KEEP,      /* ... and one does */
};

static const struct {
	enum need need;
	const char *name, *value;
} settings[] = {
	/* A synced entry must say all that the other side needs (no old format). */
	{NEED_SYNC, "net/ipv4/vs/sync_version", "1"},
	/* Emit at the first packet of an established connection, and again while it lasts: with the
	 * kernel's defaults a quiet connection is never told again. */
	{NEED_SYNC, "net/ipv4/vs/sync_threshold", "0 0"},
	{NEED_SYNC, "net/ipv4/vs/sync_refresh_period", "10"},
	{NEED_SYNC, "net/ipv4/vs/sync_retries", "0"},
	/* A server's packet that arrives before its entry must not be answered by an error. */
	{NEED_SYNC, "net/ipv4/vs/nat_icmp_send", "0"},
	{NEED_NAT, "net/ipv4/ip_forward", "1"},
	/* Persistence must let go of a server that drains ... */
	{NEED_BALANCING, "net/ipv4/vs/expire_quiescent_template", "1"},
	/* ... and clients of one that was taken out must learn it now. */
	{NEED_EXPIRE, "net/ipv4/vs/expire_nodest_conn", "1"},
	{NEED_KEEP, "net/ipv4/vs/expire_nodest_conn", "0"},
};

/* Those that do both are refused beside services whose connections expire. */
static bool keeps_connections(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (!conf->services[i].expire &&
			conf->pools[conf->services[i].pool].on_failure == CONF_ON_FAILURE_REMOVE)
			return true;
	return false;
}

static bool is_needed(const struct conf *conf, enum need need)
{
	switch (need) {
	case NEED_SYNC:
		return conf->link.enabled;
	case NEED_NAT:
		for (size_t i = 0; i < conf->n_services; i++)
			if (conf_forward_in_kernel(conf->services[i].forward) == IPVS_FORWARD_NAT)
				return true;
		return false;
	case NEED_BALANCING:
		return conf->n_services > 0;
	case NEED_EXPIRE:
		return conf->n_services > 0 && !keeps_connections(conf);
	case NEED_KEEP:
		return keeps_connections(conf);
	}
	return false;
}

unsigned settings_apply(const struct conf *conf, const char *record,
	void (*failed)(const char *name, const char *value, int error, void *userdata),
	void *userdata)
{
	unsigned changed = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int r;

		if (!is_needed(conf, settings[i].need))
			continue;
		r = sysctl_set_recorded(record, settings[i].name, settings[i].value);
		if (r < 0)
			failed(settings[i].name, settings[i].value, r, userdata);
		else
			changed += (unsigned)r;
	}
	return changed;
}
