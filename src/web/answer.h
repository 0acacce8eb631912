/* What is answered to requests, whatever carries them. */
#pragma once

#include "base/instant.h"

#include <jansson.h>
#include <stddef.h>

enum answer_kind {
	ANSWER_PAGE,    /* / */
	ANSWER_METRICS, /* /metrics */
	ANSWER_STATUS,  /* /status.json */
	ANSWER_MAX_
};

/* ANSWER_MAX_: there is nothing of this path. */
enum answer_kind answer_of_path(const char *path);
const char *answer_type(enum answer_kind kind); /* Content-Type */
/* 200, or 503 without a status. Metrics are 200 even then: "tandem_up 0" is to be read. */
unsigned answer_code(enum answer_kind kind, const json_t *status);
/* The body, to be freed; NULL when memory ran out. status NULL: `reason` says why. */
char *answer_text(enum answer_kind kind, const json_t *status, const char *reason,
	struct instant now, size_t *ret_len);
