/* How connections are synced, and on which interface the kernel does its part of it. */
#pragma once

#include "conf/conf.h"
#include "io/tun.h"

static inline bool link_is_tandem(const struct conf *conf)
{
	return conf->link.enabled && conf->link.mode == CONF_LINK_TANDEM;
}

static inline const char *link_mode_name(const struct conf *conf)
{
	return !conf->link.enabled ? "off" : link_is_tandem(conf) ? "tandem" : "kernel";
}

/* Which interface the kernel's sync daemons are bound to. */
static inline const char *link_sync_interface(const struct conf *conf)
{
	return link_is_tandem(conf) ? LINK_DEVICE : conf->link.interface;
}
