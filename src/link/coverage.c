/* Each side sends its digest and judges its own entries: only who has an entry knows whether it is
 * so young that it may be on its way, or so old that the other may have forgotten it. What should
 * be there and is not, is pushed by who has it; a peer that lacks too much asks for everything. */
#include "link/coverage.h"

#include "base/byteorder.h"
#include "base/mix.h"
#include "core/sync_digest.h"
#include "link/resync.h"
#include "link/shadow.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_US 60000000u
#define AGAIN_US 10000000u /* after something was pushed, or when it could not be sent */
#define SETTLE_US 5000000u
#define LIMIT_PER_10000 9900u
#define SURPLUS_MIN 256u /* less than this is left to the peer's pushes */
#define STEP 4096u       /* entries */
#define BUCKETS (2 * COVERAGE_SERVICES_MAX)

/* One comparison, while the walk over our entries goes on. */
struct judging {
	bool runs;
	struct instant began;
	struct shadow_walk walk;
	uint32_t own, missing;
	uint64_t lag_us;
	size_t n_services;
	uint16_t buckets[BUCKETS]; /* number + 1 */
	struct coverage_service services[COVERAGE_SERVICES_MAX];
	size_t n_places;
	uint64_t places[RESYNC_PUSH_MAX]; /* of what is missing */
};

struct coverage {
	struct shadow *shadow;
	struct resync *resync;
	struct coverage_settings settings;
	struct coverage_world world;
	bool open;
	struct instant next; /* when to ask */
	struct sync_digest own, peer;
	struct sync_differences differences;
	struct judging judging;
	struct coverage_report report;
	uint8_t message[SYNC_DIGEST_MESSAGE_LEN];
};

int coverage_new(struct shadow *shadow, struct resync *resync,
	const struct coverage_settings *settings, const struct coverage_world *world,
	struct coverage **ret)
{
	struct coverage *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->shadow = shadow;
	c->resync = resync;
	c->settings = *settings;
	c->world = *world;
	if (!c->settings.interval_us)
		c->settings.interval_us = INTERVAL_US;
	if (!c->settings.settle_us)
		c->settings.settle_us = SETTLE_US;
	if (!c->settings.limit_per_10000)
		c->settings.limit_per_10000 = LIMIT_PER_10000;
	*ret = c;
	return 0;
}

void coverage_free(struct coverage *c)
{
	free(c);
}

void coverage_opened(struct coverage *c, struct instant now)
{
	c->open = true;
	c->next = instant_add(now, c->settings.settle_us);
}

void coverage_closed(struct coverage *c)
{
	c->open = false;
	c->judging.runs = false;
}

void coverage_report(const struct coverage *c, struct coverage_report *ret)
{
	*ret = c->report;
}

static bool send_digest(struct coverage *c, bool answer_wanted, struct instant now)
{
	struct sync_digest_header header = {answer_wanted, now.us};

	if (!c->open)
		return false;
	sync_digest_build(shadow_digest(c->shadow), &header, c->message);
	return c->world.send(STREAM_DIGEST, c->message, sizeof(c->message), c->world.userdata);
}

bool coverage_ask(struct coverage *c, struct instant now)
{
	return send_digest(c, true, now);
}

/* At this moment, too, is ours compared: what changes from now on differs. */
static void begin(struct coverage *c, struct instant now)
{
	c->own = *shadow_digest(c->shadow);
	sync_digest_compare(&c->own, &c->peer, &c->differences);
	memset(&c->judging, 0, offsetof(struct judging, services));
	c->judging.n_places = 0;
	c->judging.runs = true;
	c->judging.began = now;
}

bool coverage_message(struct coverage *c, const uint8_t *data, size_t len, struct instant now)
{
	struct sync_digest_header header;

	if (!sync_digest_parse(data, len, &header, &c->peer))
		return false;
	resync_peer_clock(c->resync, header.clock_us);
	/* When it cannot be sent, the peer asks again. */
	if (header.answer_wanted)
		(void)send_digest(c, false, now);
	c->next = instant_add(now, c->settings.interval_us);
	begin(c, now);
	return true;
}

/* What it is counted under: the templates of a firewall mark have it where others have the
 * address. */
static struct coverage_service service_of(const struct sync_record *record)
{
	struct coverage_service s = {.protocol = record->protocol};

	if (record->protocol == 0) {
		s.mark = be32_get(record->service.bytes);
		return s;
	}
	s.address = record->service;
	s.port = record->service_port;
	return s;
}

static bool same_service(const struct coverage_service *a, const struct coverage_service *b)
{
	return a->protocol == b->protocol && a->port == b->port && a->mark == b->mark &&
	       addr_equal(&a->address, &b->address);
}

/* NULL: there are too many. */
static struct coverage_service *find_service(struct judging *j, const struct sync_record *record)
{
	struct coverage_service wanted = service_of(record);
	uint64_t hash = mix_word(
		(uint64_t)wanted.protocol << 48 | (uint64_t)wanted.port << 32, wanted.mark);
	size_t at;

