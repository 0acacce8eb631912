#include "no_host.h"

#include "director/watch/run.h"
#include "elector/leftovers.h"
#include "io/conntrack.h"
#include "io/file.h"
#include "io/ipvs.h"
#include "io/journal.h"
#include "io/nft.h"
#include "io/rtnl.h"
#include "io/sysctl.h"
#include "io/tun.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENT_TEXT_MAX 8192

struct control_call {
	char none;
};
struct control_call no_host_call;
struct no_host_seen no_host_seen;

/* What is logged */

static void assert_line(const char *text)
{
	assert(text && strlen(text) < EVENT_TEXT_MAX);
	for (; *text; text++)
		assert((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void assert_field(const char *name)
{
	assert(strcmp(name, "INTERFACE") == 0 || strcmp(name, "ERRNO") == 0 ||
		strncmp(name, "TANDEM_", 7) == 0);
	assert(strcmp(name, "TANDEM_EVENT") != 0);
}

void journal_write(
	enum journal_target target, enum event event, const char *message, json_t *fields)
{
	const char *name;
	json_t *value;

	no_host_seen.events++;
	assert(target == JOURNAL_JOURNAL);
	assert(event_message_id(event));
	assert_line(message);
	json_object_foreach (fields, name, value) {
		assert_field(name);
		assert_line(json_string_value(value));
	}
}

/* Callers */

/* Of a control character, in JSON. */
static bool has_escape(const char *text)
{
	for (; (text = strchr(text, '\\')); text += 2)
		if (strchr("bfnrt", text[1]) || strncmp(text + 1, "u00", 3) == 0)
			return true;
	return false;
}

static void assert_message(const char *text)
{
	json_t *json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

	assert(json_is_object(json) && !has_escape(text));
	json_decref(json);
}

void control_reply(struct control_call *call, json_t *parameters)
{
	char *text = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;

	assert(call == &no_host_call);
	if (parameters)
		assert_message(text);
	free(text);
	json_decref(parameters);
}

/* Of Status, which is all there. */
void control_reply_text(struct control_call *call, const char *message)
{
	static const char *const members[] = {
		"config", "routers", "services", "checks", "sync", "helpers", "ipvs", "peer"};
	json_t *json = json_loads(message, JSON_REJECT_DUPLICATES, NULL);

	assert(call == &no_host_call);
	assert(!strchr(message, '\n') && !has_escape(message));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		assert(json_object_get(json_object_get(json, "parameters"), members[i]));
	json_decref(json);
	no_host_seen.status_len = strlen(message);
}

void control_error(struct control_call *call, const char *error, json_t *parameters)
{
	assert(error && *error);
	control_reply(call, parameters);
}

void control_no_method(struct control_call *call, const char *method)
{
	control_error(call, method, NULL);
}

uid_t control_caller(const struct control_call *call)
{
	(void)call;
	return 0;
}

const char *control_wrong_parameter(const json_t *parameters)
{
	(void)parameters;
	return NULL;
}

int control_new(sd_event *loop, const char *runtime_dir, control_handler handler, void *userdata,
	struct control **ret)
{
	(void)loop;
	(void)runtime_dir;
	(void)handler;
	(void)userdata;
	*ret = NULL;
	return 0;
}

bool control_is_found(const struct control *c)
{
	(void)c;
	return true;
}

int control_renew(struct control *c)
{
	(void)c;
	return 0;
}

void control_free(struct control *c)
{
	(void)c;
}

/* Programs */

struct run {
	sd_event_source *end;
	run_done done;
	void *userdata;
};

int run_user_find(const char *name, struct run_user *ret)
{
	(void)name;
	*ret = (struct run_user){0};
	return 0;
}

const char *run_describe(const struct run_result *result, char *buf, size_t size)
{
	(void)snprintf(buf, size, "exited with status %d", result->status);
	return buf;
}

static int on_run_end(sd_event_source *source, void *userdata)
{
	static const struct run_result result = {.end = RUN_EXITED, .line = ""};
	struct run *r = userdata;
	struct run over = *r;

	(void)source;
	run_cancel(r);
	over.done(&result, over.userdata);
	return 0;
}

int run_start(sd_event *loop, const struct run_command *command, run_done done, void *userdata,
	struct run **ret, char ret_why[static RUN_WHY_MAX])
{
	struct run *r = calloc(1, sizeof(*r));

	no_host_seen.programs++;
	ret_why[0] = '\0';
	for (char *const *env = command->env; env && *env; env++)
		assert(strchr(*env, '='));
	if (!r)
		return -ENOMEM;
	r->done = done;
	r->userdata = userdata;
	*ret = r;
	return sd_event_add_defer(loop, &r->end, on_run_end, r);
}

void run_cancel(struct run *r)
{
	if (!r)
		return;
	sd_event_source_disable_unref(r->end);
	free(r);
}

/* Files */

char *file_read(const char *path, size_t max)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t len = 0, size = 0;

	(void)max;
	if (!f)
		return NULL;
	do {
		char *more = realloc(text, size += 65536);

		assert(more);
		text = more;
		len += fread(text + len, 1, size - len - 1, f);
	} while (len == size - 1);
	text[len] = '\0';
	(void)fclose(f);
	return text;
}

int file_replace(const char *path, const char *text)
{
	(void)path;
	assert(text);
	no_host_seen.files++;
	return 0;
}

int file_replace_like(const char *path, const char *text, const struct stat *like)
{
	(void)like;
	return file_replace(path, text);
}

int file_replace_json(const char *path, const json_t *value, size_t flags)
{
	char *text = json_dumps(value, flags);
	int r = file_replace(path, text);

	free(text);
	return r;
}

/* The kernel's IPVS */

static char there_is_one;

int ipvs_open(struct ipvs **ret)
{
	*ret = (struct ipvs *)(void *)&there_is_one;
	return 0;
}

void ipvs_close(struct ipvs *v)
{
	(void)v;
}

int ipvs_dump(struct ipvs *v, struct ipvs_table *ret)
{
	(void)v;
	*ret = (struct ipvs_table){0};
	return 0;
}

int ipvs_dump_some(
	struct ipvs *v, const struct ipvs_service_key *keys, size_t n_keys, struct ipvs_table *ret)
{
	(void)keys;
	(void)n_keys;
	return ipvs_dump(v, ret);
}

void ipvs_table_done(struct ipvs_table *t)
{
	*t = (struct ipvs_table){0};
}

int ipvs_dumping_new(struct ipvs *v, struct ipvs_dumping **ret)
{
	(void)v;
	*ret = (struct ipvs_dumping *)(void *)&there_is_one;
	return 0;
}

int ipvs_dumping_step(struct ipvs_dumping *d, struct instant until)
{
	(void)d;
	(void)until;
	return 1;
}

struct ipvs_table ipvs_dumping_take(struct ipvs_dumping *d)
{
	(void)d;
	return (struct ipvs_table){0};
}

void ipvs_dumping_free(struct ipvs_dumping *d)
{
	(void)d;
}

int ipvs_apply(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops,
	struct ipvs_failure *ret_failures, size_t max_failures, size_t *ret_n_failures)
{
	(void)v;
	(void)ops;
	(void)n_ops;
	(void)ret_failures;
	(void)max_failures;
	*ret_n_failures = 0;
	return 0;
}

int ipvs_apply_some(struct ipvs *v, const struct ipvs_op *ops, size_t n_ops,
	struct ipvs_failure *ret_failures, size_t max_failures, size_t *ret_n_failures,
	size_t *ret_n)
{
	*ret_n = n_ops;
	return ipvs_apply(v, ops, n_ops, ret_failures, max_failures, ret_n_failures);
}

int ipvs_sync_dump(struct ipvs *v, struct ipvs_sync ret[static 2])
{
	(void)v;
	(void)ret;
	return 0;
}

int ipvs_sync_start(struct ipvs *v, const struct ipvs_sync *sync)
{
	(void)v;
	(void)sync;
	return 0;
}

int ipvs_sync_stop(struct ipvs *v, enum ipvs_sync_role role)
{
	(void)v;
	(void)role;
	return 0;
}

int ipvs_timeouts_get(struct ipvs *v, struct ipvs_timeouts *ret)
{
	(void)v;
	*ret = (struct ipvs_timeouts){0};
	return 0;
}

int ipvs_timeouts_set(struct ipvs *v, const struct ipvs_timeouts *timeouts)
{
	(void)v;
	(void)timeouts;
	return 0;
}

/* Its connection tracking */

int conntrack_delete_to(
	const struct addr *addresses, size_t n, uint64_t budget_us, size_t *ret_deleted)
{
	(void)addresses;
	(void)n;
	(void)budget_us;
	*ret_deleted = 0;
	return 0;
}

int conntrack_insert_failed(uint64_t *ret)
{
	*ret = 0;
	return 0;
}

int conntrack_create(
	const struct tracked *entries, size_t n, uint64_t budget_us, struct conntrack_created *ret)
{
	(void)budget_us;
	*ret = (struct conntrack_created){0};
	for (size_t i = 0; i < n; i++)
		if (!entries[i].gone) {
			assert(tracked_is_entry(&entries[i]));
			ret->created++;
		}
	return 0;
}

int conntrack_dump(
	const struct addr *addresses, size_t n, conntrack_handler handler, void *userdata)
{
	(void)addresses;
	(void)n;
	(void)handler;
	(void)userdata;
	no_host_seen.tracked_dumps++;
	return 0;
}

struct conntrack_events {
	int fd; /* that is never readable */
};

int conntrack_events_open(struct conntrack_events **ret)
{
	*ret = malloc(sizeof(**ret));
	assert(*ret);
	(*ret)->fd = eventfd(0, EFD_CLOEXEC);
	return 0;
}

void conntrack_events_close(struct conntrack_events *e)
{
	if (e)
		(void)close(e->fd);
	free(e);
}

int conntrack_events_fd(const struct conntrack_events *e)
{
	return e->fd;
}

int conntrack_events_read(struct conntrack_events *e, conntrack_handler handler, void *userdata)
{
	(void)e;
	(void)handler;
	(void)userdata;
	return 0;
}

/* The rest of it */

int nft_run(const char *commands, char **ret_answer, char ret_error[static NFT_ERROR_MAX])
{
	(void)commands;
	ret_error[0] = '\0';
	if (ret_answer)
		*ret_answer = strdup("{\"nftables\": []}");
	return 0;
}

int nft_generation(uint32_t *ret)
{
	*ret = 1;
	return 0;
}

int rtnl_open(const struct rtnl_handler *handler, void *userdata, struct rtnl **ret)
{
	(void)handler;
	(void)userdata;
	*ret = (struct rtnl *)(void *)&there_is_one;
	return 0;
}

void rtnl_close(struct rtnl *r)
{
	(void)r;
}

int rtnl_set_up(struct rtnl *r, int ifindex, bool up)
{
	(void)r;
	(void)up;
	assert(ifindex > 0);
	return 0;
}

int rtnl_remove_link(struct rtnl *r, int ifindex)
{
	(void)r;
	assert(ifindex > 0);
	return 0;
}

int sysctl_read(const char *name, char *ret, size_t size)
{
	(void)name;
	(void)snprintf(ret, size, "0");
	return 0;
}

int sysctl_set_recorded(const char *record, const char *name, const char *value)
{
	(void)record;
	(void)name;
	(void)value;
	return 0;
}

int sysctl_restore(const char *record)
{
	(void)record;
	return 0;
}

int sysctl_restore_others(const char *record, const char *const kept[], size_t n_kept)
{
	(void)record;
	(void)kept;
	(void)n_kept;
	return 0;
}

int tun_create(const char *name, unsigned mtu, unsigned queue_len)
{
	(void)name;
	(void)mtu;
	(void)queue_len;
	return -EPERM;
}

int tun_set_persistent(int fd, bool persistent)
{
	(void)fd;
	(void)persistent;
	return 0;
}

bool tun_is_one(int fd)
{
	(void)fd;
	return true;
}

struct addr tun_group(const struct addr *link_group)
{
	return *link_group;
}

int leftovers_remove(const char *runtime_dir, enum leftovers_which which,
	void (*removed)(const char *name, size_t n, void *userdata), void *userdata)
{
	(void)runtime_dir;
	(void)which;
	(void)removed;
	(void)userdata;
	return 0;
}
