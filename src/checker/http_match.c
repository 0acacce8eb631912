/* The body of an answer against its rule. A text is searched for as the bytes pass (by Knuth,
 * Morris and Pratt, so that no byte is looked at twice and none is kept), the digest likewise; a
 * regular expression sees the beginning of the body at the end. */
#include "checker/http_match.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 40 /* bytes of a text in a reason */
#define ROOM_MIN 4096

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

static int parse_sha256(const char *text, uint8_t ret[static SHA256_LEN])
{
	if (strlen(text) != (size_t)2 * SHA256_LEN)
		return -EINVAL;
	for (size_t i = 0; i < SHA256_LEN; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* How many bytes of `text` match, after `matched` of them and then `c`. */
static size_t step(const char *text, const uint8_t *borders, size_t matched, char c)
{
	while (matched > 0 && text[matched] != c)
		matched = borders[matched - 1];
	return text[matched] == c ? matched + 1 : matched;
}

static int set_contains(struct body_rule *rule, const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > BODY_CONTAINS_MAX)
		return -EINVAL;
	rule->contains = strdup(text);
	rule->borders = calloc(1, len);
	if (!rule->contains || !rule->borders)
		return -ENOMEM;
	rule->contains_len = len;
	for (size_t i = 1; i < len; i++)
		rule->borders[i] =
			(uint8_t)step(text, rule->borders, rule->borders[i - 1], text[i]);
	return 0;
}

static int set_match(struct body_rule *rule, const char *text)
{
	char error[PATTERN_ERROR_MAX];

	rule->match_text = strdup(text);
	return rule->match_text ? pattern_new(text, error, &rule->match) : -ENOMEM;
}

static int set_max(struct body_rule *rule, const json_t *value)
{
	json_int_t max = value ? json_integer_value(value) : BODY_MAX_DEFAULT;

	if (max < 1 || max > BODY_MAX_MAX)
		return -EINVAL;
	rule->max = (size_t)max;
	return 0;
}

int body_rule_parse(const json_t *settings, struct body_rule *ret)
{
	const char *contains = json_string_value(json_object_get(settings, "body_contains"));
	const char *match = json_string_value(json_object_get(settings, "body_matches"));
	const char *sha256 = json_string_value(json_object_get(settings, "body_sha256"));
	int r = set_max(ret, json_object_get(settings, "body_max"));

	if (r == 0 && contains)
		r = set_contains(ret, contains);
	if (r == 0 && match)
		r = set_match(ret, match);
	if (r == 0 && sha256) {
		r = parse_sha256(sha256, ret->sha256);
		ret->has_sha256 = r == 0;
	}
	return r;
}

void body_rule_done(struct body_rule *rule)
{
	free(rule->contains);
	free(rule->borders);
	free(rule->match_text);
	pattern_free(rule->match);
	*rule = (struct body_rule){0};
}

void body_match_init(struct body_match *m)
{
	*m = (struct body_match){0};
	sha256_init(&m->hash);
}

void body_match_done(struct body_match *m)
{
	free(m->kept);
	m->kept = NULL;
}

static void search(struct body_match *m, const struct body_rule *rule, const char *bytes, size_t n)
{
	size_t matched = m->matched;

	for (size_t i = 0; i < n && matched < rule->contains_len; i++)
		matched = step(rule->contains, rule->borders, matched, bytes[i]);
	m->found = matched == rule->contains_len;
	m->matched = (uint8_t)matched;
}

static bool keep(struct body_match *m, const struct body_rule *rule, const void *bytes, size_t n)
{
	size_t room = m->room ? m->room : ROOM_MIN;
	uint8_t *kept = m->kept;

	while (room < m->len + n)
		room *= 2;
	if (room > rule->max)
		room = rule->max;
	if (room > m->room) {
		kept = realloc(m->kept, room);
		if (!kept)
			return false;
		m->kept = kept;
		m->room = room;
	}
	memcpy(kept + m->len, bytes, n);
	return true;
}

bool body_match_add(
	struct body_match *m, const struct body_rule *rule, const void *bytes, size_t len)
{
	size_t n = len < rule->max - m->len ? len : rule->max - m->len;

	m->cut = m->cut || n < len;
	if (rule->contains && !m->found)
		search(m, rule, bytes, n);
	if (rule->has_sha256)
		sha256_add(&m->hash, bytes, n);
	if ((rule->match || rule->keep) && n > 0 && !m->no_memory)
		m->no_memory = !keep(m, rule, bytes, n);
	m->len += n;
	return !m->cut && !m->no_memory;
}

/* The beginning of a text, such that it can stand in a line. */
static const char *shown(const char *text, char buf[static SHOWN_MAX + 1])
{
	size_t n = 0;

	for (; text[n] && n < SHOWN_MAX; n++)
		buf[n] = (char)(isprint((unsigned char)text[n]) ? text[n] : '?');
	if (text[n])
		memcpy(buf + SHOWN_MAX - 2, "..", 2);
	buf[n] = '\0';
	return buf;
}

static const char *where(const struct body_match *m, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%zu bytes", m->cut ? "the first " : "", m->len);
	return buf;
}

static bool judge_contains(
	const struct body_match *m, const struct body_rule *rule, char *reason, size_t size)
{
	char text[SHOWN_MAX + 1], bytes[40];

	if (!rule->contains || m->found)
		return true;
	(void)snprintf(reason, size, "body: \"%s\" not found in %s", shown(rule->contains, text),
		where(m, bytes, sizeof(bytes)));
	return false;
}

static bool judge_sha256(
	const struct body_match *m, const struct body_rule *rule, char *reason, size_t size)
{
	struct sha256 hash = m->hash;
	uint8_t is[SHA256_LEN];

	if (!rule->has_sha256)
		return true;
	if (m->cut) {
		(void)snprintf(reason, size, "body: longer than %zu bytes", rule->max);
		return false;
	}
	sha256_end(&hash, is);
	if (memcmp(is, rule->sha256, SHA256_LEN) == 0)
		return true;
	(void)snprintf(reason, size,
		"body: SHA-256 of %zu bytes is %02x%02x%02x%02x..., wanted "
		"%02x%02x%02x%02x...",
		m->len, is[0], is[1], is[2], is[3], rule->sha256[0], rule->sha256[1],
		rule->sha256[2], rule->sha256[3]);
	return false;
}

static bool judge_match(
	const struct body_match *m, const struct body_rule *rule, char *reason, size_t size)
{
	char text[SHOWN_MAX + 1], bytes[40];

	if (!rule->match)
		return true;
	if (m->no_memory) {
		(void)snprintf(reason, size, "body: no memory for %zu bytes", rule->max);
		return false;
	}
	switch (pattern_search(rule->match, m->kept, m->len)) {
	case PATTERN_FOUND:
		return true;
	case PATTERN_ABSENT:
		(void)snprintf(reason, size, "body: /%s/ does not match in %s",
			shown(rule->match_text, text), where(m, bytes, sizeof(bytes)));
		break;
	case PATTERN_GAVE_UP:
		(void)snprintf(reason, size, "body: /%s/ takes too many steps in %s",
			shown(rule->match_text, text), where(m, bytes, sizeof(bytes)));
		break;
	}
	return false;
}

bool body_match_judge(
	const struct body_match *m, const struct body_rule *rule, char *reason, size_t size)
{
	return judge_contains(m, rule, reason, size) && judge_sha256(m, rule, reason, size) &&
	       judge_match(m, rule, reason, size);
}
