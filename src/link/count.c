/* Names of what is counted: the operator reads them in the status. */
#include "link/count.h"

const char *count_name(enum count count)
{
	static const char *const names[COUNT_MAX_] = {
		[COUNT_SENT] = "sent",
		[COUNT_SEND_FAILED] = "send_failed",
		[COUNT_RECEIVED] = "received",
		[COUNT_LATE] = "late",
		[COUNT_DUPLICATE] = "duplicate",
		[COUNT_LOST] = "lost",
		[COUNT_REPAIR_ASKED] = "repair_asked",
		[COUNT_REPAIRED] = "repaired",
		[COUNT_REPAIR_GIVEN] = "repair_given",
		[COUNT_REPAIR_GONE] = "repair_gone",
		[COUNT_REPLAYED] = "replayed",
		[COUNT_FORGED] = "forged",
		[COUNT_OLD_SESSION] = "old_session",
		[COUNT_UNKNOWN_SESSION] = "unknown_session",
		[COUNT_TRUNCATED] = "truncated",
		[COUNT_NOT_OURS] = "not_ours",
		[COUNT_BAD_MESSAGE] = "bad_message",
		[COUNT_KERNEL_MESSAGES] = "kernel_messages",
		[COUNT_KERNEL_RECORDS] = "kernel_records",
		[COUNT_KERNEL_NOISE] = "kernel_noise",
		[COUNT_KERNEL_BAD] = "kernel_bad",
		[COUNT_INJECTED] = "injected",
		[COUNT_STALE] = "stale",
		[COUNT_INJECT_FAILED] = "inject_failed",
		[COUNT_STREAM_OPENED] = "stream_opened",
		[COUNT_STREAM_FAILED] = "stream_failed",
		[COUNT_STREAM_WRONG_KEY] = "stream_wrong_key",
		[COUNT_STREAM_JUNK] = "stream_junk",
		[COUNT_STREAM_SLOW] = "stream_slow",
		[COUNT_STREAM_STRANGER] = "stream_stranger",
		[COUNT_NO_COMMON_KEY] = "no_common_key",
		[COUNT_SESSIONS] = "sessions",
	};

	return names[count];
}

json_t *counts_to_json(const struct counts *counts)
{
	json_t *o = json_object();

	for (enum count i = 0; i < COUNT_MAX_; i++)
		(void)json_object_set_new(o, count_name(i), json_integer((json_int_t)counts->n[i]));
	return o;
}
