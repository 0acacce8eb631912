/* One bit for each of the last SYNC_WINDOW_SPAN sequence numbers says what came. The gaps are the
 * ranges that cover what did not, with the times of their repair; where there are too many of them,
 * neighbours become one, and the bits tell what is missing in it. */
#include "core/sync_window.h"

#include <string.h>

static uint64_t bit_of(uint64_t sequence)
{
	return UINT64_C(1) << sequence % 64;
}

static uint64_t *word_of(struct sync_window *w, uint64_t sequence)
{
	return &w->bits[sequence % SYNC_WINDOW_SPAN / 64];
}

/* For sequence numbers of the window only. */
static bool has_come(const struct sync_window *w, uint64_t sequence)
{
	return w->bits[sequence % SYNC_WINDOW_SPAN / 64] & bit_of(sequence);
}

static uint64_t lowest(const struct sync_window *w)
{
	return w->highest < SYNC_WINDOW_SPAN ? 1 : w->highest - SYNC_WINDOW_SPAN + 1;
}

enum sync_arrival sync_window_look(const struct sync_window *w, uint64_t sequence)
{
	if (sequence < lowest(w) || sequence > SYNC_SEQUENCE_MAX)
		return SYNC_OLD;
	if (sequence > w->highest)
		return SYNC_NEW;
	return has_come(w, sequence) ? SYNC_REPLAYED : SYNC_LATE;
}

/* Gaps begin and end with what is missing, and are within the window; others are gone. */
static void tidy(struct sync_window *w)
{
	uint64_t low = lowest(w);
	unsigned kept = 0;

	for (unsigned i = 0; i < w->n_gaps; i++) {
		struct sync_gap gap = w->gaps[i];
		if (gap.first < low)
			gap.first = low;
		while (gap.first <= gap.last && has_come(w, gap.first))
			gap.first++;
		while (gap.first <= gap.last && has_come(w, gap.last))
			gap.last--;
		if (gap.first <= gap.last)
			w->gaps[kept++] = gap;
	}
	w->n_gaps = kept;
}

static uint64_t count_missing(const struct sync_window *w)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < w->n_gaps; i++)
		for (uint64_t s = w->gaps[i].first; s <= w->gaps[i].last; s++)
			n += !has_come(w, s);
	return n;
}

static void lose(struct sync_window *w, uint64_t n)
{
	w->lost += n;
	w->overflow = true;
}

/* The window moves so far that nothing of it stays. */
static void leap(struct sync_window *w, uint64_t highest)
{
	uint64_t beyond = highest - w->highest - SYNC_WINDOW_SPAN;
	uint64_t lost = count_missing(w) + beyond;

	memset(w->bits, 0, sizeof(w->bits));
	w->n_gaps = 0;
	w->highest = highest;
	if (lost > 0)
		lose(w, lost);
}

static void slide(struct sync_window *w, uint64_t highest)
{
	uint64_t lost = 0;

	while (w->highest < highest) {
		uint64_t next = w->highest + 1;
		/* Its bit is that of the one that leaves. */
		if (next > SYNC_WINDOW_SPAN && !has_come(w, next))
			lost++;
		*word_of(w, next) &= ~bit_of(next);
		w->highest = next;
	}
	if (lost > 0) {
		lose(w, lost);
		tidy(w);
	}
}

/* first..last, the newest, are missing. */
static void open_gap(struct sync_window *w, uint64_t first, uint64_t last, struct instant now)
{
	if (first < lowest(w))
		first = lowest(w);
	if (w->n_gaps == SYNC_WINDOW_GAPS)
		w->gaps[w->n_gaps - 1].last = last;
	else
		w->gaps[w->n_gaps++] = (struct sync_gap){.first = first, .last = last, .seen = now};
}

/* To a higher sequence number, which has not come yet. */
static void move_to(struct sync_window *w, uint64_t highest)
{
	if (highest - w->highest >= SYNC_WINDOW_SPAN)
		leap(w, highest);
	else
		slide(w, highest);
}

enum sync_arrival sync_window_take(struct sync_window *w, uint64_t sequence, struct instant now)
{
	enum sync_arrival arrival = sync_window_look(w, sequence);
	uint64_t before = w->highest;

	if (arrival == SYNC_REPLAYED || arrival == SYNC_OLD)
		return arrival;
	if (arrival == SYNC_NEW)
		move_to(w, sequence);
	*word_of(w, sequence) |= bit_of(sequence);
	if (arrival == SYNC_LATE) {
		w->late++;
		tidy(w);
	} else if (sequence - before > 1) {
		open_gap(w, before + 1, sequence - 1, now);
	}
	return arrival;
}

void sync_window_end(struct sync_window *w, uint64_t last_sent, struct instant now)
{
	uint64_t before = w->highest;

	if (last_sent <= before || last_sent > SYNC_SEQUENCE_MAX)
		return;
	move_to(w, last_sent);
	open_gap(w, before + 1, last_sent, now);
}

/* The parts of a gap that are missing, into `max` > 0 places. */
static unsigned name_missing(
	const struct sync_window *w, const struct sync_gap *gap, struct sync_gap *ret, unsigned max)
{
	unsigned n = 0;

	for (uint64_t s = gap->first; s <= gap->last; s++) {
		if (has_come(w, s))
			continue;
		if (n == max || (n > 0 && ret[n - 1].last + 1 == s)) {
			ret[n - 1].last = s;
		} else {
			ret[n] = *gap;
			ret[n].first = ret[n].last = s;
			n++;
		}
	}
	return n;
}

unsigned sync_window_ask(struct sync_window *w, struct instant now, struct instant seen_by,
	struct instant asked_by, struct sync_gap *ret, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_gaps && n < max; i++) {
		struct sync_gap *gap = &w->gaps[i];
		if (gap->seen.us > seen_by.us || (gap->asked.us && gap->asked.us > asked_by.us))
			continue;
		gap->asked = now;
		n += name_missing(w, gap, ret + n, max - n);
	}
	return n;
}

void sync_window_give_up(struct sync_window *w, uint64_t first, uint64_t last)
{
	if (first < lowest(w))
		first = lowest(w);
	if (last > w->highest)
		last = w->highest;
	for (uint64_t s = first; s <= last; s++) {
		if (has_come(w, s))
			continue;
		*word_of(w, s) |= bit_of(s);
		w->lost++;
	}
	tidy(w);
}
