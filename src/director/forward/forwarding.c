/* Rules and settings are the same on both directors and whatever the roles are: a failover must not
 * wait for them. Only what was tracked of connections belongs to a role, and is deleted when that
 * ends. */
#include "director/forward/forwarding.h"

#include "base/cleanup.h"
#include "core/port_use.h"
#include "director/forward/wanted_rules.h"
#include "director/state.h"
#include "director/table/settings.h"
#include "director/table/timeouts.h"
#include "io/clock.h"
#include "io/conntrack.h"
#include "io/sysctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One step of a deletion: the loop has other things to do as well. */
#define PURGE_STEP_US UINT64_C(20000)
#define PURGE_PAUSE_US UINT64_C(5000)

#define WATCH_EVERY_US UINT64_C(5000000)
#define TOLD_EVERY_US UINT64_C(60000000)

/* The same problem met again is not news. */
static void note(
	struct director *d, json_t *errors, enum event event, const char *text, const char *setting)
{
	if (!apply_is_told(errors, text))
		(void)json_array_append_new(errors, json_string(text));
	if (apply_is_told(d->ipvs_errors, text))
		return;
	if (setting)
		director_event(d, event, text, "TANDEM_SYSCTL", setting, NULL);
	else
		director_event(d, event, text, NULL);
}

/* Settings */

struct settings_call {
	struct director *d;
	json_t *errors;
	int error;
};

static const char *module_of(const char *setting)
{
	return strncmp(setting, "net/ipv4/vs/", 12) == 0     ? " (module ip_vs)"
	       : strncmp(setting, "net/netfilter/", 14) == 0 ? " (module nf_conntrack)"
	       : strncmp(setting, "net/ipv6/", 9) == 0       ? " (IPv6)"
							     : "";
}

static void on_setting_failed(const char *name, const char *value, int error, void *userdata)
{
	struct settings_call *call = userdata;
	char text[240];

	if (!value)
		(void)snprintf(text, sizeof(text), "not every setting could be put back: %s",
			strerror(-error));
	else if (error == -ENOENT)
		(void)snprintf(text, sizeof(text), "this kernel has no setting %s%s", name,
			module_of(name));
	else
		(void)snprintf(text, sizeof(text), "cannot set %s to \"%s\": %s", name, value,
			strerror(-error));
	note(call->d, call->errors, EVENT_SYSCTL_FAILED, text, name);
	call->error = error;
}

static char *settings_record(const struct director *d)
{
	char *path;

	return asprintf(&path, "%s/sysctl.json", d->options->runtime_dir) < 0 ? NULL : path;
}

static int apply_settings(struct director *d, json_t *errors, size_t *changed)
{
	struct settings_call call = {.d = d, .errors = errors};
	auto_free char *record = settings_record(d);

	if (!record)
		return -ENOMEM;
	*changed += settings_apply(d->conf, d->ipvs_available, record, on_setting_failed, &call);
	return call.error;
}

/* Timeouts */

static char *timeouts_record(const struct director *d)
{
	char *path;

	return asprintf(&path, "%s/timeouts.json", d->options->runtime_dir) < 0 ? NULL : path;
}

static int apply_timeouts(struct director *d, json_t *errors, size_t *changed)
{
	auto_free char *record = timeouts_record(d);
	char text[120];
	int r = record ? timeouts_apply(d->balancer.ipvs, &d->conf->ipvs, record) : -ENOMEM;

	if (r > 0)
		*changed += 1;
	if (r >= 0)
		return 0;
	(void)snprintf(text, sizeof(text), "cannot set the timeouts of IPVS: %s", strerror(-r));
	note(d, errors, EVENT_IPVS_FAILED, text, NULL);
	return r;
}

static void tell_timeout(const char *name, uint32_t now_s, uint32_t then_s,
	void (*differs)(const char *name, const char *now, const char *then, void *userdata),
	void *userdata)
{
	char now[16], then[16];

	if (now_s == then_s)
		return;
	(void)snprintf(now, sizeof(now), "%" PRIu32, now_s);
	(void)snprintf(then, sizeof(then), "%" PRIu32, then_s);
	differs(name, now, then, userdata);
}

