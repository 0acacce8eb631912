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
