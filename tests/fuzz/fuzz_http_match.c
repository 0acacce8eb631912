/* Any bytes as a body, in pieces: what is searched must be found where it is, nothing may be read
 * beyond, and no more kept than allowed. The first three bytes choose the rule, the size of the
 * pieces and the length of the text, which follows them. */
#include "checker/http_match.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const patterns[] = {
	"^[a-z]+(: *ok)?$", "(a+)+[b-f]", "status.{0,20}up", "(?s)^.{10}", "(a|b|ab)*c"};
#define N_PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

/* Text without zeros and of its true length. */
static json_t *settings_of(const uint8_t *text, size_t len, uint8_t choice)
{
	char contains[BODY_CONTAINS_MAX + 1];
	json_t *settings = json_pack("{s:i, s:s}", "body_max", choice & 0x80 ? 64 : 4096,
		"body_matches", patterns[choice % N_PATTERNS]);

	for (size_t i = 0; i < len; i++)
		contains[i] = (char)(text[i] % 0x5e + 0x21);
	contains[len] = '\0';
	if (len > 0)
		(void)json_object_set_new(settings, "body_contains", json_string(contains));
	return settings;
}

static void check(const struct body_rule *rule, const uint8_t *body, size_t len, size_t step)
{
	size_t seen = len < rule->max ? len : rule->max;
	struct body_match m;
	char reason[96];

	body_match_init(&m);
	for (size_t at = 0; at < len; at += step)
		if (!body_match_add(&m, rule, body + at, len - at < step ? len - at : step))
			break;
	if (m.len != seen || m.room > rule->max || m.cut != (len > rule->max))
		abort();
	if (rule->contains &&
		m.found != (memmem(body, seen, rule->contains, rule->contains_len) != NULL))
		abort();
	(void)body_match_judge(&m, rule, reason, sizeof(reason));
	body_match_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct body_rule rule = {0};
	json_t *settings;
	size_t text_len;

	if (len < 3)
		return 0;
	text_len = bytes[2] % 32 < len - 3 ? bytes[2] % 32 : len - 3;
	settings = settings_of(bytes + 3, text_len, bytes[0]);
	if (!settings || body_rule_parse(settings, &rule) < 0)
		abort();
	check(&rule, bytes + 3 + text_len, len - 3 - text_len, bytes[1] % 64 + 1U);
	body_rule_done(&rule);
	json_decref(settings);
	return 0;
}
