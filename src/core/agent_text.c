/* Words of agents. Strangers' services answer on ports of agents by mistake: therefore a line with
 * a word that no agent uses is no reply at all. */
#include "core/agent_text.h"

#include <assert.h>
#include <string.h>

static const char *const reject_texts[AGENT_REJECT_MAX_] = {
	[AGENT_OK] = "good",
	[AGENT_REJECT_EMPTY] = "an empty reply",
	[AGENT_REJECT_LONG] = "too long a reply",
	[AGENT_REJECT_WORD] = "an unknown word in the reply",
	[AGENT_REJECT_WEIGHT] = "a weight that is no number",
};

const char *agent_reject_text(enum agent_reject reject)
{
	assert(reject < AGENT_REJECT_MAX_);
	return reject_texts[reject];
}

struct word {
	const char *text;
	size_t len;
};

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r' || c == '\0';
}

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

static bool is(const struct word *w, const char *name)
{
	return w->len == strlen(name) && memcmp(w->text, name, w->len) == 0;
}

/* Digits alone. What is too large is AGENT_WEIGHT_MAX. */
static bool parse_number(const struct word *w, unsigned *ret)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->len; i++) {
		if (w->text[i] < '0' || w->text[i] > '9')
			return false;
		n = n * 10 + (unsigned)(w->text[i] - '0');
		n = n < AGENT_WEIGHT_MAX ? n : AGENT_WEIGHT_MAX;
	}
	*ret = n;
	return w->len > 0;
}

static bool take_state(const struct word *w, struct agent_reply *reply)
{
	static const struct {
		const char *name;
		enum agent_health health;
		enum agent_wish wish;
	} words[] = {
		{"up", AGENT_UP, AGENT_WISH_SAME},
		{"down", AGENT_DOWN, AGENT_WISH_SAME},
		{"fail", AGENT_DOWN, AGENT_WISH_SAME},
		{"failed", AGENT_DOWN, AGENT_WISH_SAME},
		{"stopped", AGENT_DOWN, AGENT_WISH_SAME},
		{"ready", AGENT_HEALTH_SAME, AGENT_READY},
		{"drain", AGENT_HEALTH_SAME, AGENT_DRAIN},
		{"maint", AGENT_HEALTH_SAME, AGENT_MAINT},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!is(w, words[i].name))
			continue;
		if (words[i].health != AGENT_HEALTH_SAME)
			reply->health = words[i].health;
		else
			reply->wish = words[i].wish;
		return true;
	}
	return false;
}

/* A limit of connections is for HAProxy, which counts them. */
static bool is_maxconn(const struct word *w)
{
	static const char name[] = "maxconn:";
	size_t len = sizeof(name) - 1;
	unsigned ignored;

	return w->len > len && memcmp(w->text, name, len) == 0 &&
	       parse_number(&(struct word){w->text + len, w->len - len}, &ignored);
}

static enum agent_reject take_word(
	const struct word *w, bool plain_numbers, struct agent_reply *reply)
{
	bool percent = w->text[w->len - 1] == '%';
	struct word digits = {w->text, w->len - percent};

	if (take_state(w, reply) || is_maxconn(w))
		return AGENT_OK;
	if ((percent || plain_numbers) && parse_number(&digits, &reply->weight_percent)) {
		reply->has_weight = true;
		return AGENT_OK;
	}
	return percent ? AGENT_REJECT_WEIGHT : AGENT_REJECT_WORD;
}

static void take_reason(const char *text, size_t len, struct agent_reply *reply)
{
	size_t n = 0;

	while (len > 0 && is_separator(*text)) {
		text++;
		len--;
	}
	for (; n < len && n < AGENT_REASON_MAX - 1; n++)
		reply->reason[n] = (char)(text[n] < ' ' || text[n] > '~' ? '?' : text[n]);
	reply->reason[n] = '\0';
}

static size_t line_len(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && !is_line_end(text[n]))
		n++;
	return n;
}

bool agent_text_is_complete(const char *text, size_t len)
{
	return len >= AGENT_TEXT_MAX || line_len(text, len) < len;
}

enum agent_reject agent_text_parse(
	const char *text, size_t len, bool plain_numbers, struct agent_reply *ret)
{
	struct agent_reply reply = {0};
	size_t end = line_len(text, len), words = 0, at = 0;

	if (end >= AGENT_TEXT_MAX)
		return AGENT_REJECT_LONG;
	while (at < end && text[at] != '#') {
		struct word w = {text + at, 0};
		enum agent_reject reject;

		while (at + w.len < end && !is_separator(w.text[w.len]) && w.text[w.len] != '#')
			w.len++;
		at += w.len ? w.len : 1;
		if (w.len == 0)
			continue;
		words++;
		reject = take_word(&w, plain_numbers, &reply);
		if (reject != AGENT_OK)
			return reject;
	}
	if (words == 0)
		return AGENT_REJECT_EMPTY;
	if (at < end)
		take_reason(text + at + 1, end - at - 1, &reply);
	*ret = reply;
	return AGENT_OK;
}
