/* Three answers made of one status. */
#include "web/answer.h"

#include "web/metrics.h"
#include "web/page.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *path, *type;
} kinds[ANSWER_MAX_] = {
	[ANSWER_PAGE] = {"/", "text/html; charset=utf-8"},
	[ANSWER_METRICS] = {"/metrics", "text/plain; version=0.0.4; charset=utf-8"},
	[ANSWER_STATUS] = {"/status.json", "application/json"},
};

enum answer_kind answer_of_path(const char *path)
{
	enum answer_kind kind = 0;

	while (kind < ANSWER_MAX_ && strcmp(kinds[kind].path, path) != 0)
		kind++;
	return kind;
}

const char *answer_type(enum answer_kind kind)
{
	return kinds[kind].type;
}

unsigned answer_code(enum answer_kind kind, const json_t *status)
{
	return status || kind == ANSWER_METRICS ? 200 : 503;
}

static bool print_json(FILE *f, const json_t *status, const char *reason)
{
	json_t *failed = status ? NULL : json_pack("{s:s}", "error", reason);
	const json_t *value = status ? status : failed;
	bool printed = value && json_dumpf(value, f, JSON_INDENT(2)) == 0;

	(void)fputc('\n', f);
	json_decref(failed);
	return printed;
}

static bool print(FILE *f, enum answer_kind kind, const json_t *status, const char *reason,
	struct instant now)
{
	switch (kind) {
	case ANSWER_METRICS:
		return metrics_print(f, status, now);
	case ANSWER_STATUS:
		return print_json(f, status, reason);
	case ANSWER_PAGE:
		page_print(f, status, reason, now);
		return true;
	case ANSWER_MAX_:
		break;
	}
	return false;
}

char *answer_text(enum answer_kind kind, const json_t *status, const char *reason,
	struct instant now, size_t *ret_len)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	bool printed;

	if (!f)
		return NULL;
	printed = print(f, kind, status, reason, now);
	if (fclose(f) != 0 || !printed) {
		free(text);
		return NULL;
	}
	*ret_len = len;
	return text;
}
