/* Two tables, for IPv4 and IPv6, of entries of a fixed size that are made in blocks and chained
 * from an index that grows by a chain at a time (linear hashing, Litwin 1980): no record waits for
 * all to be moved. An entry stays at its place as long as it lives, so that a walk is a number.
 * Options (persistence engine, sequence deltas) are rare and in the heap. What has timed out is
 * found by a sweep that takes 16 s from one end to the other. */
#include "link/shadow.h"

#include "base/mix.h"
#include "core/sync_digest.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK_ENTRIES 4096u
#define FIRST_HEADS 1024u
#define SWEEP_STEPS 160u                /* so many calls, ... */
#define SWEEP_STEP_US 100000u           /* ... so far apart, see every entry */
#define IPV6_PLACES ((uint64_t)1 << 32) /* places from here on are of the second table */
/* Added to times, so that those before the clock's beginning are numbers, too: two years. */
#define TIME_BIAS ((uint64_t)1 << 46)

/* Where the addresses of an entry are: client, service, server. */
struct entry {
	uint32_t next; /* in its chain, or in the list of free ones: place + 1; 0: the last */
	uint32_t said_low;
	uint32_t timeout_s;
	uint32_t mark;
	uint16_t said_high; /* of 48 bits of microseconds, with the bias */
	uint16_t flags;     /* those above are of no meaning to another kernel */
	uint16_t client_port, service_port, server_port;
	uint8_t protocol;
	uint8_t state : 5;
	uint8_t used : 1;
	uint8_t peer : 1; /* enum shadow_origin */
	uint8_t addresses[];
};

struct options {
	size_t len;
	uint8_t bytes[];
};

struct table {
	uint16_t family;
	size_t addr_len, entry_len;
	uint8_t **blocks;
	size_t n_blocks;
	uint32_t *heads;           /* place + 1; 0: an empty chain */
	size_t n_heads, max_heads; /* in use; allocated */
	size_t base;               /* the power of two that n_heads has reached */
	size_t count;
	uint32_t free, made; /* the first free place + 1; how many places there are */
	uint32_t swept;      /* the place to go on at */
};

struct shadow {
	struct table tables[2];
	size_t max;
	size_t options_bytes;
	uint64_t refused;
	uint64_t heard; /* with bias */
	uint64_t secret;
	uint64_t now; /* with bias: what had timed out by then is not shown any more */
	struct sync_digest digest;
};

/* An entry outside of the tables, before it is known whether it is new. */
union loose_entry {
	struct entry e;
	uint8_t room[sizeof(struct entry) + 3 * 16 + sizeof(struct options *)];
};

_Static_assert(sizeof(struct entry) == 28, "no padding: there are a million of them");

static struct entry *entry_at(const struct table *t, uint32_t place)
{
	return (void *)(t->blocks[place / BLOCK_ENTRIES] + place % BLOCK_ENTRIES * t->entry_len);
}

/* The pointer stands behind the addresses, unaligned. */
static struct options *options_of(const struct table *t, const struct entry *e)
{
	struct options *o;

	memcpy(&o, e->addresses + 3 * t->addr_len, sizeof(o));
	return o;
}

static void set_options(const struct table *t, struct entry *e, struct options *o)
{
	memcpy(e->addresses + 3 * t->addr_len, &o, sizeof(o));
}

static uint64_t said_of(const struct entry *e)
{
	return (uint64_t)e->said_high << 32 | e->said_low;
}

static void set_said(struct entry *e, struct instant said)
{
	uint64_t biased = said.us + TIME_BIAS; /* an age that reaches too far back wraps home */

	e->said_high = (uint16_t)(biased >> 32);
	e->said_low = (uint32_t)biased;
}

static void put_addr(const struct table *t, struct entry *e, size_t i, const struct addr *a)
{
	memcpy(e->addresses + i * t->addr_len, a->bytes, t->addr_len);
}

static struct addr get_addr(const struct table *t, const struct entry *e, size_t i)
{
	struct addr a = {.family = t->family};

	memcpy(a.bytes, e->addresses + i * t->addr_len, t->addr_len);
	return a;
}