void forwarding_timeouts_differ(struct director *d, const struct conf *conf,
	void (*differs)(const char *name, const char *now, const char *then, void *userdata),
	void *userdata)
{
	auto_free char *record = timeouts_record(d);
	struct ipvs_timeouts now, then;

	if (!record || balancer_open(&d->balancer) < 0 ||
		!timeouts_differ(d->balancer.ipvs, &conf->ipvs, record, &now, &then))
		return;
	tell_timeout("ipvs timeout tcp", now.tcp_s, then.tcp_s, differs, userdata);
	tell_timeout("ipvs timeout tcp_fin", now.tcp_fin_s, then.tcp_fin_s, differs, userdata);
	tell_timeout("ipvs timeout udp", now.udp_s, then.udp_s, differs, userdata);
}

/* Rules */

const char *forwarding_difference(struct director *d, const struct conf *conf)
{
	struct nft_rules rules;
	const char *difference;

	if (wanted_rules_build(conf, &rules) < 0)
		return NULL;
	difference = nft_table_difference(&d->forwarding.table, &rules);
	wanted_rules_done(&rules);
	return difference;
}

static void tell_rules(struct director *d, const struct nft_rules *rules)
{
	char message[160];

	if (nft_rules_empty(rules))
		(void)snprintf(
			message, sizeof(message), "the nftables table is not needed, and gone");
	else
		(void)snprintf(message, sizeof(message),
			"the nftables table is in place: %zu ways of fullnat by %zu addresses, %zu "
			"marks, %zu closed addresses",
			rules->n_fullnats, rules->n_locals, rules->n_marks, rules->n_closed);
	director_event(d, EVENT_RULES_APPLIED, message, NULL);
}

static int apply_rules(struct director *d, json_t *errors, size_t *changed)
{
	struct forwarding *f = &d->forwarding;
	char error[NFT_TABLE_ERROR_MAX];
	struct nft_rules rules;
	int r;

	if (f->generation == d->generation && nft_table_is_untouched(&f->table))
		return 0;
	r = wanted_rules_build(d->conf, &rules);
	if (r < 0)
		return r;
	r = nft_table_apply(&f->table, &rules, error);
	if (r < 0)
		note(d, errors, EVENT_RULES_FAILED, error, NULL);
	f->generation = r < 0 ? 0 : d->generation;
	if (r > 0) {
		++*changed;
		tell_rules(d, &rules);
	}
	wanted_rules_done(&rules);
	return r < 0 ? r : 0;
}

static void watch_later(struct director *d)
{
	struct forwarding *f = &d->forwarding;

	if (!wanted_rules_fullnat(d->conf)) {
		(void)sd_event_source_set_enabled(f->watch, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(f->watch, instant_add(clock_now(), WATCH_EVERY_US).us);
	(void)sd_event_source_set_enabled(f->watch, SD_EVENT_ONESHOT);
}

int forwarding_apply(struct director *d, json_t *errors, size_t *ret_changed)
{
	size_t changed = 0;
	int armed = SD_EVENT_OFF, r, r_rules;

	r = apply_settings(d, errors, &changed);
	(void)apply_timeouts(d, errors, &changed); /* tried again at the next look */
	r_rules = apply_rules(d, errors, &changed);
	(void)sd_event_source_get_enabled(d->forwarding.watch, &armed);
	if (armed == SD_EVENT_OFF)
		watch_later(d);
	*ret_changed = changed;
	/* Settings that this kernel refuses it will refuse again: the next look is soon enough. */
	return r == -ENOMEM ? r : r_rules;
}

static bool has_virtual_mac(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_routers; i++)
		if (conf->routers[i].virtual_mac)
			return true;
	return false;
}

int forwarding_apply_without_ipvs(struct director *d, json_t *errors, size_t *changed)
{
	int r = 0;

	if (!apply_uses_ipvs(d, d->conf) || has_virtual_mac(d->conf))
		r = apply_settings(d, errors, changed);
	return r == -ENOMEM ? r : apply_rules(d, errors, changed);
}

/* Connections that moved away */

static void purge_over(struct director *d)
{
	struct forwarding *f = &d->forwarding;
	char message[120], count[24];

	free(f->leaving);
	f->leaving = NULL;
	f->n_leaving = 0;
	conntrack_sync_ask(d); /* the one that is Active now has told some that went as well */
	if (f->deleted == 0)
		return;
	(void)snprintf(count, sizeof(count), "%zu", f->deleted);
	(void)snprintf(message, sizeof(message),
		"no longer Active: %s tracked connections of services by fullnat deleted", count);
	director_event(d, EVENT_CONNTRACK_DELETED, message, "TANDEM_CONNECTIONS", count, NULL);
	f->deleted = 0;
}

static void purge_step(struct director *d)
{
	struct forwarding *f = &d->forwarding;
	size_t deleted = 0;
	int r = conntrack_delete_to(f->leaving, f->n_leaving, PURGE_STEP_US, &deleted);

	f->deleted += deleted;
	f->deleted_total += deleted;
	if (r == -ETIME) {
		(void)sd_event_source_set_time(
			f->purge, instant_add(clock_now(), PURGE_PAUSE_US).us);
		(void)sd_event_source_set_enabled(f->purge, SD_EVENT_ONESHOT);
		return;
	}
	if (r < 0)
		director_event(d, EVENT_ERROR, "tracked connections cannot be deleted", "ERRNO",
			strerror(-r), NULL);
	purge_over(d);
}

static int on_purge(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	purge_step(userdata);
	return 0;
}

/* Takes `vips`. */
static void begin_purge(struct director *d, struct addr *vips, size_t n)
{
	struct forwarding *f = &d->forwarding;
	struct addr *all = n ? realloc(f->leaving, (f->n_leaving + n) * sizeof(*all)) : NULL;

	if (all) {
		memcpy(all + f->n_leaving, vips, n * sizeof(*all));
		f->leaving = all;
		f->n_leaving += n;
	}
	free(vips);
	if (all)
		purge_step(d);
}

/* What is back here is needed again. */
static void forget_leaving(struct forwarding *f, const struct addr *vips, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n_leaving; i++) {
		bool is_back = false;

		for (size_t j = 0; j < n; j++)
			is_back |= addr_equal(&f->leaving[i], &vips[j]);
		if (!is_back)
			f->leaving[kept++] = f->leaving[i];
	}
	f->n_leaving = kept;
}

