/* The record of what is ours. Written aside and renamed, so that it is whole at any time: a crash
 * leaves a name too many in it, never a service that nobody owns. */
#include "director/table/record.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int record_init(struct record *r, const char *runtime_dir)
{
	json_t *file;

	*r = (struct record){0};
	if (asprintf(&r->path, "%s/ipvs.json", runtime_dir) < 0) {
		r->path = NULL;
		return -ENOMEM;
	}
	if (asprintf(&r->temporary, "%s.new", r->path) < 0) {
		r->temporary = NULL;
		return -ENOMEM;
	}
	file = json_load_file(r->path, 0, NULL);
	r->services = json_incref(json_object_get(file, "services"));
	r->sync = json_integer_value(json_object_get(file, "sync"));
	if (!json_is_object(r->services)) { /* none, or not ours: start anew */
		json_decref(r->services);
		r->services = json_object();
		r->sync = 0;
	}
	json_decref(file);
	r->added = json_object();
	return r->services && r->added ? 0 : -ENOMEM;
}

static void stop_writing(struct record *r)
{
	if (!r->file)
		return;
	(void)fclose(r->file);
	(void)unlink(r->temporary);
	r->file = NULL;
}

void record_done(struct record *r)
{
	stop_writing(r);
	json_decref(r->services);
	json_decref(r->added);
	free(r->path);
	free(r->temporary);
	*r = (struct record){0};
}

bool record_has(const struct record *r, const struct ipvs_service_key *key)
{
	char text[IPVS_KEY_TEXT_MAX];

	return json_object_get(r->services, ipvs_service_key_format(key, text)) != NULL;
}

static void changed(struct record *r)
{
	r->dirty = true;
	stop_writing(r);
}

int record_add(struct record *r, const struct ipvs_service_key *key)
{
	char text[IPVS_KEY_TEXT_MAX];

	(void)ipvs_service_key_format(key, text);
	if (json_object_get(r->services, text))
		return 0;
	changed(r);
	if (json_object_set_new(r->added, text, json_true()) < 0 ||
		json_object_set_new(r->services, text, json_true()) < 0)
		return -ENOMEM;
	return 0;
}

void record_remove(struct record *r, const struct ipvs_service_key *key)
{
	char text[IPVS_KEY_TEXT_MAX];

	(void)json_object_del(r->added, ipvs_service_key_format(key, text));
	if (json_object_del(r->services, text) == 0)
		changed(r);
}

void record_clear(struct record *r)
{
	if (json_object_size(r->services) == 0)
		return;
	changed(r);
	(void)json_object_clear(r->services);
	(void)json_object_clear(r->added);
}

void record_replace(struct record *r, json_t *services)
{
	changed(r);
	json_decref(r->services);
	r->services = services;
}

/* "mark 7 ipv4", or "tcp 192.0.2.100:80", "udp [2001:db8::1]:53", "protocol-50 ...". */
static void read_key(char *text, struct ipvs_service_key *key)
{
	char *address = strchr(text, ' '), *port = strrchr(text, ':'), *end;
	unsigned long mark = 0;

	if (strncmp(text, "mark ", 5) == 0)
		mark = strtoul(text + 5, &end, 10);
	if (mark > 0 && mark <= UINT32_MAX)
		*key = ipvs_service_key_of_mark(
			strcmp(end, " ipv6") == 0 ? AF_INET6 : AF_INET, (uint32_t)mark);
	if (mark > 0 || !address || !port)
		return;
	*address++ = *port++ = '\0';
	if (*address == '[' && port - address >= 3) {
		address++;
		port[-2] = '\0';
	}
	(void)addr_parse(address, &key->addr);
	key->port = (uint16_t)strtoul(port, NULL, 10);
	key->protocol = strcmp(text, "tcp") == 0             ? IPPROTO_TCP
			: strcmp(text, "udp") == 0           ? IPPROTO_UDP
			: strcmp(text, "sctp") == 0          ? IPPROTO_SCTP
			: strncmp(text, "protocol-", 9) == 0 ? (uint8_t)strtoul(text + 9, NULL, 10)
							     : 0;
}

/* Whether the name is one that we write: it reads back as it was. */
static bool key_of_name(const char *name, struct ipvs_service_key *ret)
{
	char copy[IPVS_KEY_TEXT_MAX], again[IPVS_KEY_TEXT_MAX];
	struct ipvs_service_key key = {0};

	if (strlen(name) >= sizeof(copy))
		return false;
	strcpy(copy, name);
	read_key(copy, &key);
	if (key.addr.family == 0 || strcmp(ipvs_service_key_format(&key, again), name) != 0)
		return false;
	*ret = key;
	return true;
}

int record_keys(
	const struct record *r, const json_t *except, struct ipvs_service_key **ret, size_t *ret_n)
{
	struct ipvs_service_key *keys = calloc(json_object_size(r->services) + 1, sizeof(*keys));
	const char *name;
	json_t *value;
	size_t n = 0;

	if (!keys)
		return -ENOMEM;
	json_object_foreach (r->services, name, value)
		if (!json_object_get(except, name) && key_of_name(name, &keys[n]))
			n++;
	*ret = keys;
	*ret_n = n;
	return 0;
}

void record_set_sync(struct record *r, json_int_t ifindex)
{
	if (r->sync == ifindex)
		return;
	r->sync = ifindex;
	changed(r);
}

bool record_is_pending(const struct record *r)
{
	return json_object_size(r->added) > 0;
}

static int give_up(struct record *r, int error)
{
	const char *text;
	json_t *value;

	stop_writing(r);
	json_object_foreach (r->added, text, value)
		(void)json_object_del(r->services, text);
	(void)json_object_clear(r->added);
	return error;
}

static int begin(struct record *r)
{
	r->file = fopen(r->temporary, "we");
	if (!r->file)
		return -errno;
	r->at = json_object_iter(r->services);
	r->first = true;
	(void)fprintf(r->file, "{\"sync\":%lld,\"services\":{", (long long)r->sync);
	return 0;
}

static int finish(struct record *r)
{
	bool bad;

	(void)fputs("}}\n", r->file);
	bad = ferror(r->file) != 0;
	if (fclose(r->file) != 0)
		bad = true;
	r->file = NULL;
	if (bad || rename(r->temporary, r->path) < 0)
		return bad ? -EIO : -errno;
	(void)json_object_clear(r->added);
	r->dirty = false;
	return 1;
}

int record_write_step(struct record *r, size_t n)
{
	int error = 0;

	if (!r->dirty)
		return 1;
	if (!r->file)
		error = begin(r);
	if (error < 0)
		return give_up(r, error);
	for (; r->at && n > 0; n--) { /* names are made of letters, digits and "[]:. " */
		(void)fprintf(r->file, r->first ? "\"%s\":true" : ",\"%s\":true",
			json_object_iter_key((void *)(uintptr_t)r->at));
		r->first = false;
		r->at = json_object_iter_next(r->services, (void *)(uintptr_t)r->at);
	}
	if (r->at)
		return 0;
	error = finish(r);
	return error < 0 ? give_up(r, error) : error;
}

int record_write(struct record *r)
{
	int written = record_write_step(r, SIZE_MAX);

	return written < 0 ? written : 0;
}
