/* Which setting, which value, and what in the configuration makes it necessary. */
#include "director/table/settings.h"

#include "director/pair/link_mode.h"
#include "io/sysctl.h"
#include "io/way.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 1024
#define NAME_MAX_LEN 96

/* What a configuration can need settings for, as bits. */
enum need {
	NEED_SYNC = 1 << 0,     /* a link: connections are synced */
	NEED_SERVICES = 1 << 1, /* any service */
	NEED_EXPIRE = 1 << 2,   /* services, none of which keeps connections of removed servers */
	NEED_KEEP = 1 << 3,     /* ... and one does */
	NEED_NAT = 1 << 4,      /* nat or fullnat of either family */
	NEED_NAT4 = 1 << 5,
	NEED_NAT6 = 1 << 6,
	NEED_FULLNAT = 1 << 7,
	NEED_RELAY = 1 << 8, /* a link in tandem mode */
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
	/* A whole table comes within a second when a director joins. */
	{NEED_RELAY, "net/ipv4/vs/sync_sock_size", "16777216"},
	/* A server's packet that arrives before its entry must not be answered by an error. */
	{NEED_SYNC, "net/ipv4/vs/nat_icmp_send", "0"},
	/* Persistence must let go of a server that drains. */
	{NEED_SERVICES, "net/ipv4/vs/expire_quiescent_template", "1"},
	/* Clients of a server that is gone must learn it now, or never, as they were promised. */
	{NEED_EXPIRE, "net/ipv4/vs/expire_nodest_conn", "1"},
	{NEED_KEEP, "net/ipv4/vs/expire_nodest_conn", "0"},
	{NEED_NAT4, "net/ipv4/ip_forward", "1"},
	{NEED_NAT6, "net/ipv6/conf/all/forwarding", "1"},
	/* A server's answer leaves by the way to its client, whatever the way it came by. */
	{NEED_NAT, "net/ipv4/vs/snat_reroute", "1"},
	/* The kernel would tell a client and a server on one network to talk without us. */
	{NEED_NAT4, "net/ipv4/conf/all/send_redirects", "0"},
	/* The source is translated for what is tracked, and only for that. */
	{NEED_FULLNAT, "net/ipv4/vs/conntrack", "1"},
	/* After a failover connections are met in their middle, and their windows are not known. */
	{NEED_FULLNAT, "net/netfilter/nf_conntrack_tcp_loose", "1"},
	{NEED_FULLNAT, "net/netfilter/nf_conntrack_tcp_be_liberal", "1"},
};

/* What is being brought to the kernel. */
struct run {
	const struct conf *conf;
	const char *record;
	unsigned needs;
	unsigned *router_needs; /* of the services on each virtual router's addresses */
	unsigned changed;
	bool ipvs; /* the kernel has it */
	/* Instead of writing; NULL: write. */
	void (*differs)(const char *name, const char *now, const char *then, void *userdata);
	void (*failed)(const char *name, const char *value, int error, void *userdata);
	void *userdata;
	char names[NAMES_MAX][NAME_MAX_LEN]; /* what is needed */
	size_t n_names;
};

static unsigned needs_of_forward(const struct conf_service *s, enum conf_forward forward)
{
	unsigned nat = NEED_NAT | (s->key.addr.family == AF_INET6 ? NEED_NAT6 : NEED_NAT4);

	switch (forward) {
	case CONF_FORWARD_NAT:
		return nat;
	case CONF_FORWARD_FULLNAT:
		return nat | NEED_FULLNAT;
	case CONF_FORWARD_TUNNEL:
	case CONF_FORWARD_DIRECT:
		return 0;
	}
	return 0;
}

/* Such a service is refused beside one whose connections expire. */
static bool keeps_removed(const struct conf *conf, const struct conf_service *s)
{
	return !s->expire && conf->pools[s->pool].on_failure == CONF_ON_FAILURE_REMOVE;
}