static void to_record(const struct table *t, const struct entry *e, struct sync_record *ret)
{
	const struct options *o = options_of(t, e);

	*ret = (struct sync_record){.protocol = e->protocol,
		.state = e->state,
		.flags = e->flags,
		.mark = e->mark,
		.timeout_s = e->timeout_s,
		.client = get_addr(t, e, 0),
		.service = get_addr(t, e, 1),
		.server = get_addr(t, e, 2),
		.client_port = e->client_port,
		.service_port = e->service_port,
		.server_port = e->server_port,
		.options = o ? o->bytes : NULL,
		.options_len = o ? o->len : 0};
}

/* Everything but the chain and the options, which stay with their entry. */
static void from_record(const struct table *t, const struct sync_record *record, struct entry *ret)
{
	ret->timeout_s = record->timeout_s;
	ret->mark = record->mark;
	ret->flags = (uint16_t)record->flags;
	ret->client_port = record->client_port;
	ret->service_port = record->service_port;
	ret->server_port = record->server_port;
	ret->protocol = record->protocol;
	ret->state = record->state & 31u;
	put_addr(t, ret, 0, &record->client);
	put_addr(t, ret, 1, &record->service);
	put_addr(t, ret, 2, &record->server);
}

static size_t table_of(uint16_t family)
{
	return family == AF_INET6;
}

/* Of the kernel's states none is above 13. */
static bool is_sensible(const struct sync_record *r)
{
	return addr_len(&r->client) > 0 && r->client.family == r->service.family &&
	       r->client.family == r->server.family && r->state < 32 &&
	       r->options_len < SYNC_RECORD_MAX;
}

static bool is_template(const struct entry *e)
{
	return (e->flags & SYNC_FLAG_TEMPLATE) != 0;
}

/* What a connection is known by. Of one client there may be a template for each of its calls, which
 * the persistence data tells apart. */
static uint64_t hash_of(const struct shadow *s, const struct table *t, const struct entry *e,
	const void *options, size_t options_len)
{
	uint64_t hash =
		mix_word(s->secret, (uint64_t)e->protocol << 40 | (uint64_t)is_template(e) << 32 |
					    (uint64_t)e->client_port << 16 | e->service_port);

	hash = mix_bytes(hash, e->addresses, 2 * t->addr_len);
	return is_template(e) ? mix_bytes(hash, options, options_len) : hash;
}

static uint64_t hash_entry(const struct shadow *s, const struct table *t, const struct entry *e)
{
	const struct options *o = options_of(t, e);

	return hash_of(s, t, e, o ? o->bytes : NULL, o ? o->len : 0);
}

static bool options_equal(const struct options *o, const struct sync_record *record)
{
	return (o ? o->len : 0) == record->options_len &&
	       (!o || memcmp(o->bytes, record->options, o->len) == 0);
}

static bool same_key(const struct table *t, const struct entry *e, const struct entry *wanted,
	const struct sync_record *record)
{
	return memcmp(e->addresses, wanted->addresses, 2 * t->addr_len) == 0 &&
	       e->client_port == wanted->client_port && e->service_port == wanted->service_port &&
	       e->protocol == wanted->protocol && is_template(e) == is_template(wanted) &&
	       (!is_template(e) || options_equal(options_of(t, e), record));
}

static size_t chain_of(const struct table *t, uint64_t hash)
{
	size_t chain = hash & (2 * t->base - 1);

	return chain < t->n_heads ? chain : hash & (t->base - 1);
}

/* The place + 1, or 0. */
static uint32_t find(const struct table *t, uint64_t hash, const struct entry *wanted,
	const struct sync_record *record)
{
	uint32_t at = t->n_heads ? t->heads[chain_of(t, hash)] : 0;

	while (at && !same_key(t, entry_at(t, at - 1), wanted, record))
		at = entry_at(t, at - 1)->next;
	return at;
}

/* One more chain, and the entries that belong into it. Without memory chains become longer. */
static void split_chain(const struct shadow *s, struct table *t)
{
	size_t added = t->n_heads, from = added - t->base;
	uint32_t at;

	if (added == t->max_heads) {
		uint32_t *heads = realloc(t->heads, 2 * added * sizeof(*heads));

		if (!heads)
			return;
		t->heads = heads;
		t->max_heads = 2 * added;
	}
	at = t->heads[from];
	t->heads[from] = t->heads[added] = 0;
	if (++t->n_heads == 2 * t->base)
		t->base *= 2;
	while (at) {
		struct entry *e = entry_at(t, at - 1);
		uint32_t *head = &t->heads[chain_of(t, hash_entry(s, t, e))], next = e->next;

		e->next = *head;
		*head = at;
		at = next;
	}
}

