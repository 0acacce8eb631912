/* The IPVS table as a value: order, search and text. What should be in it, the director decides;
 * what differs between two of them, ipvs_plan.c. */
#include "core/service_model.h"

#include <assert.h>
#include <string.h>

typedef int (*compare_fn)(const void *a, const void *b);

/* An array of equal-sized elements, for the sort that services and dests share. */
struct array {
	char *base;
	size_t size; /* of an element */
	compare_fn compare;
};

const char *ipvs_forward_name(enum ipvs_forward forward)
{
	switch (forward) {
	case IPVS_FORWARD_NAT:
		return "nat";
	case IPVS_FORWARD_TUNNEL:
		return "tunnel";
	case IPVS_FORWARD_DIRECT:
		return "direct";
	}
	return "other";
}

static int compare_u16(uint16_t a, uint16_t b)
{
	return (a > b) - (a < b);
}

int ipvs_service_key_compare(const struct ipvs_service_key *a, const struct ipvs_service_key *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	if (order == 0)
		order = compare_u16(a->port, b->port);
	if (order == 0)
		order = compare_u16(a->protocol, b->protocol);
	if (order == 0)
		order = (a->fwmark > b->fwmark) - (a->fwmark < b->fwmark);
	return order;
}

struct ipvs_service_key ipvs_service_key_of_mark(uint16_t family, uint32_t fwmark)
{
	return (struct ipvs_service_key){.addr.family = family, .fwmark = fwmark};
}

int ipvs_dest_key_compare(const struct ipvs_dest_key *a, const struct ipvs_dest_key *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	return order ? order : compare_u16(a->port, b->port);
}

static int compare_services(const void *a, const void *b)
{
	const struct ipvs_service *x = a, *y = b;

	return ipvs_service_key_compare(&x->key, &y->key);
}

static int compare_dests(const void *a, const void *b)
{
	const struct ipvs_dest *x = a, *y = b;

	return ipvs_dest_key_compare(&x->key, &y->key);
}

static char *at(const struct array *a, size_t i)
{
	return a->base + i * a->size;
}

static void swap(const struct array *a, size_t i, size_t j)
{
	char tmp[sizeof(struct ipvs_service) + sizeof(struct ipvs_dest)];

	assert(a->size <= sizeof(tmp));
	memcpy(tmp, at(a, i), a->size);
	memcpy(at(a, i), at(a, j), a->size);
	memcpy(at(a, j), tmp, a->size);
}

/* Let element i sink to its place in the heap of the first n. */
static void sift_down(const struct array *a, size_t i, size_t n)
{
	size_t child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && a->compare(at(a, child), at(a, child + 1)) < 0)
			child++;
		if (a->compare(at(a, i), at(a, child)) >= 0)
			return;
		swap(a, i, child);
		i = child;
	}
}

static bool is_sorted(const struct array *a, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (a->compare(at(a, i - 1), at(a, i)) > 0)
			return false;
	return true;
}

/* Heap sort: in place and never quadratic, where qsort(3) may allocate. What is wanted mostly comes
 * in its order, and then one look is enough. */
static void sort(const struct array *a, size_t n)
{
	if (is_sorted(a, n))
		return;
	for (size_t i = n / 2; i > 0; i--)
		sift_down(a, i - 1, n);
	for (size_t end = n; end > 1; end--) {
		swap(a, 0, end - 1);
		sift_down(a, 0, end - 1);
	}
}

static size_t drop_repetitions(const struct array *a, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && a->compare(at(a, kept - 1), at(a, i)) == 0)
			continue;
		if (kept != i)
			memcpy(at(a, kept), at(a, i), a->size);
		kept++;
	}
	return kept;
}

static size_t sort_unique(const struct array *a, size_t n)
{
	sort(a, n);
	return drop_repetitions(a, n);
}

size_t ipvs_services_sort(struct ipvs_service *services, size_t n)
{
	return sort_unique(
		&(struct array){(char *)services, sizeof(*services), compare_services}, n);
}

size_t ipvs_dests_sort(struct ipvs_dest *dests, size_t n)
{
	return sort_unique(&(struct array){(char *)dests, sizeof(*dests), compare_dests}, n);
}