/* Servers that serve only below quorum included. */
static unsigned needs_of_service(const struct conf *conf, const struct conf_service *s)
{
	unsigned needs = NEED_SERVICES | (keeps_removed(conf, s) ? NEED_KEEP : 0);
	size_t pool = s->pool;

	for (size_t depth = 0; pool != CONF_NONE && depth < conf->n_pools; depth++) {
		const struct conf_pool *p = &conf->pools[pool];

		for (size_t i = 0; i < p->n_servers; i++)
			needs |= needs_of_forward(s, conf_forward_of(s, &p->servers[i]));
		pool = p->fallback;
	}
	return needs;
}

static void find_needs(struct run *run)
{
	const struct conf *conf = run->conf;

	run->needs = conf->link.enabled ? NEED_SYNC : 0;
	run->needs |= link_is_tandem(conf) ? NEED_RELAY : 0;
	for (size_t i = 0; i < conf->n_services; i++) {
		unsigned needs = needs_of_service(conf, &conf->services[i]);

		run->needs |= needs;
		if (conf->services[i].router != CONF_NONE)
			run->router_needs[conf->services[i].router] |= needs;
	}
	if ((run->needs & NEED_SERVICES) && !(run->needs & NEED_KEEP))
		run->needs |= NEED_EXPIRE;
}

static bool is_wanted(const struct run *run, const char *name)
{
	for (size_t i = 0; i < run->n_names; i++)
		if (strcmp(run->names[i], name) == 0)
			return true;
	return false;
}

/* The kernel separates numbers by tabs. */
static void blanks_for_tabs(char *text)
{
	for (; *text; text++)
		if (*text == '\t')
			*text = ' ';
}

static void tell_difference(const struct run *run, const char *name, const char *value)
{
	char now[80];

	if (sysctl_read(name, now, sizeof(now)) < 0)
		return;
	blanks_for_tabs(now);
	if (strcmp(now, value) != 0)
		run->differs(name, now, value, run->userdata);
}

/* Without IPVS its settings are not there, which is told already. */
static bool is_of_ipvs(const char *name)
{
	return strncmp(name, "net/ipv4/vs/", strlen("net/ipv4/vs/")) == 0;
}

/* An interface that is not there (yet) has no settings: the next look sees to it. */
static void want(struct run *run, const char *name, const char *value, bool may_be_missing)
{
	int r;

	if (is_wanted(run, name) || run->n_names == NAMES_MAX)
		return;
	(void)snprintf(run->names[run->n_names++], NAME_MAX_LEN, "%s", name);
	if (run->differs) {
		tell_difference(run, name, value);
		return;
	}
	r = sysctl_set_recorded(run->record, name, value);
	if (r > 0)
		run->changed++;
	else if (r < 0 && !(r == -ENOENT && (may_be_missing || (!run->ipvs && is_of_ipvs(name)))))
		run->failed(name, value, r, run->userdata);
}

static void want_interface(
	struct run *run, const char *interface, const char *setting, const char *value)
{
	char name[NAME_MAX_LEN];

	(void)snprintf(name, sizeof(name), "net/ipv4/conf/%s/%s", interface, setting);
	want(run, name, value, true);
}

/* The kernel takes the larger one of "all" and the interface's own: 0 no filter, 1 strict, 2 loose.
 */
static bool filters(const char *interface)
{
	char name[NAME_MAX_LEN], own[16] = "0", all[16] = "0";

	(void)snprintf(name, sizeof(name), "net/ipv4/conf/%s/rp_filter", interface);
	(void)sysctl_read(name, own, sizeof(own));
	(void)sysctl_read("net/ipv4/conf/all/rp_filter", all, sizeof(all));
	return strcmp(own, "0") != 0 || strcmp(all, "0") != 0;
}

/* Whether what a server answers to a check through the service comes from the virtual address. */
static bool answers_as_vip(const struct conf *conf, const struct conf_service *path)
{
	const struct conf_server *server = &conf->pools[path->pool].servers[path->path_server];
	enum conf_forward forward = conf_forward_of(path, server);

	return path->key.addr.family == AF_INET &&
	       (forward == CONF_FORWARD_DIRECT || forward == CONF_FORWARD_TUNNEL);
}