static bool make_heads(struct table *t)
{
	if (t->n_heads)
		return true;
	t->heads = calloc(FIRST_HEADS, sizeof(*t->heads));
	if (!t->heads)
		return false;
	t->n_heads = t->max_heads = t->base = FIRST_HEADS;
	return true;
}

static bool make_block(struct table *t)
{
	uint8_t **blocks = realloc(t->blocks, (t->n_blocks + 1) * sizeof(*blocks));
	uint8_t *block = blocks ? malloc(BLOCK_ENTRIES * t->entry_len) : NULL;

	if (blocks)
		t->blocks = blocks;
	if (!block)
		return false;
	t->blocks[t->n_blocks++] = block;
	return true;
}

/* A free place + 1; 0: no memory. */
static uint32_t take_place(struct table *t)
{
	uint32_t at = t->free;

	if (at) {
		t->free = entry_at(t, at - 1)->next;
		return at;
	}
	if (t->made == t->n_blocks * BLOCK_ENTRIES && !make_block(t))
		return 0;
	return ++t->made;
}

static struct options *copy_options(const struct sync_record *record)
{
	struct options *o = malloc(sizeof(*o) + record->options_len);

	if (!o)
		return NULL;
	o->len = record->options_len;
	memcpy(o->bytes, record->options, o->len);
	return o;
}

static size_t options_size(const struct options *o)
{
	return o ? sizeof(*o) + o->len : 0;
}

static void replace_options(
	struct shadow *s, const struct table *t, struct entry *e, struct options *o)
{
	struct options *old = options_of(t, e);

	s->options_bytes += options_size(o);
	s->options_bytes -= options_size(old);
	free(old);
	set_options(t, e, o);
}

static uint64_t element_of(const struct table *t, const struct entry *e)
{
	struct sync_record record;

	to_record(t, e, &record);
	return sync_digest_element(&record);
}

static bool insert(struct shadow *s, struct table *t, uint64_t hash, const struct entry *loose,
	struct options *options)
{
	uint32_t at = shadow_count(s) < s->max && make_heads(t) ? take_place(t) : 0;
	uint32_t *head;
	struct entry *e;

	if (!at) {
		s->refused++;
		return false;
	}
	e = entry_at(t, at - 1);
	memcpy(e, loose, t->entry_len);
	set_options(t, e, NULL);
	replace_options(s, t, e, options);
	head = &t->heads[chain_of(t, hash)];
	e->next = *head;
	*head = at;
	e->used = 1;
	sync_digest_add(&s->digest, element_of(t, e));
	if (++t->count > t->n_heads)
		split_chain(s, t);
	return true;
}

/* Whether two entries of one key differ in what the digest tells. */
static bool element_differs(const struct table *t, const struct entry *a, const struct entry *b)
{
	return ((a->flags ^ b->flags) & SYNC_FLAG_INACTIVE) != 0 ||
	       a->server_port != b->server_port ||
	       memcmp(a->addresses + 2 * t->addr_len, b->addresses + 2 * t->addr_len,
		       t->addr_len) != 0;
}

static void update(struct shadow *s, const struct table *t, struct entry *e,
	const struct entry *loose, struct options *options)
{
	bool differs = element_differs(t, e, loose);
	uint32_t next = e->next;

	if (differs)
		sync_digest_remove(&s->digest, element_of(t, e));
	replace_options(s, t, e, options);
	memcpy(e, loose, sizeof(*e) + 3 * t->addr_len);
	e->next = next;
	e->used = 1;
	if (differs)
		sync_digest_add(&s->digest, element_of(t, e));
}

bool shadow_take(struct shadow *s, const struct sync_record *record, enum shadow_origin origin,
	struct instant said)
{
	union loose_entry loose = {0};
	struct options *options = NULL;
	struct entry *known;
	struct table *t;
	uint64_t hash;
	uint32_t at;
	bool taken = true;

