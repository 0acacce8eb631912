/* The kernel is asked first, the shadow some seconds later, when what it counted has been told: its
 * sync master keeps a message back for up to two seconds. */
#include "link/kernel_count.h"

#include "io/clock.h"
#include "io/service_list.h"
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
#define SERVICES_MAX 65536u
#define SERVERS_MAX 1048576u

enum phase {
	PHASE_RESTS,
	PHASE_READS,
	PHASE_SETTLES,
	PHASE_WALKS,
};

/* Of one service: by protocol, address and port, or by mark with protocol 0. */
struct service {
	uint8_t protocol;
	struct addr address;
	uint16_t port;
	uint32_t mark;
	uint32_t number; /* in the order in which they were read */
	struct table_count count;
};

/* Of a server that is gone the kernel counts nothing, and keeps its connections all the same. */
struct server {
	uint32_t service; /* its number */
	struct addr address;
	uint16_t port; /* 0: any */
};

/* What was read, and is sorted then. */
struct lines {
	struct service *services;
	struct server *servers;
	size_t n_services, n_servers, room_services, room_servers;
	bool incomplete;
};

struct kernel_count {
	struct shadow *shadow;
	const char *path;
	struct kernel_count_handler handler;
	enum phase phase;
	struct instant next, asked;
	uint64_t busy_us; /* with this comparison */
	struct service_list *list;
	struct shadow_walk walk;
	struct lines lines;
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
	service_list_close(k->list);
	free(k->lines.services);
	free(k->lines.servers);
	free(k);
}

/* Reading */

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

/* Of TCP and SCTP those that are established are told, of UDP all are. */
static bool all_are_told(uint8_t protocol)
{
	return protocol == IPPROTO_UDP;
}

static void on_service(struct lines *l, const struct service_line *line)
{
	if (!make_room(&l->services, l->n_services, sizeof(*l->services), SERVICES_MAX,
		    &l->room_services)) {
		l->incomplete = true;
		return;
	}
	l->services[l->n_services] = (struct service){.protocol = line->protocol,
		.address = line->address,
		.port = line->port,
		.mark = line->mark,
		.number = (uint32_t)l->n_services};
	l->n_services++;
}

static void on_server(struct lines *l, const struct service_line *line)
{
	struct service *s;

	if (l->incomplete || l->n_services == 0)
		return;
	if (!make_room(&l->servers, l->n_servers, sizeof(*l->servers), SERVERS_MAX,
		    &l->room_servers)) {
		l->incomplete = true;
		return;
	}
	s = &l->services[l->n_services - 1];
	s->count.kernel += line->active;
	if (all_are_told(s->protocol))
		s->count.kernel += line->inactive;
	l->servers[l->n_servers++] =
		(struct server){.service = s->number, .address = line->address, .port = line->port};
}

static void on_line(const struct service_line *line, void *userdata)
{
	struct kernel_count *k = userdata;

	if (line->is_server)
		on_server(&k->lines, line);
	else
		on_service(&k->lines, line);
}

static int compare_addresses(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare(const void *a, const void *b)
{
	const struct service *x = a, *y = b;

	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	if (x->mark != y->mark)
		return x->mark < y->mark ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return compare_addresses(&x->address, &y->address);
}

static int compare_servers(const void *a, const void *b)
{
	const struct server *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return compare_addresses(&x->address, &y->address);
}

static void sort(struct lines *l)
{
	if (l->n_services > 0)
		qsort(l->services, l->n_services, sizeof(*l->services), compare);
	if (l->n_servers > 0)
		qsort(l->servers, l->n_servers, sizeof(*l->servers), compare_servers);
}

static struct instant rest(struct kernel_count *k, struct instant now)
{
	uint64_t pause_us = SHARE * k->busy_us;

	service_list_close(k->list);
	k->list = NULL;
	k->phase = PHASE_RESTS;
	k->next = instant_add(now, pause_us > EVERY_US ? pause_us : EVERY_US);
	return k->next;
}

static struct instant begin(struct kernel_count *k, struct instant now)
{
	k->busy_us = 0;
	k->lines.n_services = k->lines.n_servers = 0;
	k->lines.incomplete = false;
	k->asked = now;
	if (service_list_open(k->path, &k->list) < 0)
		return rest(k, now); /* there is no IPVS */
	k->phase = PHASE_READS;
	return now;
}

static struct instant read_some(struct kernel_count *k, struct instant now)
{
	int r = service_list_read(k->list, LINES, on_line, k);

	if (r > 0)
		return now;
	service_list_close(k->list);
	k->list = NULL;
	if (r < 0 || k->lines.incomplete)
		return rest(k, now);
	sort(&k->lines);
	k->walk = (struct shadow_walk){0};
	k->phase = PHASE_SETTLES;
	k->next = instant_add(now, SETTLE_US);
	return k->next;
}

/* Walking */

static struct service *find(struct kernel_count *k, const struct service *key)
{
	const struct lines *l = &k->lines;

	return l->n_services ? bsearch(key, l->services, l->n_services, sizeof(*key), compare)
			     : NULL;
}

/* In the kernel's order: by mark, by address and port, by address alone. */
static struct service *service_of(struct kernel_count *k, const struct sync_record *r)
{
	struct service key = {.mark = r->mark}, *found = NULL;

	if (r->mark)
		found = find(k, &key);
	if (found)
		return found;
	key = (struct service){
		.protocol = r->protocol, .address = r->service, .port = r->service_port};
	found = find(k, &key);
	if (found)
		return found;
	key.port = 0;
	return find(k, &key);
}

static bool has_server(const struct lines *l, const struct service *s, const struct sync_record *r)
{
	struct server key = {.service = s->number, .address = r->server, .port = r->server_port};

	if (l->n_servers == 0)
		return false;
	if (bsearch(&key, l->servers, l->n_servers, sizeof(key), compare_servers))
		return true;
	key.port = 0;
	return bsearch(&key, l->servers, l->n_servers, sizeof(key), compare_servers);
}

static void count(struct kernel_count *k, const struct sync_record *r, struct instant said)
{
	struct service *s;

	if ((r->flags & SYNC_FLAG_TEMPLATE) ||
		((r->flags & SYNC_FLAG_INACTIVE) && !all_are_told(r->protocol)))
		return;
	s = service_of(k, r);
	if (!s || (s->protocol == 0 && all_are_told(r->protocol)) || !has_server(&k->lines, s, r))
		return;
	s->count.known++;
	s->count.young += (int64_t)(said.us - k->asked.us) >= 0;
}

static struct instant finish(struct kernel_count *k, struct instant now)
{
	struct table_sum sum = {0};

	for (size_t i = 0; i < k->lines.n_services; i++)
		table_sum_add(&sum, &k->lines.services[i].count);
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
