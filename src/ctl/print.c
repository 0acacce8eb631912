/* A status on one screen: who is Active and why, then what is balanced, then what is wrong. */
#include "ctl/print.h"

#include "base/duration.h"
#include "ctl/peer_trouble.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static const char *text(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "";
}

static long long number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* "3m 12s ago" without the ago: two units are enough. */
static const char *age(uint64_t since_us, struct instant now, char buf[static 32])
{
	uint64_t s = instant_between_us((struct instant){since_us}, now) / 1000000;

	if (s < 60)
		(void)snprintf(buf, 32, "%" PRIu64 "s", s);
	else if (s < 3600)
		(void)snprintf(buf, 32, "%" PRIu64 "m %" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(buf, 32, "%" PRIu64 "h %" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(buf, 32, "%" PRIu64 "d %" PRIu64 "h", s / 86400, s / 3600 % 24);
	return buf;
}

/* A line, unless there are none. */
static void print_addresses(FILE *f, const char *title, const json_t *addresses)
{
	json_t *address;
	size_t i;

	if (json_array_size(addresses) == 0)
		return;
	(void)fprintf(f, "  %s", title);
	json_array_foreach (addresses, i, address)
		(void)fprintf(f, "%s%s", i > 0 || *title ? " " : "", json_string_value(address));
	(void)fputc('\n', f);
}

/* Only what is not as it should be. */
static void print_tracked(FILE *f, const json_t *r)
{
	const json_t *notify = json_object_get(r, "notify");
	const json_t *hook = json_object_get(notify, "before_active");

	if (json_array_size(json_object_get(r, "causes")) > 0)
		(void)fprintf(f, "  %s\n", text(r, "score"));
	if (number(r, "needs_mtu") > 0)
		(void)fprintf(f, "  adverts need an MTU of %lld, which the interface has not\n",
			number(r, "needs_mtu"));
	if (*text(r, "claimed"))
		(void)fprintf(f, "PROBLEM: another host has an address of %s: it says that %s\n",
			text(r, "name"), text(r, "claimed"));
	if (*text(hook, "last"))
		(void)fprintf(f, "  before_active: %s\n", text(hook, "last"));
	if (number(notify, "failures") > 0 || number(notify, "skipped") > 0)
		(void)fprintf(f, "  notify: %lld of %lld runs failed, %lld states skipped\n",
			number(notify, "failures"), number(notify, "runs"),
			number(notify, "skipped"));
}

static void print_tracker(FILE *f, const json_t *t)
{
	if (strcmp(text(t, "state"), "down") == 0)
		(void)fprintf(f, "tracked %s fails: %s\n", text(t, "name"), text(t, "reason"));
	if (*text(t, "trouble"))
		(void)fprintf(f, "tracked %s: %s\n", text(t, "name"), text(t, "trouble"));
}

static void print_trackers(FILE *f, const json_t *trackers)
{
	json_t *tracker;
	size_t i;

	json_array_foreach (trackers, i, tracker)
		print_tracker(f, tracker);
}

/* What is not there need not be said, and neither need the usual mode. */
static void print_auth(FILE *f, const json_t *auth)
{
	if (strcmp(text(auth, "type"), "link") == 0)
		(void)fputs(", signed by the link's key", f);
	else if (strcmp(text(auth, "type"), "hmac") == 0)
		(void)fputs(", signed", f);
	if (*text(auth, "mode") && strcmp(text(auth, "mode"), "enforce") != 0)
		(void)fprintf(f, " (%s)", text(auth, "mode"));
}

static void print_router(FILE *f, const json_t *r, struct instant now)
{
	char buf[32];
	uint64_t since_us = (uint64_t)number(r, "since_us");
	char snat[40];

	(void)fprintf(f, "router %s: %s", text(r, "name"), text(r, "state"));
	if (since_us)
		(void)fprintf(f, " for %s", age(since_us, now, buf));
	if (*text(r, "reason"))
		(void)fprintf(f, " (%s)", text(r, "reason"));
	(void)fprintf(f, ", priority %lld, VRID %lld on %s", number(r, "priority"),
		number(r, "vrid"), text(r, "interface"));
	if (*text(r, "virtual_mac"))
		(void)fprintf(
			f, ", MAC %s on %s", text(r, "virtual_mac"), text(r, "virtual_mac_device"));
	print_auth(f, json_object_get(r, "auth"));
	if (*text(r, "peer"))
		(void)fprintf(f, ", peer %s", text(r, "peer"));
	if (strcmp(text(r, "handover"), "offered") == 0)
		(void)fputs(", offered to a peer", f);
	else if (strcmp(text(r, "handover"), "given") == 0)
		(void)fputs(", given to a peer by an operator", f);
	(void)fputc('\n', f);
	if (json_is_true(json_object_get(r, "withheld")))
		(void)fputs(
			"  ADVERTS MISSING, and the peer says over the link that it is Active: no "
			"takeover\n",
			f);
	print_tracked(f, r);
	print_addresses(f, "", json_object_get(r, "addresses"));
	print_addresses(f, "excluded", json_object_get(r, "excluded_addresses"));
	(void)snprintf(snat, sizeof(snat), "snat on %s", text(r, "snat_interface"));
	print_addresses(f, snat, json_object_get(r, "snat_addresses"));
}

static void print_maintenance(FILE *f, const json_t *m)
{
	if (strcmp(text(m, "mode"), "on") == 0)
		(void)fputs("MAINTENANCE: this director does not become Active\n", f);
	else if (strcmp(text(m, "mode"), "standby") == 0)
		(void)fputs("MAINTENANCE: this director is Active only while nobody else is\n", f);
}

static void print_routers(FILE *f, const json_t *routers, struct instant now)
{
	json_t *router;
	size_t i;

	json_array_foreach (routers, i, router)
		print_router(f, router, now);
}

/* Why a server has the weight that it has; reasons without a row explain nothing that the state
 * does not. */
static void print_reason(FILE *f, const json_t *s)
{
	static const struct {
		const char *reason, *words;
	} rows[] = {
		{"weight", "weight set by operator"},
		{"check-drain", "drained by its check"},
		{"check-maint", "in maintenance by its check"},
		{"draining", "drained by operator, connections left"},
		{"drained", "drained by operator"},
		{"forced", "drained by operator, ended by the deadline"},
		{"failed", "taken as down by operator"},
		{"down-here-only", "kept: the peer sees it up"},
		{"held-in", "held in by max_ejected"},
		{"panic", "used in panic"},
		{"no-quorum", "no quorum, the fallback serves"},
		{"fallback", "fallback"},
		{"leaving", "fallback, not needed any more"},
	};

	if (strcmp(text(s, "reason"), "slow-start") == 0)
		(void)fprintf(f, " (slow start, %lld %%)", number(s, "percent"));
	if (strcmp(text(s, "reason"), "check-weight") == 0)
		(void)fprintf(f, " (%lld %% by its check)", number(s, "percent"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(text(s, "reason"), rows[i].reason) == 0)
			(void)fprintf(f, " (%s)", rows[i].words);
}

static void print_server(FILE *f, const json_t *s)
{
	const char *verdicts = text(s, "verdicts");

	(void)fprintf(f, "    %-16s %s:%lld  %s", text(s, "name"), text(s, "address"),
		number(s, "port"), text(s, "state"));
	if (strstr(verdicts, " only"))
		(void)fprintf(f, " (%s)", verdicts);
	if (json_is_true(json_object_get(s, "programmed")))
		(void)fprintf(f, ", weight %lld", number(s, "weight"));
	else
		(void)fputs(", not in the table", f);
	print_reason(f, s);
	if (json_is_true(json_object_get(s, "programmed")))
		(void)fprintf(f, ", %lld active, %lld inactive", number(s, "active"),
			number(s, "inactive"));
	(void)fputc('\n', f);
}

static void print_servers(FILE *f, const json_t *servers)
{
	json_t *server;
	size_t i;

	json_array_foreach (servers, i, server)
		print_server(f, server);
}

/* Only what is not as it should be. */
static void print_quorum(FILE *f, const json_t *quorum)
{
	if (strcmp(text(quorum, "state"), "lost") == 0)
		(void)fprintf(f, ", NO QUORUM (usable weight %lld of %lld)",
			number(quorum, "usable_weight"), number(quorum, "quorum"));
	if (json_is_true(json_object_get(quorum, "panic")))
		(void)fputs(", PANIC: all servers are used", f);
	if (number(quorum, "held_in") > 0)
		(void)fprintf(f, ", %lld held in by max_ejected", number(quorum, "held_in"));
}

static void print_service(FILE *f, const json_t *s)
{
	const json_t *fallback = json_object_get(s, "fallback");

	(void)fprintf(f, "service %s: %s %s:%lld %s %s, pool %s", text(s, "name"),
		text(s, "protocol"), text(s, "listen"), number(s, "port"), text(s, "forward"),
		text(s, "scheduler"), text(s, "pool"));
	print_quorum(f, json_object_get(s, "quorum"));
	if (json_is_true(json_object_get(fallback, "used")))
		(void)fprintf(f, ", pool %s serves instead", text(fallback, "pool"));
	(void)fprintf(f, "%s\n",
		json_is_true(json_object_get(s, "programmed")) ? "" : ", not programmed");
	print_servers(f, json_object_get(s, "servers"));
	print_servers(f, json_object_get(fallback, "servers"));
}

void print_decision(FILE *f, const json_t *o, struct instant now)
{
	uint64_t deadline_us = (uint64_t)number(o, "deadline_us");
	const json_t *peer = json_object_get(o, "peer");
	char buf[32];

	(void)fprintf(f, "%s/%s: ", text(o, "pool"), text(o, "server"));
	if (strcmp(text(o, "decision"), "fail") == 0)
		(void)fputs("taken as down", f);
	else if (strcmp(text(o, "decision"), "drain") == 0)
		(void)fputs(text(o, "drain"), f);
	else
		(void)fputs("in use", f);
	if (json_is_integer(json_object_get(o, "set_weight")))
		(void)fprintf(f, ", weight %lld", number(o, "set_weight"));
	if (json_is_integer(json_object_get(o, "active")))
		(void)fprintf(f, ", %lld active, %lld inactive connections", number(o, "active"),
			number(o, "inactive"));
	if (peer)
		(void)fprintf(f, " (%s: %lld, %lld)", text(peer, "name"), number(peer, "active"),
			number(peer, "inactive"));
	if (deadline_us && strcmp(text(o, "drain"), "draining") == 0)
		(void)fprintf(f, ", %s left", age(now.us, (struct instant){deadline_us}, buf));
	if (json_is_false(json_object_get(o, "known")))
		(void)fputs(", unknown: the configuration has no such server", f);
	(void)fputc('\n', f);
}

static void print_conflict(FILE *f, const json_t *conflict)
{
	if (!json_is_object(conflict))
		return;
	(void)fprintf(f, "  CONFLICT: %s decided at the same time: %s", text(conflict, "by"),
		text(conflict, "decision"));
	if (json_is_integer(json_object_get(conflict, "set_weight")))
		(void)fprintf(f, ", weight %lld", number(conflict, "set_weight"));
	(void)fputs("; that does not count\n", f);
}

static void print_use(FILE *f, const json_t *use)
{
	(void)fprintf(f, "  service %s", text(use, "service"));
	if (number(use, "mark"))
		(void)fprintf(f, " (mark %lld)", number(use, "mark"));
	else
		(void)fprintf(f, " (%s:%lld)", text(use, "listen"), number(use, "port"));
	if (json_is_integer(json_object_get(use, "effective_weight")))
		(void)fprintf(f, ": weight %lld", number(use, "effective_weight"));
	else
		(void)fputs(": not in it", f);
	print_reason(f, use);
	(void)fputc('\n', f);
}

static const char *decider_words(const char *decided_by)
{
	static const char *const rows[][2] = {
		{"operator", "an operator decided that"},
		{"checks", "its checks say so"},
		{"panic", "too many are down: all are used"},
		{"down-here-only", "its checks fail, but the peer sees it up"},
		{"held-in", "max_ejected keeps it in use"},
		{"nobody", "it is not checked"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(decided_by, rows[i][0]) == 0)
			return rows[i][1];
	return decided_by;
}

static void print_result(FILE *f, const json_t *result, struct instant now)
{
	char since[32], latency[DURATION_TEXT_MAX];

	(void)fprintf(f, "    %8s ago  %s  %s, %s\n",
		age((uint64_t)number(result, "at_us"), now, since),
		json_is_true(json_object_get(result, "passed")) ? "passed" : "FAILED",
		text(result, "reason"),
		duration_format((uint64_t)number(result, "latency_us"), latency));
}

static void print_check_view(FILE *f, const json_t *check, struct instant now)
{
	const json_t *history = json_object_get(check, "history");
	char since[32];
	json_t *result;
	size_t i;

	(void)fprintf(f, "  check %s: %s", text(check, "id"), text(check, "verdict"));
	if (!json_is_array(history)) {
		(void)fputs(", and the checker does not answer\n", f);
		return;
	}
	(void)fprintf(f, " for %s, %s; %lld checks, %lld failures\n",
		age((uint64_t)number(check, "since_us"), now, since), text(check, "reason"),
		number(check, "checks"), number(check, "failures"));
	json_array_foreach (history, i, result)
		print_result(f, result, now);
}

void print_server_view(FILE *f, const json_t *server, struct instant now)
{
	const json_t *checks = json_object_get(server, "checks");
	const char *combined = text(server, "combined");
	json_t *item;
	size_t i;

	print_decision(f, server, now);
	if (!checks) /* of a configuration that is not in force any more */
		return;
	(void)fprintf(f, "  %s at %s, configured weight %lld: %s\n", text(server, "state"),
		text(server, "address"), number(server, "configured_weight"),
		decider_words(text(server, "decided_by")));
	json_array_foreach (json_object_get(server, "services"), i, item)
		print_use(f, item);
	if (strcmp(combined, "all") == 0 || strcmp(combined, "any") == 0)
		(void)fprintf(f, "  it is up when %s of these checks %s it up\n", combined,
			strcmp(combined, "all") == 0 ? "find" : "finds");
	json_array_foreach (checks, i, item)
		print_check_view(f, item, now);
}

static void print_overrides(FILE *f, const json_t *overrides, struct instant now)
{
	json_t *item;
	size_t i;

	json_array_foreach (overrides, i, item) {
		(void)fputs("operator: ", f);
		print_decision(f, item, now);
		print_conflict(f, json_object_get(item, "conflict"));
	}
}

/* What tandem-link of kernel mode counts. */
static void print_heard(FILE *f, const json_t *sync, struct instant now)
{
	uint64_t heard_us = (uint64_t)number(sync, "last_heard_us");
	char buf[32];

	if (heard_us)
		(void)fprintf(f, ", %lld datagrams heard, the last %s ago",
			number(sync, "datagrams"), age(heard_us, now, buf));
	else
		(void)fputs(", nothing heard yet", f);
}

/* What was refused, by name; in order there is nothing. */
static void print_refused(FILE *f, const json_t *counters)
{
	static const char *const names[] = {"lost", "forged", "replayed", "old_session",
		"unknown_session", "truncated", "not_ours", "bad_message", "kernel_bad",
		"inject_failed"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (number(counters, names[i]) > 0)
			(void)fprintf(f, ", %lld %s", number(counters, names[i]), names[i]);
}

/* What the kernel lost, when it is any. */
static void print_kernel_table(FILE *f, const json_t *table)
{
	if (number(table, "missing") > 0)
		(void)fprintf(f, ", %lld NOT TOLD BY THE KERNEL", number(table, "missing"));
	if (number(table, "surplus") > 0)
		(void)fprintf(f, ", %lld NOT IN THE KERNEL", number(table, "surplus"));
	if (number(table, "dropped_out") > 0)
		(void)fprintf(
			f, ", %lld messages of the kernel dropped", number(table, "dropped_out"));
}

/* What tandem-link of tandem mode counts. */
static void print_link(FILE *f, const json_t *sync)
{
	const json_t *counters = json_object_get(sync, "counters");
	const json_t *peer = json_object_get(sync, "peer");

	if (!json_is_object(counters))
		return;
	(void)fprintf(f,
		"link: %lld connections known, %lld datagrams sent, %lld received, %lld "
		"repaired",
		number(json_object_get(sync, "shadow"), "entries"), number(counters, "sent"),
		number(counters, "received"), number(counters, "repaired"));
	print_refused(f, counters);
	print_kernel_table(f, json_object_get(sync, "kernel_table"));
	if (*text(peer, "key"))
		(void)fprintf(f, ", key %s, round trip %.1f ms", text(peer, "key"),
			(double)number(peer, "rtt_us") / 1000);
	(void)fputc('\n', f);
}

static void print_sync(FILE *f, const json_t *sync, struct instant now)
{
	if (strcmp(text(sync, "mode"), "off") == 0) {
		(void)fputs("sync: off (there is no link)\n", f);
		return;
	}
	(void)fprintf(f, "sync: %s on %s, master %s, backup %s", text(sync, "mode"),
		text(sync, "interface"),
		json_is_true(json_object_get(sync, "master")) ? "runs" : "does not run",
		json_is_true(json_object_get(sync, "backup")) ? "runs" : "does not run");
	if (strcmp(text(sync, "mode"), "kernel") == 0)
		print_heard(f, sync, now);
	(void)fputc('\n', f);
	print_link(f, sync);
}

static void print_resync(FILE *f, const json_t *resync)
{
	long long took_us = number(resync, "took_us");

	if (strcmp(text(resync, "state"), "done") == 0)
		(void)fprintf(f, ", resync of %lld connections done in %lld.%03lld s",
			number(resync, "records"), took_us / 1000000, took_us / 1000 % 1000);
	else if (strcmp(text(resync, "state"), "failed") == 0)
		(void)fprintf(f, ", RESYNC FAILED: %s", text(resync, "reason"));
	else if (strcmp(text(resync, "state"), "running") == 0)
		(void)fputs(", resync is running", f);
}

static void print_coverage(FILE *f, const json_t *coverage)
{
	if (!json_is_object(coverage))
		return;
	(void)fprintf(
		f, ", coverage %.2f %%", json_number_value(json_object_get(coverage, "percent")));
	if (json_object_get(coverage, "lag_us"))
		(void)fprintf(f, ", lag %.1f ms", (double)number(coverage, "lag_us") / 1000);
}

static void print_peer_state(FILE *f, const json_t *peer)
{
	const json_t *state = json_object_get(peer, "state");
	const char *name = text(peer, "name");
	const json_t *router;
	const char *key;

	json_object_foreach ((json_t *)(uintptr_t)json_object_get(state, "routers"), key, router)
		(void)fprintf(f, "  router %s on %s: %s, priority %lld%s\n", key, name,
			text(router, "state"), number(router, "priority"),
			json_is_true(json_object_get(peer, "alive")) ? "" : ", when last heard");
	if (strcmp(text(json_object_get(state, "maintenance"), "mode"), "off") != 0 &&
		*text(json_object_get(state, "maintenance"), "mode"))
		(void)fprintf(f, "  MAINTENANCE of %s: %s\n", name,
			text(json_object_get(state, "maintenance"), "mode"));
	if (strcmp(text(peer, "trouble_there"), "none") != 0)
		(void)fprintf(f, "  %s is not ready to take over: %s\n", name,
			peer_trouble_words(text(peer, "trouble_there")));
}

static void print_peer(FILE *f, const json_t *peer, struct instant now)
{
	char buf[32];

	if (!json_is_object(peer))
		return;
	(void)fprintf(f, "peer %s: %s for %s, stream %s", text(peer, "name"),
		json_is_true(json_object_get(peer, "alive")) ? "heard" : "NOT HEARD",
		age((uint64_t)number(peer, "since_us"), now, buf),
		json_is_true(json_object_get(peer, "stream")) ? "open" : "not open");
	print_resync(f, json_object_get(peer, "resync"));
	print_coverage(f, json_object_get(peer, "coverage"));
	if (*text(peer, "reason"))
		(void)fprintf(f, " (%s)", text(peer, "reason"));
	(void)fputc('\n', f);
	print_peer_state(f, peer);
	if (strcmp(text(peer, "trouble_here"), "none") != 0)
		(void)fprintf(f, "  this director is not ready to take over: %s\n",
			peer_trouble_words(text(peer, "trouble_here")));
	if (json_is_false(json_object_get(peer, "alive")))
		(void)fprintf(f, "PROBLEM: %s is not heard over the link%s%s\n", text(peer, "name"),
			*text(peer, "reason") ? ": " : "", text(peer, "reason"));
	if (json_is_true(json_object_get(peer, "config_differs")))
		(void)fprintf(f, "PROBLEM: the configuration of %s is another one%s%s\n",
			text(peer, "name"), *text(peer, "config_path") ? ", from here on: " : "",
			text(peer, "config_path"));
	if (json_is_true(json_object_get(peer, "split_brain")))
		(void)fputs("PROBLEM: split brain, both directors are Active\n", f);
}

static void print_check(FILE *f, const json_t *check)
{
	char buf[DURATION_TEXT_MAX];

	(void)fprintf(f, "check %s: %s", text(check, "id"), text(check, "state"));
	if (*text(check, "reason"))
		(void)fprintf(f, ", %s; took %s", text(check, "reason"),
			duration_format((uint64_t)number(check, "latency_us"), buf));
	(void)fputc('\n', f);
}

static void print_helper(FILE *f, const json_t *helper)
{
	(void)fprintf(f, "process tandem-%s: %s, pid %lld", text(helper, "name"),
		text(helper, "state"), number(helper, "pid"));
	if (number(helper, "restarts") > 0)
		(void)fprintf(f, ", restarted %lld times", number(helper, "restarts"));
	if (*text(helper, "death"))
		(void)fprintf(f, "; the last one %s", text(helper, "death"));
	(void)fputc('\n', f);
}

/* One that died a moment ago is started again at once, and is no problem. */
static void print_helper_problem(FILE *f, const json_t *helper)
{
	if (!*text(helper, "death") || strcmp(text(helper, "state"), "up") == 0)
		return;
	(void)fprintf(f, "PROBLEM: tandem-%s does not run: it %s\n", text(helper, "name"),
		text(helper, "death"));
}

static void print_each(FILE *f, const json_t *array, void (*print)(FILE *f, const json_t *item))
{
	json_t *item;
	size_t i;

	json_array_foreach (array, i, item)
		print(f, item);
}

static void print_problem(FILE *f, const json_t *problem)
{
	(void)fprintf(f, "PROBLEM: %s\n", json_string_value(problem));
}

void print_status(FILE *f, const json_t *status, struct instant now)
{
	const json_t *config = json_object_get(status, "config");
	const json_t *rejected = json_object_get(config, "error");
	const json_t *ipvs = json_object_get(status, "ipvs");

	(void)fprintf(f, "node %s, tandem %s, configuration %s (%.12s, generation %lld)\n",
		text(status, "node"), text(status, "version"), text(config, "path"),
		text(config, "digest"), number(config, "generation"));
	print_maintenance(f, json_object_get(status, "maintenance"));
	print_routers(f, json_object_get(status, "routers"), now);
	print_trackers(f, json_object_get(status, "trackers"));
	print_each(f, json_object_get(status, "services"), print_service);
	print_overrides(f, json_object_get(status, "overrides"), now);
	print_each(f, json_object_get(status, "checks"), print_check);
	print_sync(f, json_object_get(status, "sync"), now);
	print_peer(f, json_object_get(status, "peer"), now);
	print_each(f, json_object_get(status, "helpers"), print_helper);
	print_each(f, json_object_get(status, "helpers"), print_helper_problem);
	print_each(f, json_object_get(ipvs, "errors"), print_problem);
	if (json_is_array(rejected)) {
		(void)fputs("PROBLEM: the file was refused at the last reload:\n", f);
		print_each(f, rejected, print_problem);
	}
}

static void print_operation(FILE *f, const json_t *o)
{
	(void)fprintf(f, "%s %s", text(o, "operation"), text(o, "service"));
	if (*text(o, "server"))
		(void)fprintf(f, " -> %s", text(o, "server"));
	if (json_object_get(o, "weight"))
		(void)fprintf(f, ", %s, weight %lld", text(o, "forward"), number(o, "weight"));
	if (*text(o, "scheduler"))
		(void)fprintf(f, ", %s", text(o, "scheduler"));
	(void)fputc('\n', f);
}

static void print_moved_address(FILE *f, const json_t *o)
{
	(void)fprintf(f, "%s %s on %s, router %s\n", text(o, "operation"), text(o, "address"),
		text(o, "interface"), text(o, "router"));
}

static void print_setting(FILE *f, const json_t *o)
{
	(void)fprintf(
		f, "set %s: \"%s\" -> \"%s\"\n", text(o, "name"), text(o, "now"), text(o, "then"));
}

void print_plan(FILE *f, const json_t *plan)
{
	const json_t *counts = json_object_get(plan, "counts");
	const json_t *operations = json_object_get(plan, "ipvs");
	long long more = number(counts, "operations") - (long long)json_array_size(operations);

	print_each(f, json_object_get(plan, "addresses"), print_moved_address);
	print_each(f, json_object_get(plan, "sysctls"), print_setting);
	if (*text(plan, "nftables"))
		(void)fprintf(f, "%s the nftables table\n", text(plan, "nftables"));
	print_each(f, operations, print_operation);
	if (more > 0)
		(void)fprintf(f, "... and %lld more operations\n", more);
	if (*text(plan, "refused"))
		(void)fprintf(f, "a reload would refuse it: %s\n", text(plan, "refused"));
	if (!json_is_true(json_object_get(plan, "changes")))
		(void)fputs("nothing would change\n", f);
	else
		(void)fprintf(f,
			"%lld operations: services %lld added, %lld deleted; servers %lld added, "
			"%lld deleted\n",
			number(counts, "operations"), number(counts, "added_services"),
			number(counts, "deleted_services"), number(counts, "added_servers"),
			number(counts, "deleted_servers"));
}

void print_events(FILE *f, const json_t *answer)
{
	json_t *event;
	struct tm tm;
	char when[32];
	size_t i;

	json_array_foreach (json_object_get(answer, "events"), i, event) {
		const long long us = number(event, "unix_us");
		const time_t s = (time_t)(us / 1000000);

		if (!localtime_r(&s, &tm) ||
			strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm) == 0)
			when[0] = '\0';
		(void)fprintf(f, "%s.%03lld %s %s\n", when, us % 1000000 / 1000,
			text(event, "event"), text(event, "message"));
	}
}
