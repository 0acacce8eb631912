/* Timeouts: three numbers for the whole namespace, kept by the kernel's IPVS and not in /proc/sys.
 */
#include "director/table/timeouts.h"

#include "base/cleanup.h"
#include "io/file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

/* What was there before us; false when nothing is recorded. */
static bool read_record(const char *record, struct ipvs_timeouts *ret)
{
	json_auto_t *file = json_load_file(record, 0, NULL);
	json_int_t tcp, tcp_fin, udp;

	if (!file || json_unpack(file, "{s:I, s:I, s:I}", "tcp", &tcp, "tcp_fin", &tcp_fin, "udp",
			     &udp) < 0)
		return false;
	*ret = (struct ipvs_timeouts){(uint32_t)tcp, (uint32_t)tcp_fin, (uint32_t)udp};
	return true;
}

static int write_record(const char *record, const struct ipvs_timeouts *timeouts)
{
	json_auto_t *file = json_pack("{s:I, s:I, s:I}", "tcp", (json_int_t)timeouts->tcp_s,
		"tcp_fin", (json_int_t)timeouts->tcp_fin_s, "udp", (json_int_t)timeouts->udp_s);

	return file ? file_replace_json(record, file, JSON_COMPACT) : -ENOMEM;
}

static uint32_t first_of(uint32_t wanted, uint32_t before)
{
	return wanted ? wanted : before;
}

/* What is to be: said, or as it was before us, which is what `now` has where nothing is recorded.
 */
static struct ipvs_timeouts wanted(
	const struct conf_ipvs *conf, const char *record, const struct ipvs_timeouts *now)
{
	struct ipvs_timeouts before = *now;

	(void)read_record(record, &before);
	return (struct ipvs_timeouts){first_of(conf->tcp_s, before.tcp_s),
		first_of(conf->tcp_fin_s, before.tcp_fin_s), first_of(conf->udp_s, before.udp_s)};
}

static bool is_same(const struct ipvs_timeouts *a, const struct ipvs_timeouts *b)
{
	return a->tcp_s == b->tcp_s && a->tcp_fin_s == b->tcp_fin_s && a->udp_s == b->udp_s;
}

static bool says_nothing(const struct conf_ipvs *conf)
{
	return conf->tcp_s == 0 && conf->tcp_fin_s == 0 && conf->udp_s == 0;
}

bool timeouts_differ(struct ipvs *ipvs, const struct conf_ipvs *conf, const char *record,
	struct ipvs_timeouts *ret_now, struct ipvs_timeouts *ret_then)
{
	if (ipvs_timeouts_get(ipvs, ret_now) < 0)
		return false;
	*ret_then = wanted(conf, record, ret_now);
	return !is_same(ret_now, ret_then);
}

int timeouts_apply(struct ipvs *ipvs, const struct conf_ipvs *conf, const char *record)
{
	bool recorded = access(record, F_OK) == 0;
	struct ipvs_timeouts now, then;
	int r;

	if (says_nothing(conf) && !recorded)
		return 0;
	r = ipvs_timeouts_get(ipvs, &now);
	if (r < 0)
		return r;
	then = wanted(conf, record, &now);
	if (!is_same(&now, &then)) {
		r = recorded ? 0 : write_record(record, &now);
		if (r == 0)
			r = ipvs_timeouts_set(ipvs, &then);
		if (r < 0)
			return r;
		r = 1;
	}
	if (says_nothing(conf) && unlink(record) < 0 && errno != ENOENT)
		return -errno;
	return r;
}

int timeouts_restore(struct ipvs *ipvs, const char *record)
{
	static const struct conf_ipvs nothing;
	int r = timeouts_apply(ipvs, &nothing, record);

	return r < 0 ? r : 0;
}
