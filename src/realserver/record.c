/* The record. Old values of settings are worth as much as what they were read from: a file that is
 * not understood is refused, not overwritten. */
#include "realserver/record.h"

#include "base/cleanup.h"
#include "io/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "realserver.json"
#define BOOT_ID_LEN 36

static const char *const whats[REALSERVER_WHAT_MAX_] = {
	[REALSERVER_SETTING] = "setting",
	[REALSERVER_DEVICE] = "device",
	[REALSERVER_LISTENER] = "listener",
	[REALSERVER_UP] = "up",
	[REALSERVER_ADDRESS] = "address",
};

static void read_boot_id(char ret[static BOOT_ID_LEN + 1])
{
	auto_fclose FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || fread(ret, 1, BOOT_ID_LEN, f) != BOOT_ID_LEN)
		strcpy(ret, "unknown");
	ret[BOOT_ID_LEN] = '\0';
}

/* --- To JSON --- */

static const char *family_name(uint16_t family)
{
	return family == AF_INET6 ? "ipv6" : "ipv4";
}

static json_t *setting_to_json(const struct realserver_item *item)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "what", whats[item->what], "name", item->name,
		"value", item->value, "old", item->old);
}

static json_t *device_to_json(const struct realserver_item *item)
{
	char local[ADDR_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:s*, s:b}", "what", whats[item->what], "link",
		item->link, "kind", realserver_kind_name(item->kind), "local",
		item->local.family ? addr_format(&item->local, local) : NULL, "checksum",
		item->checksum);
}

static json_t *address_to_json(const struct realserver_item *item)
{
	char addr[ADDR_PREFIX_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s}", "what", whats[item->what], "link", item->link,
		"address", addr_prefix_format(&item->addr, addr));
}

json_t *record_item_to_json(const struct realserver_item *item)
{
	switch (item->what) {
	case REALSERVER_SETTING:
		return setting_to_json(item);
	case REALSERVER_DEVICE:
		return device_to_json(item);
	case REALSERVER_LISTENER:
		return json_pack("{s:s, s:s, s:i}", "what", whats[item->what], "family",
			family_name(item->family), "port", item->port);
	case REALSERVER_UP:
		return json_pack("{s:s, s:s}", "what", whats[item->what], "link", item->link);
	case REALSERVER_ADDRESS:
		return address_to_json(item);
	case REALSERVER_WHAT_MAX_:
		break;
	}
	return NULL;
}

static json_t *to_json(const struct record *r)
{
	char boot_id[BOOT_ID_LEN + 1];
	json_t *items = json_array();

	for (size_t i = 0; i < r->n; i++)
		if (json_array_append_new(items, record_item_to_json(&r->items[i])) < 0) {
			json_decref(items);
			return NULL;
		}
	read_boot_id(boot_id);
	return json_pack("{s:s, s:o}", "boot_id", boot_id, "changes", items);
}

/* --- From JSON --- */

static bool take_text(const json_t *object, const char *key, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text || strlen(text) >= size)
		return false;
	strcpy(ret, text);
	return true;
}

static bool take_setting(const json_t *object, struct realserver_item *item)
{
	return take_text(object, "name", item->name, sizeof(item->name)) &&
	       take_text(object, "value", item->value, sizeof(item->value)) &&
	       take_text(object, "old", item->old, sizeof(item->old)) &&
	       strncmp(item->name, "net/", 4) == 0;
}

static bool take_device(const json_t *object, struct realserver_item *item)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const char *local = json_string_value(json_object_get(object, "local"));

	for (int k = REALSERVER_PLAIN + 1; kind && k < REALSERVER_KIND_MAX_; k++)
		if (strcmp(kind, realserver_kind_name((enum realserver_kind)k)) == 0)
			item->kind = (enum realserver_kind)k;
	item->checksum = json_is_true(json_object_get(object, "checksum"));
	return item->kind != REALSERVER_PLAIN &&
	       take_text(object, "link", item->link, sizeof(item->link)) &&
	       (!local || addr_parse(local, &item->local));
}

