/* Nearness is the optimal string alignment distance: insert, delete, replace or swap neighbours.
 * Upper and lower case are the same: who writes "TCP" means "tcp". */
#include "conf/suggest.h"

#include <stdbool.h>
#include <string.h>

#define WORD_MAX 64 /* longer than every key and every name */

static size_t min3(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool differ(char a, char b)
{
	return lower(a) != lower(b);
}

static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	size_t len_a = strlen(a), len_b = strlen(b);

	for (size_t j = 0; j <= len_b; j++)
		last[j] = j;
	for (size_t i = 1; i <= len_a; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				last[j - 1] + differ(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && !differ(a[i - 1], b[j - 2]) &&
				!differ(a[i - 2], b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[len_b];
}

static const struct {
	const char *theirs, *ours;
} keepalived[] = {
	{"virtual_router_id", "vrid"},
	{"advert_int", "advert_interval"},
	{"virtual_ipaddress", "addresses"},
	{"virtual_ipaddress_excluded", "excluded_addresses"},
	{"virtual_routes", "routes"},
	{"virtual_rules", "rules"},
	{"nopreempt", "preempt"},
	{"no_accept", "accept"},
	{"use_vmac", "virtual_mac"},
	{"authentication", "auth"},
	{"unicast_peer", "unicast"},
	{"down_timer_adverts", "down_intervals"},
	{"track_interface", "track"},
	{"track_script", "track"},
	{"track_file", "track"},
	{"track_process", "track"},
	{"notify_master", "notify"},
	{"notify_backup", "notify"},
	{"notify_fault", "notify"},
	{"notify_stop", "notify"},
	{"vrrp_instance", "virtual_routers"},
	{"vrrp_sync_group", "sync_groups"},
	{"vrrp_script", "trackers"},
	{"vrrp_track_process", "trackers"},
	{"lvs_sync_daemon", "link"},
	{"lvs_timeouts", "timeouts"},
	{"virtual_server", "services"},
	{"virtual_server_group", "services"},
	{"real_server", "servers"},
	{"lvs_sched", "scheduler"},
	{"lb_algo", "scheduler"},
	{"lvs_method", "forward"},
	{"lb_kind", "forward"},
	{"persistence_timeout", "persistence"},
	{"persistence_granularity", "persistence_netmask"},
	{"ops", "one_packet"},
	{"sorry_server", "fallback"},
	{"inhibit_on_failure", "on_failure"},
	{"uthreshold", "upper_threshold"},
	{"lthreshold", "lower_threshold"},
	{"delay_loop", "interval"},
	{"connect_timeout", "timeout"},
	{"retry", "fall"},
	{"delay_before_retry", "fail_interval"},
	{"connect_ip", "address"},
	{"connect_port", "port"},
	{"bindto", "source"},
	{"status_code", "status"},
	{"virtualhost", "host"},
	{"misc_path", "command"},
	{"misc_timeout", "timeout"},
};

const char *suggest_for_keepalived(const char *word)
{
	for (size_t i = 0; i < sizeof(keepalived) / sizeof(keepalived[0]); i++)
		if (strcmp(keepalived[i].theirs, word) == 0)
			return keepalived[i].ours;
	return NULL;
}

struct suggest suggest_begin(const char *word)
{
	return (struct suggest){.word = word};
}

/* A slip in each four letters, and one more. */
static size_t near_enough(const char *word)
{
	return 1 + strlen(word) / 4;
}

void suggest_offer(struct suggest *s, const char *candidate)
{
	size_t a = strlen(s->word), b = strlen(candidate), d;

	/* Cheap reasons first: a thousand errors may ask about a thousand names each. */
	if (a > WORD_MAX || b > WORD_MAX || (a > b ? a - b : b - a) > near_enough(s->word))
		return;
	if (s->best && s->distance == 0)
		return;
	d = distance(s->word, candidate);
	if (s->best && d >= s->distance)
		return;
	s->best = candidate;
	s->distance = d;
}

const char *suggest_result(const struct suggest *s)
{
	if (!s->best || s->distance > near_enough(s->word) || s->distance >= strlen(s->best))
		return NULL;
	return s->best;
}