	if (!is_sensible(record))
		return false;
	t = &s->tables[table_of(record->client.family)];
	from_record(t, record, &loose.e);
	set_said(&loose.e, said);
	loose.e.peer = origin == SHADOW_PEER;
	hash = hash_of(s, t, &loose.e, record->options, record->options_len);
	at = find(t, hash, &loose.e, record);
	known = at ? entry_at(t, at - 1) : NULL;
	if (known && said_of(known) > said_of(&loose.e))
		return false;
	if (record->options_len > 0 && !(options = copy_options(record)))
		return false;
	if (known)
		update(s, t, known, &loose.e, options);
	else
		taken = insert(s, t, hash, &loose.e, options);
	if (!taken)
		free(options);
	if (taken && loose.e.peer && said_of(&loose.e) > s->heard)
		s->heard = said_of(&loose.e);
	return taken;
}

static void forget(struct shadow *s, struct table *t, uint32_t place)
{
	struct entry *e = entry_at(t, place);
	uint32_t *link = &t->heads[chain_of(t, hash_entry(s, t, e))];

	while (*link != place + 1)
		link = &entry_at(t, *link - 1)->next;
	*link = e->next;
	sync_digest_remove(&s->digest, element_of(t, e));
	replace_options(s, t, e, NULL);
	e->used = 0;
	e->next = t->free;
	t->free = place + 1;
	t->count--;
}

/* The kernel's defaults (6.1) for a record that leaves it to the receiver: read from /proc. */
static uint32_t default_timeout_s(uint8_t protocol, uint16_t state, uint32_t flags)
{
	static const uint16_t tcp[] = {2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120};

	if (flags & SYNC_FLAG_TEMPLATE)
		return 180;
	if (protocol == IPPROTO_UDP)
		return 300;
	if (protocol == IPPROTO_TCP && state < sizeof(tcp) / sizeof(tcp[0]))
		return tcp[state];
	return 900;
}

uint32_t shadow_timeout_s(const struct sync_record *r)
{
	return r->timeout_s ? r->timeout_s : default_timeout_s(r->protocol, r->state, r->flags);
}

static bool has_timed_out(const struct entry *e, uint64_t now)
{
	uint32_t timeout_s =
		e->timeout_s ? e->timeout_s : default_timeout_s(e->protocol, e->state, e->flags);

	return said_of(e) + (uint64_t)timeout_s * 1000000 <= now;
}

static void sweep(struct shadow *s, struct table *t)
{
	uint32_t n = t->made / SWEEP_STEPS + 1;

	for (uint32_t i = 0; i < n && t->made > 0; i++, t->swept++) {
		struct entry *e;

		if (t->swept >= t->made)
			t->swept = 0;
		e = entry_at(t, t->swept);
		if (e->used && has_timed_out(e, s->now))
			forget(s, t, t->swept);
	}
}

struct instant shadow_expire(struct shadow *s, struct instant now)
{
	s->now = now.us + TIME_BIAS;
	sweep(s, &s->tables[0]);
	sweep(s, &s->tables[1]);
	return shadow_count(s) > 0 ? instant_add(now, SWEEP_STEP_US) : INSTANT_NEVER;
}

size_t shadow_count(const struct shadow *s)
{
	return s->tables[0].count + s->tables[1].count;
}

static size_t table_bytes(const struct table *t)
{
	return t->n_blocks * (BLOCK_ENTRIES * t->entry_len + sizeof(*t->blocks)) +
	       t->max_heads * sizeof(*t->heads);
}

size_t shadow_bytes(const struct shadow *s)
{
	return sizeof(*s) + table_bytes(&s->tables[0]) + table_bytes(&s->tables[1]) +
	       s->options_bytes;
}

uint64_t shadow_refused(const struct shadow *s)
{
	return s->refused;
}

struct instant shadow_heard(const struct shadow *s)
{
	return (struct instant){s->heard > TIME_BIAS ? s->heard - TIME_BIAS : 0};
}

const struct sync_digest *shadow_digest(const struct shadow *s)
{
	return &s->digest;
}

bool shadow_get(const struct shadow *s, uint64_t place, struct sync_record *ret,
	enum shadow_origin *ret_origin, struct instant *ret_said)
{
	const struct table *t = &s->tables[place >= IPV6_PLACES];
	uint64_t index = place % IPV6_PLACES;
	const struct entry *e;