/* Where the virtual address is ours, the kernel takes an answer from it for a forgery (a "martian
 * source") unless it is told that local addresses may come from there. IPv6 has no such rule. */
static void want_of_path(struct run *run, const struct conf_service *path)
{
	const struct conf_server *server = &run->conf->pools[path->pool].servers[path->path_server];
	char interface[IF_NAMESIZE];
	struct addr source;

	if (answers_as_vip(run->conf, path) && way_source(&server->address, &source) == 0 &&
		way_interface(&source, interface) == 0)
		want_interface(run, interface, "accept_local", "1");
}

/* Servers answer the pool's addresses where these are, which need not be where the way to the
 * servers is: a strict filter would drop that. No filter stays no filter. */
static void want_of_router(struct run *run, size_t router)
{
	const struct conf_router *vr = &run->conf->routers[router];
	const char *local = vr->snat_interface ? vr->snat_interface : vr->interface;

	/* The interface itself neither answers for the addresses of the device with the virtual MAC
	 * nor says, when it asks for somebody, that they were its own. IPv6 has no such habits. */
	if (vr->virtual_mac && vr->family == AF_INET) {
		want_interface(run, vr->interface, "arp_ignore", "1");
		want_interface(run, vr->interface, "arp_announce", "2");
	}
	if (run->needs & NEED_NAT4) {
		want_interface(run, vr->interface, "send_redirects", "0");
		want_interface(run, local, "send_redirects", "0");
	}
	if ((run->router_needs[router] & NEED_FULLNAT) && (run->router_needs[router] & NEED_NAT4) &&
		filters(local))
		want_interface(run, local, "rp_filter", "2");
}

static void put_back_the_rest(struct run *run)
{
	const char *names[NAMES_MAX];
	int r;

	for (size_t i = 0; i < run->n_names; i++)
		names[i] = run->names[i];
	r = sysctl_restore_others(run->record, names, run->n_names);
	if (r > 0)
		run->changed += (unsigned)r;
	else if (r < 0)
		run->failed("settings", NULL, r, run->userdata);
}

static void want_all(struct run *run)
{
	const char reuse[] = {(char)('0' + run->conf->ipvs.conn_reuse), '\0'};

	find_needs(run);
	if (run->needs & NEED_SERVICES)
		want(run, "net/ipv4/vs/conn_reuse_mode", reuse, false);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (run->needs & settings[i].need)
			want(run, settings[i].name, settings[i].value, false);
	for (size_t i = 0; i < run->conf->n_routers; i++)
		want_of_router(run, i);
	for (size_t i = 0; i < run->conf->n_services; i++)
		if (conf_is_path(&run->conf->services[i]))
			want_of_path(run, &run->conf->services[i]);
}

/* NULL when out of memory. Release with run_free(). */
static struct run *run_new(const struct conf *conf)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->conf = conf;
	run->router_needs = calloc(conf->n_routers + 1, sizeof(*run->router_needs));
	if (run->router_needs)
		return run;
	free(run);
	return NULL;
}

static void run_free(struct run *run)
{
	free(run->router_needs);
	free(run);
}

void settings_differ(const struct conf *conf,
	void (*differs)(const char *name, const char *now, const char *then, void *userdata),
	void *userdata)
{
	struct run *run = run_new(conf);

	if (!run)
		return;
	run->differs = differs;
	run->userdata = userdata;
	want_all(run);
	run_free(run);
}

unsigned settings_apply(const struct conf *conf, bool ipvs, const char *record,
	void (*failed)(const char *name, const char *value, int error, void *userdata),
	void *userdata)
{
	struct run *run = run_new(conf);
	unsigned changed;

	if (!run) {
		failed("settings", NULL, -ENOMEM, userdata);
		return 0;
	}
	run->ipvs = ipvs;
	run->record = record;
	run->failed = failed;
	run->userdata = userdata;
	want_all(run);
	put_back_the_rest(run);
	changed = run->changed;
	run_free(run);
	return changed;
}
