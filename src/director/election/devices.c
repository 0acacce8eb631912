/* Devices with virtual MACs that are to be brought down or removed. The kernel takes some 20 ms for
 * each: the elector has an advert to send meanwhile, the director has nothing that could not wait;
 * still it is one in each turn of the loop.
 *
 * A device that is wanted up again before its turn stays up. One that comes up while it is brought
 * down is brought up again by the elector, which sees it go. */
#include "director/state.h"

#include "io/rtnl.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX 1024 /* one for each virtual router */

struct device {
	char name[IF_NAMESIZE];
	int ifindex;
	bool remove; /* else: bring down */
};

/* One that is gone is gone. */
static int change(const struct device *device)
{
	static const struct rtnl_handler handler;
	struct rtnl *rtnl;
	int r = rtnl_open(&handler, NULL, &rtnl);

	if (r < 0)
		return r;
	r = device->remove ? rtnl_remove_link(rtnl, device->ifindex)
			   : rtnl_set_up(rtnl, device->ifindex, false);
	rtnl_close(rtnl);
	return r == -ENODEV ? 0 : r;
}

static void take_out(struct devices *v, size_t i)
{
	v->n--;
	memmove(v->items + i, v->items + i + 1, (v->n - i) * sizeof(*v->items));
}

static void change_now(struct director *d, const struct device *device)
{
	char message[100];
	int r = change(device);

	if (r == 0)
		return;
	(void)snprintf(message, sizeof(message), "%s: could not be %s: %s", device->name,
		device->remove ? "removed" : "brought down", strerror(-r));
	director_event(d, EVENT_ERROR, message, NULL);
}

static void change_first(struct director *d)
{
	struct device first = d->devices.items[0];

	take_out(&d->devices, 0);
	change_now(d, &first);
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct director *d = userdata;

	if (d->devices.n > 0)
		change_first(d);
	return d->devices.n > 0 ? sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) : 0;
}

/* What was to become of it counts no more. */
static void forget(struct devices *v, int ifindex)
{
	for (size_t i = v->n; i-- > 0;)
		if (v->items[i].ifindex == ifindex)
			take_out(v, i);
}

/* False: there are more than virtual routers, or memory is out. */
static bool add(struct devices *v, const struct device *device)
{
	struct device *items;

	if (v->n == DEVICES_MAX)
		return false;
	items = reallocarray(v->items, v->n + 1, sizeof(*items));
	if (!items)
		return false;
	v->items = items;
	items[v->n++] = *device;
	return true;
}

static void enqueue(struct director *d, const struct device *device)
{
	struct devices *v = &d->devices;

	if (!add(v, device)) {
		change_now(d, device);
		return;
	}
	if (!v->turn && sd_event_add_defer(d->loop, &v->turn, on_turn, d) < 0) {
		change_first(d);
		return;
	}
	(void)sd_event_source_set_priority(v->turn, SD_EVENT_PRIORITY_IDLE);
	(void)sd_event_source_set_enabled(v->turn, SD_EVENT_ONESHOT);
}

void devices_message(struct director *d, const json_t *said)
{
	const char *name = json_string_value(json_object_get(said, "name"));
	const char *wish = json_string_value(json_object_get(said, "wish"));
	json_int_t ifindex = json_integer_value(json_object_get(said, "ifindex"));
	struct device device = {.ifindex = (int)ifindex};

	if (!name || !wish || ifindex < 1 || ifindex > INT32_MAX)
		return;
	(void)snprintf(device.name, sizeof(device.name), "%s", name);
	device.remove = strcmp(wish, "gone") == 0;
	forget(&d->devices, device.ifindex);
	if (device.remove || strcmp(wish, "down") == 0)
		enqueue(d, &device);
}

void devices_done(struct director *d)
{
	while (d->devices.n > 0)
		change_first(d);
	sd_event_source_disable_unref(d->devices.turn);
	free(d->devices.items);
	d->devices = (struct devices){0};
}