static bool take_listener(const json_t *object, struct realserver_item *item)
{
	const char *family = json_string_value(json_object_get(object, "family"));
	json_int_t port = json_integer_value(json_object_get(object, "port"));

	if (!family || port < 1 || port > UINT16_MAX)
		return false;
	item->family = strcmp(family, "ipv6") == 0 ? AF_INET6 : AF_INET;
	item->port = (uint16_t)port;
	return strcmp(family, family_name(item->family)) == 0;
}

static bool take_address(const json_t *object, struct realserver_item *item)
{
	const char *address = json_string_value(json_object_get(object, "address"));

	return address && addr_prefix_parse(address, &item->addr) &&
	       take_text(object, "link", item->link, sizeof(item->link));
}

static bool take_item(const json_t *object, struct realserver_item *item)
{
	const char *what = json_string_value(json_object_get(object, "what"));

	*item = (struct realserver_item){.what = REALSERVER_WHAT_MAX_};
	for (int w = 0; what && w < REALSERVER_WHAT_MAX_; w++)
		if (strcmp(what, whats[w]) == 0)
			item->what = (enum realserver_what)w;
	switch (item->what) {
	case REALSERVER_SETTING:
		return take_setting(object, item);
	case REALSERVER_DEVICE:
		return take_device(object, item);
	case REALSERVER_LISTENER:
		return take_listener(object, item);
	case REALSERVER_UP:
		return take_text(object, "link", item->link, sizeof(item->link));
	case REALSERVER_ADDRESS:
		return take_address(object, item);
	case REALSERVER_WHAT_MAX_:
		break;
	}
	return false;
}

static int from_json(const json_t *object, struct record *r)
{
	char now[BOOT_ID_LEN + 1];
	const char *then = json_string_value(json_object_get(object, "boot_id"));
	const json_t *changes = json_object_get(object, "changes");

	if (!then || !json_is_array(changes))
		return -EBADMSG;
	read_boot_id(now);
	if (strcmp(then, now) != 0 || json_array_size(changes) == 0)
		return 0;
	r->items = calloc(json_array_size(changes), sizeof(*r->items));
	if (!r->items)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(changes); i++)
		if (!take_item(json_array_get(changes, i), &r->items[r->n++]))
			return -EBADMSG;
	return 0;
}

/* --- The file --- */

int record_load(const char *state_dir, struct record *ret)
{
	struct record r = {0};
	json_auto_t *object = NULL;
	json_error_t error;
	auto_fclose FILE *f = NULL;
	int result;

	if (snprintf(r.path, sizeof(r.path), "%s/" FILE_NAME, state_dir) >= (int)sizeof(r.path))
		return -ENAMETOOLONG;
	f = fopen(r.path, "re");
	if (!f && errno != ENOENT)
		return -errno;
	object = f ? json_loadf(f, JSON_REJECT_DUPLICATES, &error) : NULL;
	if (f && !object)
		return -EBADMSG;
	result = f ? from_json(object, &r) : 0;
	if (result < 0)
		record_done(&r);
	else
		*ret = r;
	return result;
}

void record_done(struct record *r)
{
	free(r->items);
	r->items = NULL;
	r->n = 0;
}

static int store(const struct record *r)
{
	json_auto_t *object = NULL;

	if (r->n == 0)
		return unlink(r->path) < 0 && errno != ENOENT ? -errno : 0;
	object = to_json(r);
	if (!object)
		return -ENOMEM;
	return file_replace_json(r->path, object, JSON_INDENT(2));
}

static size_t find(const struct record *r, const struct realserver_item *item)
{
	size_t i = 0;

	while (i < r->n && !realserver_item_equal(&r->items[i], item))
		i++;
	return i;
}

int record_add(struct record *r, const struct realserver_item *item)
{
	struct realserver_item *bigger;
	int error;

	if (find(r, item) < r->n)
		return 0;
	bigger = reallocarray(r->items, r->n + 1, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	r->items = bigger;
	r->items[r->n++] = *item;
	error = store(r);
	if (error < 0)
		r->n--;
	return error;
}

int record_remove(struct record *r, const struct realserver_item *item)
{
	size_t i = find(r, item);

	if (i == r->n)
		return 0;
	memmove(&r->items[i], &r->items[i + 1], (r->n - i - 1) * sizeof(*r->items));
	r->n--;
	return store(r);
}
