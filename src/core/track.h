/* From what is watched to the priority of a virtual router: which failures count, and what is left
 * of the configured priority, as a sum that can be shown. */
#pragma once

#include "core/health.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACK_WEIGHT_MAX 254
#define TRACK_TEXT_MAX 64 /* what is watched, with its NUL */
#define TRACK_CAUSES_MAX 16
#define TRACK_SCORE_TEXT_MAX (TRACK_CAUSES_MAX * (TRACK_TEXT_MAX + 8) + 80)

/* Members taken together: HEALTH_UP when all of them, or one of them, is. While an unchecked member
 * could change that it is HEALTH_UNKNOWN. Without members all are up, and none is. */
enum health_state track_all(const enum health_state *members, size_t n);
enum health_state track_any(const enum health_state *members, size_t n);
/* What is up is down, and the other way round. */
enum health_state track_inverse(enum health_state state);

/* Why a priority is not the configured one. */
struct track_cause {
	char text[TRACK_TEXT_MAX]; /* "ping 192.0.2.1" */
	bool fault;                /* takes no part in the election at all */
	int weight;                /* else: added to the priority */
};

/* A text in UTF-8 cut to fit, so that the cut is seen. */
void track_cause_name(struct track_cause *cause, const char *text);
/* A number of the outside world times a weight, within what a priority can be moved by. */
int track_weight(int weight, int64_t number);

struct track_score {
	bool fault;
	uint8_t priority; /* 1..254; 255 stays what it is: an owner has no other */
};

struct track_score track_score(uint8_t base, const struct track_cause *causes, size_t n);

/* "base 150, -60 ping 192.0.2.1 = 90", "base 150, fault: interface eth2". Returns buf. */
const char *track_score_text(uint8_t base, const struct track_cause *causes, size_t n,
	char buf[static TRACK_SCORE_TEXT_MAX]);

bool track_causes_equal(
	const struct track_cause *a, size_t n_a, const struct track_cause *b, size_t n_b);