void forwarding_role(struct director *d, size_t router, bool active)
{
	struct addr *vips;
	ssize_t n = wanted_rules_vips(d->conf, router, &vips);

	if (n < 0)
		return;
	if (!active) {
		begin_purge(d, vips, (size_t)n);
		return;
	}
	forget_leaving(&d->forwarding, vips, (size_t)n);
	free(vips);
}

/* Source ports */

struct counting {
	const struct ipvs_table *have;
	struct port_use *uses;
	size_t n;
};

static void count_server(
	const struct conf_service *s, const struct conf_server *server, void *userdata)
{
	struct counting *c = userdata;
	const struct ipvs_service *service = ipvs_table_find(c->have, &s->key);
	struct ipvs_dest_key key = {server->address, server->port ? server->port : s->key.port};

	for (uint32_t i = 0; service && i < service->n_dests; i++) {
		const struct ipvs_dest *dest = &c->have->dests[service->first_dest + i];

		if (ipvs_dest_key_compare(&dest->key, &key) == 0)
			c->uses[c->n++] = (struct port_use){
				.pool = (uint32_t)s->router,
				.protocol = s->key.protocol,
				.server = key.addr,
				.port = key.port,
				.connections = (uint64_t)dest->active + dest->inactive,
			};
	}
}

static void count_one(
	const struct conf_service *s, const struct conf_server *server, void *userdata)
{
	(void)s;
	(void)server;
	++*(size_t *)userdata;
}

static size_t count_servers(const struct conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_services; i++)
		wanted_rules_each_fullnat(conf, &conf->services[i], count_one, &n);
	return n;
}

static size_t count_uses(
	const struct conf *conf, const struct ipvs_table *have, struct port_use *uses)
{
	struct counting c = {.have = have, .uses = uses};

	for (size_t i = 0; i < conf->n_services; i++)
		wanted_rules_each_fullnat(conf, &conf->services[i], count_server, &c);
	return port_use_merge(uses, c.n);
}

static void tell_full(struct director *d, const struct port_use *use, uint64_t capacity)
{
	struct forwarding *f = &d->forwarding;
	struct ipvs_dest_key key = {use->server, use->port};
	const char *router = d->conf->routers[use->pool].name;
	char server[IPVS_KEY_TEXT_MAX], message[320];

	(void)ipvs_dest_key_format(&key, server);
	(void)snprintf(message, sizeof(message),
		"snat_addresses of %s: %" PRIu64 " of %" PRIu64
		" source ports are taken towards server %s; %" PRIu64 " connections were refused",
		router, use->connections, capacity, server, f->refused_since_told);
	director_event(d, EVENT_LOCAL_PORTS, message, "TANDEM_INSTANCE", router, "TANDEM_SERVER",
		server, NULL);
	f->full = true;
	f->refused_since_told = 0;
	f->told = clock_now();
}