	hash = mix_bytes(hash, wanted.address.bytes, sizeof(wanted.address.bytes));
	for (at = hash % BUCKETS; j->buckets[at]; at = (at + 1) % BUCKETS)
		if (same_service(&j->services[j->buckets[at] - 1], &wanted))
			return &j->services[j->buckets[at] - 1];
	if (j->n_services == COVERAGE_SERVICES_MAX)
		return NULL;
	j->services[j->n_services] = wanted;
	j->buckets[at] = (uint16_t)++j->n_services;
	return &j->services[j->n_services - 1];
}

/* The peer has not got it, or not like this. Whether it should. */
static bool is_missing(struct coverage *c, const struct sync_record *record, struct instant said)
{
	struct judging *j = &c->judging;
	int64_t age_us = (int64_t)(j->began.us - said.us);
	int64_t left_us = (int64_t)shadow_timeout_s(record) * 1000000 - age_us;

	if (age_us < 0)
		return false; /* it changed while the walk went on */
	if ((uint64_t)age_us < c->settings.settle_us) {
		if ((uint64_t)age_us > j->lag_us)
			j->lag_us = (uint64_t)age_us;
		return false;
	}
	return left_us >= (int64_t)c->settings.settle_us;
}

static void judge(
	struct coverage *c, const struct sync_record *record, struct instant said, uint64_t place)
{
	struct judging *j = &c->judging;
	struct coverage_service *service = find_service(j, record);

	j->own++;
	if (service)
		service->own++;
	if (c->differences.n_own == 0 ||
		!sync_differences_has_own(&c->differences, sync_digest_element(record)) ||
		!is_missing(c, record, said))
		return;
	j->missing++;
	if (service)
		service->missing++;
	if (j->n_places < RESYNC_PUSH_MAX)
		j->places[j->n_places++] = place;
}

/* Too many differ to be told apart: those by which one table is longer are the other's loss, the
 * rest is anybody's. */
static void estimate(const struct coverage *c, struct coverage_report *report)
{
	uint32_t differ = c->differences.at_least;
	uint32_t longer = report->own > report->peer ? report->own - report->peer : 0;
	uint32_t shorter = report->peer > report->own ? report->peer - report->own : 0;
	uint32_t rest = differ > longer + shorter ? (differ - longer - shorter) / 2 : 0;

	report->missing = longer + rest < report->own ? longer + rest : report->own;
	report->surplus = shorter + rest;
}

static unsigned per_10000(uint32_t part, uint32_t whole)
{
	return whole ? (unsigned)((uint64_t)part * 10000 / whole) : 10000;
}

/* Some of the surplus may be on its way: a few are no reason to ask for everything. */
static bool lacks_too_much(const struct coverage *c, const struct coverage_report *report)
{
	uint32_t had = report->peer > report->surplus ? report->peer - report->surplus : 0;
	struct resync_report running;

	resync_report(c->resync, report->at, &running);
	return running.state != RESYNC_RUNNING && report->surplus >= SURPLUS_MIN &&
	       per_10000(had, report->peer) < c->settings.limit_per_10000;
}

static void finish(struct coverage *c, struct instant now)
{
	struct judging *j = &c->judging;
	struct coverage_report report = {.at = now,
		.own = j->own,
		.peer = c->peer.entries,
		.missing = j->missing,
		.surplus = c->differences.n_peer,
		.lag_us = j->lag_us,
		.exact = c->differences.exact};

	j->runs = false;
	if (!report.exact)
		estimate(c, &report);
	report.matching = report.own - report.missing;
	report.per_10000 = per_10000(report.matching, report.own);
	c->report = report;
	report.services = j->services;
	report.n_services = j->n_services;
	c->world.compared(&report, c->world.userdata);
	if (report.exact && j->n_places > 0 && !resync_is_giving(c->resync)) {
		(void)resync_push(c->resync, j->places, j->n_places);
		c->next = instant_min(c->next, instant_add(now, AGAIN_US));
	}
	if (lacks_too_much(c, &report) && resync_ask(c->resync, false, now))
		c->next = instant_min(c->next, instant_add(now, AGAIN_US));
}

static void walk(struct coverage *c, struct instant now)
{
	for (unsigned i = 0; i < STEP; i++) {
		enum shadow_origin origin;
		struct sync_record record;
		struct instant said;

		if (!shadow_next(c->shadow, &c->judging.walk, &record, &origin, &said)) {
			finish(c, now);
			return;
		}
		judge(c, &record, said, shadow_walk_place(&c->judging.walk));
	}
}

struct instant coverage_step(struct coverage *c, struct instant now)
{
	if (c->judging.runs)
		walk(c, now);
	if (!c->open)
		return INSTANT_NEVER;
	if (instant_reached(c->next, now))
		c->next =
			instant_add(now, coverage_ask(c, now) ? c->settings.interval_us : AGAIN_US);
	return c->judging.runs ? now : c->next;
}
