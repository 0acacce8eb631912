/* Status codes and headers of HTTP. */
#include "conf/parse_http.h"

#include "base/cleanup.h"
#include "conf/alloc.h"

#include <inttypes.h>

#define STATUS_MIN 100
#define STATUS_MAX 599
#define HEADER_NAME_CHARS "A-Za-z0-9!#$%&'*+.^_`|~-" /* RFC 9110, section 5.6.2 */
#define HEADER_LEN_MAX 1024

static bool status_of_text(const char *text, char end, uint16_t *ret, const char **ret_rest)
{
	char *rest;
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	n = strtoul(text, &rest, 10);
	if (*rest != end || n < STATUS_MIN || n > STATUS_MAX)
		return false;
	*ret = (uint16_t)n;
	*ret_rest = rest;
	return true;
}

static bool parse_status(const struct parse *p, const struct value *value, const struct path *path,
	struct conf_statuses *ret)
{
	static const struct key status_key = {.min = STATUS_MIN, .max = STATUS_MAX};
	const char *text = value_text(value), *rest;
	auto_free char *quoted = NULL;
	struct conf_statuses range;
	uint64_t n;

	if (value_is(value, VALUE_INTEGER)) {
		if (!parse_integer(p, &status_key, value, path, &n))
			return false;
		*ret = (struct conf_statuses){(uint16_t)n, (uint16_t)n};
		return true;
	}
	if (!parse_expect(p, value_is(value, VALUE_TEXT), "a whole number, or a range \"FROM-TO\"",
		    value, path))
		return false;
	if (status_of_text(text, '-', &range.first, &rest) &&
		status_of_text(rest + 1, '\0', &range.last, &rest) && range.first <= range.last) {
		*ret = range;
		return true;
	}
	quoted = fault_quote(text);
	return parse_fault(p, path, conf_printf("%s is not a range such as \"200-299\"", quoted));
}

static bool check_number(const struct parse *p, const struct key *key, size_t n, const char *what,
	const struct path *path)
{
	if (n >= key->min && n <= key->max)
		return true;
	return parse_fault(p, path,
		conf_printf("must have %" PRIu64 "..%" PRIu64 " %s, not %zu", key->min, key->max,
			what, n));
}

bool parse_statuses(const struct parse *p, const struct key *key, const struct value *value,
	const struct path *path, void *object)
{
	size_t n;
	const struct value *item = value_list(value, &n);
	struct conf_statuses *ranges = conf_alloc(n, sizeof(*ranges));
	bool good = true;

	*(struct conf_statuses **)key_field(object, key->field) = ranges;
	*(size_t *)key_field(object, key->also) = n;
	for (size_t i = 0; i < n; i++, item = item->next) {
		struct path at = parse_item_path(value, path, i);

		if (!parse_status(p, item, &at, &ranges[i]))
			good = false;
	}
	return check_number(p, key, n, "codes", path) && good;
}

static bool parse_header(const struct parse *p, const struct value *header, const struct path *path)
{
	static const struct key name_key = {.chars = HEADER_NAME_CHARS};
	static const struct key value_key = {.chars = " -~"};
	auto_free char *quoted = NULL;
	size_t len = key_text_len(&name_key, header->key);

	if (len < 1 || len > HEADER_LEN_MAX) {
		quoted = fault_quote(header->key);
		fault_add(p->faults, p->source, path, FAULT_AT_KEY,
			"%s is not the name of a header", quoted);
		return false;
	}
	if (!parse_expect(p, value_is(header, VALUE_TEXT), "a text", header, path))
		return false;
	if (key_text_len(&value_key, value_text(header)) <= HEADER_LEN_MAX)
		return true;
	return parse_fault(p, path,
		conf_printf("must be up to %d printable ASCII characters", HEADER_LEN_MAX));
}

bool parse_headers(const struct parse *p, const struct key *key, struct value *value,
	const struct path *path, void *object)
{
	struct conf_header *headers;
	bool good = true;
	size_t n = 0;

	if (!parse_expect_object(p, value, path))
		return false;
	headers = conf_alloc(value_count(value), sizeof(*headers));
	for (const struct value *v = value_members(value); v; v = v->next) {
		struct path at = {path, v->key, 0};

		if (strcmp(v->key, KEY_COMMENT) == 0)
			continue;
		if (!parse_header(p, v, &at)) {
			good = false;
			continue;
		}
		headers[n++] = (struct conf_header){conf_dup(v->key), conf_dup(value_text(v))};
	}
	*(struct conf_header **)key_field(object, key->field) = headers;
	*(size_t *)key_field(object, key->also) = n;
	return check_number(p, key, n, "headers", path) && good;
}
