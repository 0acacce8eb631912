/* The link's side: what tandem-link is told and given, and what the kernel's sync daemons are bound
 * to. In tandem mode that is a device of our own behind which tandem-link sits: nothing of the
 * kernel's protocol, which knows no authority, gets onto a wire or from one. The device stays when
 * tandem-link is started again, and over a restart of the director too, with the daemons on it. */
#include "director/state.h"

#include "base/cleanup.h"
#include "io/peer_memory.h"
#include "io/tun.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICE_MTU 9216    /* the longest sync message, and its headers */
#define DEVICE_QUEUE 10000 /* messages that may wait for tandem-link */
#define GIVEN_DEVICE 0     /* places of descriptors, for tandem-link ... */
#define GIVEN_PAGE 1
#define GIVEN_PAGE_ELECTOR 0 /* ... and the elector */

int link_init(struct director *d)
{
	d->link = (struct link_side){.device = -1, .page = peer_memory_new()};
	(void)process_give(&d->helpers[HELPER_ELECTOR], GIVEN_PAGE_ELECTOR, d->link.page);
	(void)process_give(&d->helpers[HELPER_LINK], GIVEN_PAGE, d->link.page);
	return d->link.page < 0 ? d->link.page : 0;
}

static void close_device(struct director *d)
{
	if (d->link.device >= 0)
		(void)close(d->link.device);
	d->link.device = -1;
}

void link_done(struct director *d)
{
	close_device(d);
	if (d->link.page >= 0)
		(void)close(d->link.page);
	d->link.page = -1;
}

/* It outlives us: the next start finds it with the daemons still there. */
static int make_device(void)
{
	auto_close int fd = tun_create(LINK_DEVICE, DEVICE_MTU, DEVICE_QUEUE);
	int r = fd < 0 ? fd : tun_set_persistent(fd, true);

	return r < 0 ? r : take_fd(&fd);
}

void link_remove_device(struct director *d)
{
	if (d->link.device < 0 && if_nametoindex(LINK_DEVICE) != 0)
		d->link.device = tun_create(LINK_DEVICE, DEVICE_MTU, DEVICE_QUEUE);
	if (d->link.device >= 0)
		(void)tun_set_persistent(d->link.device, false);
	close_device(d); /* it goes with tandem-link's copy of the descriptor */
}

/* By somebody, while we held it. */
static bool is_deleted(const struct director *d)
{
	return d->link.device >= 0 && !tun_is_one(d->link.device);
}

int link_prepare(struct director *d)
{
	bool wanted = link_is_tandem(d->conf), deleted = is_deleted(d);
	int r = 0;

	if (wanted == (d->link.device >= 0) && !deleted)
		return 0;
	if (deleted)
		close_device(d);
	if (wanted)
		d->link.device = r = make_device();
	else
		link_remove_device(d);
	if (r < 0)
		return r;
	(void)process_give(&d->helpers[HELPER_LINK], GIVEN_DEVICE, d->link.device);
	return 0;
}

void link_died(struct director *d)
{
	if (!is_deleted(d))
		return;
	(void)link_prepare(d); /* where there is no IPVS, too */
	apply_sync_changed(d);
}

static json_t *address(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	return json_string(addr_format(a, text));
}

static json_t *interfaces(const struct conf_link *link)
{
	json_t *array = json_array();

	for (size_t i = 0; link->interfaces[i]; i++)
		(void)json_array_append_new(array, json_string(link->interfaces[i]));
	return array;
}

static json_t *keys(const struct conf_link *link)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < link->keys.n; i++) {
		char hex[2 * PAIR_KEY_LEN + 1];

		for (size_t j = 0; j < PAIR_KEY_LEN; j++)
			(void)snprintf(hex + 2 * j, 3, "%02x", link->keys.items[i].bytes[j]);
		(void)json_array_append_new(array, json_string(hex));
		explicit_bzero(hex, sizeof(hex));
	}
	return array;
}

static json_t *common(const struct director *d)
{
	const struct conf_link *link = &d->conf->link;

	return json_pack("{s:i, s:s, s:o, s:i, s:i}", "generation", d->generation, "mode",
		link_mode_name(d->conf), "group", address(&link->group), "port", (int)link->port,
		"sync_id", (int)link->sync_id);
}

static json_t *tandem_parameters(const struct director *d)
{
	const struct conf *conf = d->conf;
	const struct conf_link *link = &conf->link;
	const struct conf_node *self = &conf->nodes[conf->self];
	const struct conf_node *peer = &conf->nodes[peer_index(conf)];
	json_t *o = common(d);

	(void)json_object_update_new(
		o, json_pack("{s:s, s:s, s:o, s:o, s:o, s:i, s:I, s:o, s:s}", "node", self->name,
			   "peer", peer->name, "own_address", address(&self->link_address),
			   "peer_address", address(&peer->link_address), "interfaces",
			   interfaces(link), "ttl", (int)link->ttl, "heartbeat_us",
			   (json_int_t)roles_heartbeat_us(conf), "keys", keys(link), "digest",
			   conf->digest));
	return o;
}

static json_t *kernel_parameters(const struct director *d)
{
	json_t *o = common(d);

	(void)json_object_set_new(o, "interface", json_string(link_sync_interface(d->conf)));
	return o;
}

void link_configure(struct director *d)
{
	json_t *parameters;

	(void)conf_show_secrets(d->conf);
	if (link_is_tandem(d->conf))
		parameters = tandem_parameters(d);
	else if (d->conf->link.enabled)
		parameters = kernel_parameters(d);
	else
		parameters = json_pack("{s:i, s:s}", "generation", d->generation, "mode", "off");
	(void)conf_hide_secrets(d->conf);
	process_call(&d->helpers[HELPER_LINK], "Configure", parameters);
	peer_configured(d);
}

/* In kernel mode: the daemons on an interface that went away are dead. */
static void on_interface(struct director *d, const json_t *parameters)
{
	if (!d->conf->link.enabled || link_is_tandem(d->conf))
		return;
	if (json_is_true(json_object_get(parameters, "present")))
		apply_sync_changed(d);
	else
		director_event(d, EVENT_SYNC_LOST, "the link interface is gone: nothing is synced",
			"INTERFACE", link_sync_interface(d->conf), NULL);
}

void link_message(struct director *d, const char *method, const json_t *parameters)
{
	if (strcmp(method, "Interface") == 0)
		on_interface(d, parameters);
	else if (link_is_tandem(d->conf))
		peer_message(d, method, parameters);
}
