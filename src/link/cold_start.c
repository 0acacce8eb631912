/* What the list tells is never newer than what the relay heard since this process began: a record
 * of it counts as said before. */
#include "link/cold_start.h"

#include "io/clock.h"
#include "io/conn_list.h"
#include "io/service_list.h"
#include "link/service_table.h"
#include "link/shadow.h"

#include <errno.h>
#include <stdlib.h>

#define LINES 128u       /* per step: about three pages, each of which is one read */
#define MAX_US 60000000u /* a million lines do not end */
#define PAUSE_MIN_US 1000u

struct cold_start {
	struct shadow *shadow;
	struct cold_start_handler handler;
	struct proc_lines *list;
	struct proc_lines *services; /* NULL: it was read, or is not there */
	struct service_table table;
	struct instant began;
	struct cold_start_report report;
	bool over;
};

int cold_start_new(struct shadow *shadow, const char *path, const char *services,
	const struct cold_start_handler *handler, struct instant now, struct cold_start **ret)
{
	struct cold_start *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->shadow = shadow;
	c->handler = *handler;
	c->began = now;
	c->report.error = proc_lines_open(path, &c->list);
	if (proc_lines_open(services, &c->services) < 0)
		c->services = NULL;
	*ret = c;
	return 0;
}

void cold_start_free(struct cold_start *c)
{
	if (!c)
		return;
	proc_lines_close(c->list);
	proc_lines_close(c->services);
	service_table_done(&c->table);
	free(c);
}

static void on_service_line(const struct service_line *line, void *userdata)
{
	struct cold_start *c = userdata;

	service_table_add(&c->table, line);
}

/* What is not known whole says nothing. */
static void read_services(struct cold_start *c)
{
	int r = service_list_read(c->services, LINES, on_service_line, c);

	if (r > 0)
		return;
	proc_lines_close(c->services);
	c->services = NULL;
	if (r < 0)
		c->table.incomplete = true;
	service_table_sort(&c->table);
}

/* A connection whose timer has `left_s` to go was heard of when it began. */
static void on_line(struct conn_line *line, void *userdata)
{
	struct cold_start *c = userdata;
	struct sync_record *r = &line->record;
	uint32_t whole_s;
	uint64_t age_us = 1;

	c->report.read++;
	if (!r->mark)
		r->mark = service_table_mark(&c->table, r);
	whole_s = shadow_timeout_s(r);
	if (whole_s > line->left_s)
		age_us += (uint64_t)(whole_s - line->left_s) * 1000000;
	(void)shadow_take(c->shadow, r, SHADOW_OWN, (struct instant){c->began.us - age_us});
}

static struct instant end(struct cold_start *c, bool complete, struct instant now)
{
	c->over = true;
	c->report.complete = complete;
	c->report.took_us = instant_between_us(c->began, now);
	if (c->list)
		c->report.strange = proc_lines_strange(c->list);
	proc_lines_close(c->list);
	c->list = NULL;
	c->handler.ended(&c->report, c->handler.userdata);
	return INSTANT_NEVER;
}

struct instant cold_start_step(struct cold_start *c, struct instant now)
{
	struct instant after;
	uint64_t pause_us;
	int r;

	if (c->over)
		return INSTANT_NEVER;
	if (!c->list)
		return end(c, c->report.error == -ENOENT, now);
	if (c->services) {
		read_services(c);
		return now;
	}
	r = conn_list_read(c->list, LINES, on_line, c);
	after = clock_now();
	if (r < 0)
		c->report.error = r;
	if (r <= 0)
		return end(c, r == 0, after);
	if (instant_between_us(c->began, after) > MAX_US)
		return end(c, false, after);
	pause_us = instant_between_us(now, after);
	return instant_add(after, pause_us > PAUSE_MIN_US ? pause_us : PAUSE_MIN_US);
}