void ipvs_table_sort(struct ipvs_table *t)
{
	t->n_services = ipvs_services_sort(t->services, t->n_services);
	for (size_t i = 0; i < t->n_services; i++) {
		struct ipvs_service *s = &t->services[i];

		if (s->n_dests > 0)
			s->n_dests =
				(uint32_t)ipvs_dests_sort(&t->dests[s->first_dest], s->n_dests);
	}
}

void ipvs_sorting_init(struct ipvs_sorting *s, struct ipvs_service *services, size_t n)
{
	*s = (struct ipvs_sorting){services, n, n / 2, n};
}

bool ipvs_sorting_step(struct ipvs_sorting *s, size_t elements)
{
	const struct array a = {(char *)s->services, sizeof(*s->services), compare_services};

	for (; s->to_heap > 0 && elements > 0; elements--) {
		s->to_heap--;
		sift_down(&a, s->to_heap, s->n);
	}
	for (; s->to_place > 1 && elements > 0; elements--) {
		s->to_place--;
		swap(&a, 0, s->to_place);
		sift_down(&a, 0, s->to_place);
	}
	if (s->to_heap > 0 || s->to_place > 1)
		return false;
	s->n = drop_repetitions(&a, s->n);
	return true;
}

size_t ipvs_table_seek(const struct ipvs_table *t, const struct ipvs_service_key *key)
{
	size_t low = 0, high = t->n_services;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ipvs_service_key_compare(&t->services[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ipvs_service *ipvs_table_find(const struct ipvs_table *t, const struct ipvs_service_key *key)
{
	size_t i = ipvs_table_seek(t, key);

	if (i == t->n_services || ipvs_service_key_compare(&t->services[i].key, key) != 0)
		return NULL;
	return &t->services[i];
}

const struct ipvs_dest *ipvs_table_find_dest(const struct ipvs_table *t,
	const struct ipvs_service *service, const struct ipvs_dest_key *key)
{
	const struct ipvs_dest *dests = &t->dests[service->first_dest];
	size_t low = 0, high = service->n_dests;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = ipvs_dest_key_compare(key, &dests[middle].key);

		if (order == 0)
			return &dests[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Formatting: by hand, because the record of what is ours goes by these names, and each is made
 * several times in a reload. `to` has room; what is returned is where the text ends. */

static char *put_text(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len + 1);
	return to + len;
}

static char *put_number(char *to, uint32_t number)
{
	char digits[10];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (n > 0)
		*to++ = digits[--n];
	*to = '\0';
	return to;
}

static char *put_protocol(char *to, uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return put_text(to, "tcp");
	case IPPROTO_UDP:
		return put_text(to, "udp");
	case IPPROTO_SCTP:
		return put_text(to, "sctp");
	default:
		return put_number(put_text(to, "protocol-"), protocol);
	}
}

/* "192.0.2.1:80", "[2001:db8::1]:80". */
static char *put_endpoint(char *to, const struct addr *addr, uint16_t port)
{
	bool bracketed = addr->family == AF_INET6;
	char text[ADDR_TEXT_MAX];

	to = put_text(to, bracketed ? "[" : "");
	to = put_text(to, addr_format(addr, text));
	to = put_text(to, bracketed ? "]:" : ":");
	return put_number(to, port);
}

const char *ipvs_service_key_format(
	const struct ipvs_service_key *key, char buf[static IPVS_KEY_TEXT_MAX])
{
	char *to;

	if (key->fwmark) {
		to = put_number(put_text(buf, "mark "), key->fwmark);
		(void)put_text(to, key->addr.family == AF_INET6 ? " ipv6" : " ipv4");
		return buf;
	}
	to = put_text(put_protocol(buf, key->protocol), " ");
	(void)put_endpoint(to, &key->addr, key->port);
	return buf;
}

const char *ipvs_dest_key_format(
	const struct ipvs_dest_key *key, char buf[static IPVS_KEY_TEXT_MAX])
{
	(void)put_endpoint(buf, &key->addr, key->port);
	return buf;
}
