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

static bool parse_status(const struct parse *p, const json_t *value, const struct path *path,
	struct conf_statuses *ret)
{
	static const struct key status_key = {.min = STATUS_MIN, .max = STATUS_MAX};
	const char *text = json_string_value(value), *rest;
	auto_free char *quoted = NULL;
	struct conf_statuses range;
	uint64_t n;

	if (json_is_integer(value)) {
		if (!parse_integer(p, &status_key, value, path, &n))
			return false;
		*ret = (struct conf_statuses){(uint16_t)n, (uint16_t)n};
		return true;
	}
	if (!parse_expect(p, json_is_string(value), "a whole number, or a range \"FROM-TO\"", value,
		    path))
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

bool parse_statuses(const struct parse *p, const struct key *key, const json_t *value,
	const struct path *path, void *object)
{
	bool many = json_is_array(value), good = true;
	size_t n = many ? json_array_size(value) : 1;
	struct conf_statuses *ranges = conf_alloc(n, sizeof(*ranges));

	*(struct conf_statuses **)key_field(object, key->field) = ranges;
	*(size_t *)key_field(object, key->also) = n;
	for (size_t i = 0; i < n; i++) {
		struct path at = many ? (struct path){path, NULL, i} : *path;

		if (!parse_status(p, many ? json_array_get(value, i) : value, &at, &ranges[i]))
			good = false;
	}
	return check_number(p, key, n, "codes", path) && good;
}

static bool parse_header(
	const struct parse *p, const char *name, const json_t *value, const struct path *path)
{
	static const struct key name_key = {.chars = HEADER_NAME_CHARS};
	static const struct key value_key = {.chars = " -~"};
	auto_free char *quoted = NULL;
	size_t len = key_text_len(&name_key, name);

	if (len < 1 || len > HEADER_LEN_MAX) {
		quoted = fault_quote(name);
		fault_add(p->faults, p->source, path, FAULT_AT_KEY,
			"%s is not the name of a header", quoted);
		return false;
	}
	if (!parse_expect(p, json_is_string(value), "a text", value, path))
		return false;
	if (key_text_len(&value_key, json_string_value(value)) <= HEADER_LEN_MAX)
		return true;
	return parse_fault(p, path,
		conf_printf("must be up to %d printable ASCII characters", HEADER_LEN_MAX));
}

bool parse_headers(const struct parse *p, const struct key *key, json_t *value,
	const struct path *path, void *object)
{
	struct conf_header *headers;
	bool good = true;
	size_t n = 0;
	const char *name;
	json_t *text;

	if (!parse_expect_object(p, value, path))
		return false;
	headers = conf_alloc(json_object_size(value), sizeof(*headers));
	json_object_foreach (value, name, text) {
		struct path at = {path, name, 0};

		if (strcmp(name, KEY_COMMENT) == 0)
			continue;
		if (!parse_header(p, name, text, &at)) {
			good = false;
			continue;
		}
		headers[n++] =
			(struct conf_header){conf_dup(name), conf_dup(json_string_value(text))};
	}
	*(struct conf_header **)key_field(object, key->field) = headers;
	*(size_t *)key_field(object, key->also) = n;
	return check_number(p, key, n, "headers", path) && good;
}