static void judge(struct director *d, const struct port_use *use, const struct nft_rules *rules,
	uint64_t refused)
{
	struct forwarding *f = &d->forwarding;
	bool again = instant_between_us(f->told, clock_now()) >= TOLD_EVERY_US;

	if (!use || !port_use_is_full(use, rules)) {
		f->full = false;
		return;
	}
	f->refused_total += refused;
	f->refused_since_told += refused;
	if (!f->full || (again && f->refused_since_told > 0))
		tell_full(d, use, port_use_capacity(use, rules));
}

static void look_at_ports(struct director *d, uint64_t refused)
{
	auto_free struct port_use *uses = NULL;
	struct nft_rules rules;
	struct ipvs_table have;
	size_t n;

	if (wanted_rules_build(d->conf, &rules) < 0)
		return;
	uses = calloc(count_servers(d->conf) + 1, sizeof(*uses));
	if (uses && balancer_dump_own(&d->balancer, &have) >= 0) {
		n = count_uses(d->conf, &have, uses);
		judge(d, port_use_busiest(uses, n, &rules), &rules, refused);
		ipvs_table_done(&have);
	}
	wanted_rules_done(&rules);
}

/* Since the last time. What failed before the first is nobody's. */
static uint64_t newly_refused(struct forwarding *f)
{
	uint64_t total, before = f->insert_failed;
	bool counting = f->counting;

	if (conntrack_insert_failed(&total) < 0)
		return 0;
	f->insert_failed = total;
	f->counting = true;
	return counting && total > before ? total - before : 0;
}

static bool may_be_full(void)
{
	char text[24];

	/* With fewer connections in all no pool can be. */
	return sysctl_read("net/netfilter/nf_conntrack_count", text, sizeof(text)) >= 0 &&
	       strtoull(text, NULL, 10) >= PORT_USE_PER_ADDRESS * 9 / 10;
}

static int on_watch(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	uint64_t refused = newly_refused(&d->forwarding);

	(void)source;
	(void)usec;
	if (may_be_full())
		look_at_ports(d, refused);
	else
		d->forwarding.full = false;
	watch_later(d);
	return 0;
}

/* Start, end */

int forwarding_init(struct director *d)
{
	struct forwarding *f = &d->forwarding;
	int r = nft_table_init(&f->table, d->options->runtime_dir);

	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &f->purge, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_purge, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(f->purge, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			d->loop, &f->watch, CLOCK_BOOTTIME, UINT64_MAX, 100000, on_watch, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(f->watch, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void forwarding_done(struct director *d)
{
	struct forwarding *f = &d->forwarding;

	sd_event_source_disable_unref(f->purge);
	sd_event_source_disable_unref(f->watch);
	nft_table_done(&f->table);
	free(f->leaving);
	*f = (struct forwarding){0};
}

static void remove_table(struct director *d)
{
	static const struct nft_rules nothing;
	struct nft_table *table = &d->forwarding.table;
	char error[NFT_TABLE_ERROR_MAX];

	if (nft_table_apply(table, &nothing, error) < 0)
		note(d, d->ipvs_errors, EVENT_RULES_FAILED, error, NULL);
}

void forwarding_remove(struct director *d)
{
	auto_free char *record = settings_record(d);
	auto_free char *timeouts = timeouts_record(d);

	remove_table(d);
	if (timeouts && access(timeouts, F_OK) == 0 &&
		(balancer_open(&d->balancer) < 0 ||
			timeouts_restore(d->balancer.ipvs, timeouts) < 0))
		note(d, d->ipvs_errors, EVENT_IPVS_FAILED,
			"the timeouts of IPVS could not be restored", NULL);
	if (record && sysctl_restore(record) < 0)
		note(d, d->ipvs_errors, EVENT_SYSCTL_FAILED, "not every setting could be restored",
			NULL);
}

json_t *forwarding_to_json(const struct director *d)
{
	const struct forwarding *f = &d->forwarding;

	return json_pack("{s:b, s:I, s:I}", "table", nft_table_has_own(&f->table),
		"connections_forgotten", (json_int_t)f->deleted_total, "ports_refused",
		(json_int_t)f->refused_total);
}
