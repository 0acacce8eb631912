/* The score of a virtual router. What is watched and how is for others; here is what it amounts to.
 */
#include "core/track.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OWNER 255

static bool has(const enum health_state *members, size_t n, enum health_state state)
{
	for (size_t i = 0; i < n; i++)
		if (members[i] == state)
			return true;
	return false;
}

enum health_state track_all(const enum health_state *members, size_t n)
{
	if (has(members, n, HEALTH_DOWN))
		return HEALTH_DOWN;
	return has(members, n, HEALTH_UNKNOWN) ? HEALTH_UNKNOWN : HEALTH_UP;
}

enum health_state track_any(const enum health_state *members, size_t n)
{
	if (has(members, n, HEALTH_UP))
		return HEALTH_UP;
	return has(members, n, HEALTH_UNKNOWN) ? HEALTH_UNKNOWN : HEALTH_DOWN;
}

enum health_state track_inverse(enum health_state state)
{
	switch (state) {
	case HEALTH_UP:
		return HEALTH_DOWN;
	case HEALTH_DOWN:
		return HEALTH_UP;
	case HEALTH_UNKNOWN:
		break;
	}
	return HEALTH_UNKNOWN;
}

void track_cause_name(struct track_cause *cause, const char *text)
{
	static const char cut[] = "...";
	size_t len = strlen(text);

	if (len < sizeof(cause->text)) {
		memcpy(cause->text, text, len + 1);
		return;
	}
	len = sizeof(cause->text) - sizeof(cut);
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--; /* not within a character of UTF-8 */
	memcpy(cause->text, text, len);
	memcpy(cause->text + len, cut, sizeof(cut));
}

int track_weight(int weight, int64_t number)
{
	int64_t most = TRACK_WEIGHT_MAX;

	/* A product that is too large is so whatever its factors are. */
	if (number > most)
		number = most;
	if (number < -most)
		number = -most;
	number *= weight;
	return (int)(number > most ? most : number < -most ? -most : number);
}

static int sum(uint8_t base, const struct track_cause *causes, size_t n)
{
	int total = base;

	for (size_t i = 0; i < n; i++)
		if (!causes[i].fault)
			total += causes[i].weight;
	return total;
}

static uint8_t within(int total)
{
	return (uint8_t)(total < 1 ? 1 : total >= OWNER ? OWNER - 1 : total);
}

struct track_score track_score(uint8_t base, const struct track_cause *causes, size_t n)
{
	struct track_score score = {
		.priority = base == OWNER ? OWNER : within(sum(base, causes, n))};

	for (size_t i = 0; i < n; i++)
		score.fault = score.fault || causes[i].fault;
	return score;
}

/* A text under construction; what does not fit is left out. */
struct writer {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(w->at, w->left, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= w->left)
		n = w->left ? (int)w->left - 1 : 0;
	w->at += n;
	w->left -= (size_t)n;
}

static void put_faults(struct writer *w, const struct track_cause *causes, size_t n)
{
	bool first = true;

	for (size_t i = 0; i < n; i++) {
		if (!causes[i].fault)
			continue;
		put(w, "%s%s", first ? ", fault: " : ", ", causes[i].text);
		first = false;
	}
}

const char *track_score_text(uint8_t base, const struct track_cause *causes, size_t n,
	char buf[static TRACK_SCORE_TEXT_MAX])
{
	struct writer w = {buf, TRACK_SCORE_TEXT_MAX};
	struct track_score score = track_score(base, causes, n);
	int total = sum(base, causes, n);
	bool weighed = false;

	put(&w, "base %u", base);
	for (size_t i = 0; i < n; i++) {
		if (causes[i].fault)
			continue;
		put(&w, ", %+d %s", causes[i].weight, causes[i].text);
		weighed = true;
	}
	if (weighed && base == OWNER)
		put(&w, ", which do not count for an owner");
	else if (weighed && total != score.priority)
		put(&w, " = %d, taken as %u", total, score.priority);
	else if (weighed)
		put(&w, " = %u", score.priority);
	put_faults(&w, causes, n);
	return buf;
}

static bool same(const struct track_cause *a, const struct track_cause *b)
{
	return a->fault == b->fault && (a->fault || a->weight == b->weight) &&
	       strcmp(a->text, b->text) == 0;
}

bool track_causes_equal(
	const struct track_cause *a, size_t n_a, const struct track_cause *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (!same(&a[i], &b[i]))
			return false;
	return true;
}
