/* What the body of an answer must be like, held against it as it arrives. Of the body no more is
 * kept than what a regular expression looks at. */
#pragma once

#include "base/pattern.h"
#include "base/sha256.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BODY_CONTAINS_MAX 255
#define BODY_MAX_DEFAULT 65536
#define BODY_MAX_MAX 1048576

struct body_rule {
	size_t max;            /* bytes that are looked at */
	char *contains;        /* NULL: whatever */
	size_t contains_len;   /* 1..BODY_CONTAINS_MAX */
	uint8_t *borders;      /* of each beginning of `contains`: its longest border */
	struct pattern *match; /* NULL: whatever */
	char *match_text;
	bool keep; /* the body is for the caller, in body_match.kept */
	bool has_sha256;
	uint8_t sha256[SHA256_LEN];
};

/* From the members body_contains, body_matches, body_sha256 and body_max of `settings`. Returns 0,
 * -EINVAL or -ENOMEM; done is right after each. `ret` must be zero. */
int body_rule_parse(const json_t *settings, struct body_rule *ret);
void body_rule_done(struct body_rule *rule);

struct body_match {
	size_t len;      /* bytes looked at */
	bool cut;        /* the body has more */
	bool no_memory;  /* to keep it in */
	bool found;      /* `contains` */
	uint8_t matched; /* of it, at the end of what came */
	struct sha256 hash;
	uint8_t *kept; /* `len` bytes, for `match` or `keep`; NULL: nothing came */
	size_t room;
};
void body_match_init(struct body_match *m);
void body_match_done(struct body_match *m);

/* Take the next bytes in. False when more of them cannot change anything. */
bool body_match_add(
	struct body_match *m, const struct body_rule *rule, const void *bytes, size_t len);

/* Whether the body is as it must be, once it is complete or add returned false. If not, `reason`
 * says why in one line: body: "ok" not found in 312 bytes. */
bool body_match_judge(
	const struct body_match *m, const struct body_rule *rule, char *reason, size_t size);
