/* What the link counts, by name: each datagram that is not taken has one reason. */
#pragma once

#include <jansson.h>
#include <stdint.h>

enum count {
	COUNT_SENT,            /* datagrams; once, however many interfaces */
	COUNT_SEND_FAILED,     /* copies that an interface did not take */
	COUNT_RECEIVED,        /* authentic and new */
	COUNT_LATE,            /* of them: after one with a higher number */
	COUNT_DUPLICATE,       /* the same over another interface */
	COUNT_LOST,            /* given up: neither came nor could be repaired */
	COUNT_REPAIR_ASKED,    /* datagrams asked for again */
	COUNT_REPAIRED,        /* came over the stream instead */
	COUNT_REPAIR_GIVEN,    /* given to the peer */
	COUNT_REPAIR_GONE,     /* asked for by the peer, and not kept any more */
	COUNT_REPLAYED,        /* came before, or too old to tell */
	COUNT_FORGED,          /* the tag is wrong */
	COUNT_OLD_SESSION,     /* of a session that is over */
	COUNT_UNKNOWN_SESSION, /* of none that was agreed on */
	COUNT_TRUNCATED,       /* shorter than a header and a tag */
	COUNT_NOT_OURS,        /* something else */
	COUNT_BAD_MESSAGE,     /* authentic, and not understood */
	COUNT_KERNEL_MESSAGES, /* from our kernel's master */
	COUNT_KERNEL_RECORDS,  /* in them */
	COUNT_KERNEL_NOISE,    /* packets on the device that are none */
	COUNT_KERNEL_BAD,      /* messages of the kernel that are not understood */
	COUNT_INJECTED,        /* records given to our kernel's backup, of live sync */
	COUNT_STALE,           /* records that said less than was known */
	COUNT_INJECT_FAILED,   /* messages that the device did not take */
	COUNT_STREAM_OPENED,
	COUNT_STREAM_FAILED, /* attempts that never became one, ours or anybody's; of them: */
	COUNT_STREAM_WRONG_KEY,
	COUNT_STREAM_JUNK,
	COUNT_STREAM_SLOW,
	COUNT_STREAM_STRANGER,
	COUNT_NO_COMMON_KEY, /* streams that were given up since each had made other keys */
	COUNT_SESSIONS,
	COUNT_MAX_
};

struct counts {
	uint64_t n[COUNT_MAX_];
};

const char *count_name(enum count count); /* "old_session" */
json_t *counts_to_json(const struct counts *counts);
