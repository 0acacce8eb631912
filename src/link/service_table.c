#include "link/service_table.h"

#include "core/sync_message.h"

#include <stdlib.h>
#include <string.h>

#define SERVICES_MAX 65536u
#define SERVERS_MAX 1048576u

void service_table_clear(struct service_table *t)
{
	t->n_services = t->n_servers = t->n_marked = 0;
	t->incomplete = false;
}

void service_table_done(struct service_table *t)
{
	free(t->services);
	free(t->servers);
	free(t->marked);
	*t = (struct service_table){0};
}

/* Room for one more; false when there are too many. */
static bool make_room(void *array, size_t n, size_t size, size_t max, size_t *room)
{
	size_t more = *room ? 2 * *room : 64;
	void *bigger;

	if (n < *room)
		return true;
	bigger = more > max ? NULL : reallocarray(*(void **)array, more, size);
	if (!bigger)
		return false;
	*(void **)array = bigger;
	*room = more;
	return true;
}

static bool add_service(struct service_table *t, const struct service_line *line)
{
	if (!make_room(&t->services, t->n_services, sizeof(*t->services), SERVICES_MAX,
		    &t->room_services))
		return false;
	t->services[t->n_services] = (struct kernel_service){.protocol = line->protocol,
		.address = line->address,
		.port = line->port,
		.mark = line->mark,
		.number = (uint32_t)t->n_services};
	t->n_services++;
	return true;
}

static bool add_server(struct service_table *t, const struct service_line *line)
{
	struct kernel_service *s = &t->services[t->n_services - 1];
	const struct kernel_server server = {.service = s->number,
		.mark = s->mark,
		.address = line->address,
		.port = line->port};

	/* One mark may have a service of either family, which only its servers tell. */
	if (s->mark)
		s->address.family = line->address.family;
	s->active += line->active;
	s->inactive += line->inactive;
	if (!make_room(
		    &t->servers, t->n_servers, sizeof(*t->servers), SERVERS_MAX, &t->room_servers))
		return false;
	t->servers[t->n_servers++] = server;
	if (s->mark == 0)
		return true;
	if (!make_room(&t->marked, t->n_marked, sizeof(*t->marked), SERVERS_MAX, &t->room_marked))
		return false;
	t->marked[t->n_marked++] = server;
	return true;
}

void service_table_add(struct service_table *t, const struct service_line *line)
{
	if (t->incomplete || (line->is_server && t->n_services == 0))
		return;
	if (!(line->is_server ? add_server(t, line) : add_service(t, line)))
		t->incomplete = true;
}

static int compare_addresses(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare_services(const void *a, const void *b)
{
	const struct kernel_service *x = a, *y = b;

	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	if (x->mark != y->mark)
		return x->mark < y->mark ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return compare_addresses(&x->address, &y->address);
}

static int compare_places(const void *a, const void *b)
{
	const struct kernel_server *x = a, *y = b;

	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return compare_addresses(&x->address, &y->address);
}

static int compare_servers(const void *a, const void *b)
{
	const struct kernel_server *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	return compare_places(a, b);
}

static void sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	if (n > 0)
		qsort(items, n, size, compare);
}

void service_table_sort(struct service_table *t)
{
	sort(t->services, t->n_services, sizeof(*t->services), compare_services);
	sort(t->servers, t->n_servers, sizeof(*t->servers), compare_servers);
	sort(t->marked, t->n_marked, sizeof(*t->marked), compare_places);
}

static struct kernel_service *find(struct service_table *t, const struct kernel_service *key)
{
	return t->n_services
		       ? bsearch(key, t->services, t->n_services, sizeof(*key), compare_services)
		       : NULL;
}

static struct kernel_service *find_by_address(struct service_table *t, const struct sync_record *r)
{
	struct kernel_service key = {
		.protocol = r->protocol, .address = r->service, .port = r->service_port};
	struct kernel_service *found = find(t, &key);

	if (found)
		return found;
	key.port = 0;
	return find(t, &key);
}

struct kernel_service *service_table_find(struct service_table *t, const struct sync_record *r)
{
	const struct kernel_service key = {.mark = r->mark, .address.family = r->server.family};
	struct kernel_service *found = r->mark ? find(t, &key) : NULL;

	return found ? found : find_by_address(t, r);
}

bool service_table_has_server(
	const struct service_table *t, const struct kernel_service *s, const struct sync_record *r)
{
	struct kernel_server key = {
		.service = s->number, .address = r->server, .port = r->server_port};

	if (t->n_servers == 0)
		return false;
	if (bsearch(&key, t->servers, t->n_servers, sizeof(key), compare_servers))
		return true;
	key.port = 0;
	return bsearch(&key, t->servers, t->n_servers, sizeof(key), compare_servers);
}

/* Of all services by mark that have this server. False: there are two. */
static bool only_mark(
	const struct service_table *t, const struct addr *address, uint16_t port, uint32_t *mark)
{
	const struct kernel_server key = {.address = *address, .port = port};
	size_t low = 0, high = t->n_marked;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_places(&t->marked[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < t->n_marked && compare_places(&t->marked[low], &key) == 0; low++) {
		if (*mark && *mark != t->marked[low].mark)
			return false;
		*mark = t->marked[low].mark;
	}
	return true;
}

uint32_t service_table_mark(struct service_table *t, const struct sync_record *r)
{
	uint32_t mark = 0;

	if (t->incomplete || t->n_marked == 0 || find_by_address(t, r))
		return 0;
	if (!only_mark(t, &r->server, r->server_port, &mark) ||
		(r->server_port && !only_mark(t, &r->server, 0, &mark)))
		return 0;
	return mark;
}
