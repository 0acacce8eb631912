/* The kernel's answers, put together: links, addresses and routes, listeners, and the settings of
 * each link. */
#include "realserver/host.h"

#include "io/fou.h"
#include "io/netdev.h"
#include "io/sysctl.h"

#include <stdio.h>
#include <stdlib.h>

/* -1: this kernel, or this link, has no such setting. */
static int read_setting(const char *family, const char *link, const char *name)
{
	char path[REALSERVER_SETTING_MAX], text[REALSERVER_VALUE_MAX];

	(void)snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, link, name);
	return sysctl_read(path, text, sizeof(text)) < 0 ? -1 : atoi(text);
}

static struct realserver_settings read_settings(const char *link)
{
	return (struct realserver_settings){
		.arp_ignore = read_setting("ipv4", link, "arp_ignore"),
		.arp_announce = read_setting("ipv4", link, "arp_announce"),
		.rp_filter = read_setting("ipv4", link, "rp_filter"),
		.disable_ipv6 = read_setting("ipv6", link, "disable_ipv6"),
	};
}

static int read_network(struct realserver_have *have)
{
	struct netdev *n;
	int r = netdev_open(&n);

	if (r < 0)
		return r;
	r = netdev_read(n, have);
	netdev_close(n);
	return r;
}

int host_read(struct realserver_have *ret)
{
	struct realserver_have have = {0};
	int r = read_network(&have);

	if (r == 0)
		r = fou_read(&have);
	if (r < 0) {
		host_done(&have);
		return r;
	}
	have.all = read_settings("all");
	have.defaults = read_settings("default");
	for (size_t i = 0; i < have.n_links; i++)
		have.links[i].settings = read_settings(have.links[i].name);
	*ret = have;
	return 0;
}

void host_done(struct realserver_have *have)
{
	free(have->links);
	free(have->addresses);
	free(have->listeners);
	free(have->routes);
	*have = (struct realserver_have){0};
}
