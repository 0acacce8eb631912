/* Services that the kernel refused: each is named until it is as it should be, and tried again by
 * itself, so that the others do not pay for it. */
#include "director/state.h"

#include "io/clock.h"

#include <stdlib.h>
#include <string.h>

#define CURE_FIRST_US UINT64_C(1000000)
#define CURE_MAX_US UINT64_C(30000000)

static uint64_t wait_us(unsigned tries)
{
	uint64_t us = CURE_FIRST_US << (tries < 5 ? tries : 5);

	return us < CURE_MAX_US ? us : CURE_MAX_US;
}

static void schedule(struct director *d, struct instant first)
{
	(void)sd_event_source_set_time(d->pending.cure, first.us);
	(void)sd_event_source_set_enabled(
		d->pending.cure, instant_is_never(first) ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_cure(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct director *d = userdata;
	struct instant now = clock_now(), first = INSTANT_NEVER;

	(void)source;
	(void)usec;
	for (size_t i = 0; d->services.n_troubles > 0 && i < d->services.n; i++) {
		const struct trouble *t = &d->services.troubles[i];

		if (t->text && instant_reached(t->again, now))
			apply_service(d, i);
		else if (t->text)
			first = instant_min(first, t->again);
	}
	schedule(d, first);
	return 0;
}

int trouble_init(struct director *d)
{
	int r = sd_event_add_time(
		d->loop, &d->pending.cure, CLOCK_BOOTTIME, UINT64_MAX, 10000, on_cure, d);

	return r < 0 ? r : sd_event_source_set_enabled(d->pending.cure, SD_EVENT_OFF);
}

/* The same problem met again is not news. */
static void tell(struct director *d, const struct trouble *t, const char *text)
{
	if (!t->text || strcmp(t->text, text) != 0)
		director_event(d, EVENT_IPVS_FAILED, text, NULL);
}

void trouble_note(struct director *d, size_t service, const char *text)
{
	struct trouble *t = &d->services.troubles[service];
	char *copy = strdup(text);
	uint64_t due = UINT64_MAX;
	int armed = SD_EVENT_OFF;

	if (!copy)
		return; /* the next look finds it */
	tell(d, t, text);
	d->services.n_troubles += !t->text;
	free(t->text);
	t->text = copy;
	t->again = instant_add(clock_now(), wait_us(t->tries++));
	(void)sd_event_source_get_enabled(d->pending.cure, &armed);
	if (armed != SD_EVENT_OFF)
		(void)sd_event_source_get_time(d->pending.cure, &due);
	if (t->again.us < due)
		schedule(d, t->again);
}

void trouble_over(struct director *d, size_t service)
{
	struct trouble *t = &d->services.troubles[service];

	if (!t->text)
		return;
	free(t->text);
	*t = (struct trouble){0};
	d->services.n_troubles--;
}

bool trouble_waits(const struct director *d, size_t service)
{
	return d->services.troubles[service].text != NULL;
}
