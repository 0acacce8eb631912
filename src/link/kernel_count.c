/* The kernel is asked first, the shadow some seconds later, when what it counted has been told: its
 * sync master keeps a message back for up to two seconds. */
#include "link/kernel_count.h"

#include "io/clock.h"
#include "io/service_list.h"
#include "link/service_table.h"
#include "link/shadow.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_US 10000000u
#define SHARE 50u /* times as long as one took there is none */
#define SETTLE_US 4000000u
#define LINES 128u
#define STEP 4096u /* entries */

enum phase {
	PHASE_RESTS,
	PHASE_READS,
	PHASE_SETTLES,
	PHASE_WALKS,
};

struct kernel_count {
	struct shadow *shadow;
	const char *path;
	struct kernel_count_handler handler;
	enum phase phase;
	struct instant next, asked;
	uint64_t busy_us; /* with this comparison */
	struct proc_lines *list;
	struct shadow_walk walk;
	struct service_table table;
};

int kernel_count_new(struct shadow *shadow, const char *path,
	const struct kernel_count_handler *handler, struct instant now, struct kernel_count **ret)
{
	struct kernel_count *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->shadow = shadow;
	k->path = path;
	k->handler = *handler;
	k->next = instant_add(now, EVERY_US);
	*ret = k;
	return 0;
}

void kernel_count_free(struct kernel_count *k)
{
	if (!k)
		return;
	proc_lines_close(k->list);
	service_table_done(&k->table);
	free(k);
}

/* Reading */

/* Of TCP and SCTP those that are established are told, of UDP all are. */
static bool all_are_told(uint8_t protocol)
{
	return protocol == IPPROTO_UDP;
}

static void on_line(const struct service_line *line, void *userdata)
{
	struct kernel_count *k = userdata;

	service_table_add(&k->table, line);
}

static struct instant rest(struct kernel_count *k, struct instant now)
{
	uint64_t pause_us = SHARE * k->busy_us;

	proc_lines_close(k->list);
	k->list = NULL;
	k->phase = PHASE_RESTS;
	k->next = instant_add(now, pause_us > EVERY_US ? pause_us : EVERY_US);
	return k->next;
}

static struct instant begin(struct kernel_count *k, struct instant now)
{
	k->busy_us = 0;
	service_table_clear(&k->table);
	k->asked = now;
	if (proc_lines_open(k->path, &k->list) < 0)
		return rest(k, now); /* there is no IPVS */
	k->phase = PHASE_READS;
	return now;
}

static struct instant read_some(struct kernel_count *k, struct instant now)
{
	int r = service_list_read(k->list, LINES, on_line, k);

	if (r > 0)
		return now;
	proc_lines_close(k->list);
	k->list = NULL;
	if (r < 0 || k->table.incomplete)
		return rest(k, now);
	service_table_sort(&k->table);
	k->walk = (struct shadow_walk){0};
	k->phase = PHASE_SETTLES;
	k->next = instant_add(now, SETTLE_US);
	return k->next;
}

/* Walking */

static void count(struct kernel_count *k, const struct sync_record *r, struct instant said)
{
	struct kernel_service *s;

	if ((r->flags & SYNC_FLAG_TEMPLATE) ||
		((r->flags & SYNC_FLAG_INACTIVE) && !all_are_told(r->protocol)))
		return;
	s = service_table_find(&k->table, r);
	if (!s || (s->protocol == 0 && all_are_told(r->protocol)) ||
		!service_table_has_server(&k->table, s, r))
		return;
	s->count.known++;
	s->count.young += (int64_t)(said.us - k->asked.us) >= 0;
}

static struct instant finish(struct kernel_count *k, struct instant now)
{
	struct table_sum sum = {0};

	for (size_t i = 0; i < k->table.n_services; i++) {
		struct kernel_service *s = &k->table.services[i];

		s->count.kernel = s->active + (all_are_told(s->protocol) ? s->inactive : 0);
		table_sum_add(&sum, &s->count);
	}
	(void)rest(k, now);
	k->handler.counted(&sum, now, k->handler.userdata);
	return k->next;
}

static struct instant walk(struct kernel_count *k, struct instant now)
{
	for (unsigned i = 0; i < STEP; i++) {
		enum shadow_origin origin;
		struct sync_record record;
		struct instant said;

		if (!shadow_next(k->shadow, &k->walk, &record, &origin, &said))
			return finish(k, now);
		count(k, &record, said);
	}
	return now;
}

struct instant kernel_count_step(struct kernel_count *k, struct instant now)
{
	struct instant next;

	if (k->phase == PHASE_RESTS || k->phase == PHASE_SETTLES) {
		if (!instant_reached(k->next, now))
			return k->next;
		if (k->phase == PHASE_RESTS)
			return begin(k, now);
		k->phase = PHASE_WALKS;
	}
	next = k->phase == PHASE_READS ? read_some(k, now) : walk(k, now);
	k->busy_us += instant_between_us(now, clock_now());
	return next;
}