	if (place >= 2 * IPV6_PLACES || index >= t->made)
		return false;
	e = entry_at(t, (uint32_t)index);
	if (!e->used || has_timed_out(e, s->now))
		return false;
	to_record(t, e, ret);
	*ret_origin = e->peer ? SHADOW_PEER : SHADOW_OWN;
	*ret_said = (struct instant){said_of(e) - TIME_BIAS};
	return true;
}

void shadow_walk_bound(const struct shadow *s, struct shadow_walk *walk)
{
	for (size_t i = 0; i < 2; i++)
		walk->until[i] = s->tables[i].made + 1;
}

static uint64_t walk_end(const struct shadow *s, const struct shadow_walk *walk, size_t i)
{
	uint32_t made = s->tables[i].made;

	return walk->until[i] && walk->until[i] - 1 < made ? walk->until[i] - 1 : made;
}

bool shadow_next(const struct shadow *s, struct shadow_walk *walk, struct sync_record *ret,
	enum shadow_origin *ret_origin, struct instant *ret_said)
{
	if (walk->at < IPV6_PLACES) {
		while (walk->at < walk_end(s, walk, 0))
			if (shadow_get(s, walk->at++, ret, ret_origin, ret_said))
				return true;
		walk->at = IPV6_PLACES;
	}
	while (walk->at - IPV6_PLACES < walk_end(s, walk, 1))
		if (shadow_get(s, walk->at++, ret, ret_origin, ret_said))
			return true;
	return false;
}

uint64_t shadow_find(const struct shadow *s, const struct sync_record *record)
{
	union loose_entry loose = {0};
	const struct table *t;
	uint32_t at;

	if (!is_sensible(record))
		return SHADOW_NONE;
	t = &s->tables[table_of(record->client.family)];
	from_record(t, record, &loose.e);
	at = find(
		t, hash_of(s, t, &loose.e, record->options, record->options_len), &loose.e, record);
	return at ? at - 1 + (t->family == AF_INET6 ? IPV6_PLACES : 0) : SHADOW_NONE;
}

bool shadow_says(const struct shadow *s, const struct sync_record *record, struct instant *ret_said)
{
	union loose_entry loose = {0};
	uint64_t place = shadow_find(s, record);
	enum shadow_origin origin;
	struct sync_record known;
	const struct table *t;
	const struct entry *e;

	if (place == SHADOW_NONE || !shadow_get(s, place, &known, &origin, ret_said))
		return false;
	t = &s->tables[place >= IPV6_PLACES];
	e = entry_at(t, (uint32_t)(place % IPV6_PLACES));
	from_record(t, record, &loose.e);
	return e->timeout_s == loose.e.timeout_s && e->mark == loose.e.mark &&
	       e->flags == loose.e.flags && e->state == loose.e.state &&
	       !element_differs(t, e, &loose.e) && options_equal(options_of(t, e), record);
}

int shadow_new(size_t max_entries, struct shadow **ret)
{
	struct shadow *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->tables[0].family = AF_INET;
	s->tables[1].family = AF_INET6;
	for (size_t i = 0; i < 2; i++) {
		struct addr a = {.family = s->tables[i].family};

		s->tables[i].addr_len = addr_len(&a);
		s->tables[i].entry_len =
			sizeof(struct entry) + 3 * addr_len(&a) + sizeof(struct options *);
	}
	s->max = max_entries;
	s->now = TIME_BIAS;
	if (getrandom(&s->secret, sizeof(s->secret), 0) != sizeof(s->secret))
		s->secret = (uintptr_t)s; /* better than nothing, and never seen */
	*ret = s;
	return 0;
}

static void table_done(struct table *t)
{
	for (uint32_t i = 0; i < t->made; i++)
		if (entry_at(t, i)->used)
			free(options_of(t, entry_at(t, i)));
	for (size_t i = 0; i < t->n_blocks; i++)
		free(t->blocks[i]);
	free(t->blocks);
	free(t->heads);
}

void shadow_free(struct shadow *s)
{
	if (!s)
		return;
	table_done(&s->tables[0]);
	table_done(&s->tables[1]);
	free(s);
}
