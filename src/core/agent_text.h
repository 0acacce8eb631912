/* What a server's agent says of it, in the words of HAProxy's agent-check: one line, such as
 * "up 75%" or "drain #backup runs". Commas and blanks separate the words; a word of a kind that is
 * given twice counts the second time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define AGENT_TEXT_MAX 256 /* of a line, its end included */
#define AGENT_REASON_MAX 80
#define AGENT_WEIGHT_MAX 1000u /* percent */

enum agent_health {
	AGENT_HEALTH_SAME, /* not said */
	AGENT_UP,
	AGENT_DOWN, /* down, fail, failed, stopped */
};

enum agent_wish {
	AGENT_WISH_SAME, /* not said */
	AGENT_READY,
	AGENT_DRAIN,
	AGENT_MAINT,
};

struct agent_reply {
	enum agent_health health;
	enum agent_wish wish;
	bool has_weight;
	unsigned weight_percent;       /* 0..AGENT_WEIGHT_MAX; more than that is that */
	char reason[AGENT_REASON_MAX]; /* what follows #, printable ASCII; "" for none */
};

/* Why a text is no reply. */
enum agent_reject {
	AGENT_OK,
	AGENT_REJECT_EMPTY, /* no word in the line */
	AGENT_REJECT_LONG,  /* no end of the line within AGENT_TEXT_MAX, and more than that is there
			     */
	AGENT_REJECT_WORD,  /* a word that agents do not use */
	AGENT_REJECT_WEIGHT, /* what ends in % is no number */
	AGENT_REJECT_MAX_
};
const char *agent_reject_text(enum agent_reject reject); /* "unknown word" */

/* The first line of the text, or all of it when it has no end. `plain_numbers`: a number without %
 * is a weight, too. Pure; *ret is written only on AGENT_OK. */
enum agent_reject agent_text_parse(
	const char *text, size_t len, bool plain_numbers, struct agent_reply *ret);
/* Whether the text has a whole line, or can get none: it need not be waited for any more. */
bool agent_text_is_complete(const char *text, size_t len);
