/* Expansion. An operator names ten addresses or a range of ports once; the kernel wants each by
 * itself, and so does everything behind the configuration. */
#include "conf/expand.h"

#include "base/index.h"
#include "conf/alloc.h"

/* Marks of ours have these upper bits, "td"; what other programs use are small numbers mostly. */
#define MARK_BASE UINT32_C(0x74640000)
#define MARK_NUMBERS UINT32_C(0x10000)

/* --- Marks --- */

/* FNV-1a */
static uint32_t hash_name(const char *name)
{
	uint32_t hash = UINT32_C(2166136261);

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * UINT32_C(16777619);
	return hash;
}

static bool is_taken(const struct conf *c, uint32_t mark)
{
	for (size_t i = 0; i < c->n_definitions; i++)
		if (c->definitions[i].mark == mark)
			return true;
	return false;
}

void expand_marks(struct conf *c)
{
	for (size_t i = 0; i < c->n_definitions; i++) {
		struct conf_definition *d = &c->definitions[i];
		uint32_t number = hash_name(d->name) % MARK_NUMBERS;

		if (!d->mark_auto)
			continue;
		while (is_taken(c, MARK_BASE | number))
			number = (number + 1) % MARK_NUMBERS;
		d->mark = MARK_BASE | number;
	}
}

/* --- Counting --- */

bool expand_has_family(const struct conf_definition *d, uint16_t family)
{
	for (size_t i = 0; i < d->n_listens; i++)
		if (d->listens[i].first.family == family)
			return true;
	return d->n_listens == 0 && d->mark && family == (d->family ? d->family : AF_INET);
}

/* The last 8 bytes of an address as a number. */
static uint64_t low_bits(const struct addr *a)
{
	size_t len = addr_len(a);
	uint64_t bits = 0;

	for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
		bits = bits << 8 | a->bytes[i];
	return bits;
}

/* CONF_SERVICES_MAX + 1 when there are more. */
static size_t count_addresses(const struct conf_addresses *range)
{
	size_t upper = addr_len(&range->first) > 8 ? addr_len(&range->first) - 8 : 0;
	uint64_t n = low_bits(&range->last) - low_bits(&range->first);

	if (memcmp(range->first.bytes, range->last.bytes, upper) != 0 || n >= CONF_SERVICES_MAX)
		return CONF_SERVICES_MAX + 1;
	return (size_t)n + 1;
}

static size_t count_ports(const struct conf_definition *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_ports; i++)
		n += (size_t)(d->ports[i].last - d->ports[i].first) + 1;
	return n;
}

static size_t count_services(const struct conf_definition *d)
{
	size_t addresses = 0, ports = count_ports(d);

	if (d->mark)
		return (size_t)expand_has_family(d, AF_INET) + expand_has_family(d, AF_INET6);
	for (size_t i = 0; i < d->n_listens && addresses <= CONF_SERVICES_MAX; i++)
		addresses += count_addresses(&d->listens[i]);
	if (ports && addresses > CONF_SERVICES_MAX / ports)
		return CONF_SERVICES_MAX + 1;
	return addresses * ports;
}

static bool is_known(const struct rules *r, size_t definition)
{
	const struct value *json = rules_origin(r, ROOT_SERVICES, definition)->json;

	return !rules_faulty(r, json, "listen") && !rules_faulty(r, json, "port") &&
	       !rules_faulty(r, json, "mark") && !rules_faulty(r, json, "protocol");
}

/* Sets n and first_service of every definition; returns the sum. */
static size_t lay_out(const struct rules *r)
{
	size_t total = 0;

	for (size_t i = 0; i < r->c->n_definitions; i++) {
		struct conf_definition *d = &r->c->definitions[i];
		size_t n = is_known(r, i) ? count_services(d) : 0;

		if (n > CONF_SERVICES_MAX - total) {
			rules_report(r, ROOT_SERVICES, i, "listen",
				conf_printf("with this service the kernel has more than %d",
					CONF_SERVICES_MAX));
			n = 0;
		}
		d->first = total;
		d->n = n;
		total += n;
	}
	return total;
}

/* --- Services --- */

static uint32_t netmask(const struct conf_definition *d, uint16_t family)
{
	if (family == AF_INET6)
		return d->netmask_len ? d->netmask_len : 128;
	return d->netmask_len ? UINT32_MAX << (32 - d->netmask_len) : UINT32_MAX;
}

static struct conf_service *add_service(
	struct conf *c, size_t definition, const struct ipvs_service_key *key, uint16_t check_port)
{
	struct conf_definition *d = &c->definitions[definition];
	struct conf_service *s = &c->services[c->n_services++];

	*s = d->common;
	s->name = d->name;
	s->definition = definition;
	s->key = *key;
	s->check_port = check_port;
	s->netmask = netmask(d, key->addr.family);
	s->router = CONF_NONE;
	return s;
}

static void increment(struct addr *a)
{
	for (size_t i = addr_len(a); i > 0 && ++a->bytes[i - 1] == 0; i--)
		;
}

static void expand_ports(struct conf *c, size_t definition, const struct addr *addr)
{
	const struct conf_definition *d = &c->definitions[definition];

	for (size_t i = 0; i < d->n_ports; i++)
		for (unsigned port = d->ports[i].first; port <= d->ports[i].last; port++) {
			struct ipvs_service_key key = {
				*addr, (uint16_t)port, d->common.key.protocol, 0};
			(void)add_service(c, definition, &key, (uint16_t)port);
		}
}

static void expand_addresses(struct conf *c, size_t definition)
{
	const struct conf_definition *d = &c->definitions[definition];

	for (size_t i = 0; i < d->n_listens; i++) {
		struct addr addr = d->listens[i].first;

		for (size_t n = count_addresses(&d->listens[i]); n > 0; n--) {
			expand_ports(c, definition, &addr);
			increment(&addr);
		}
	}
}

static void expand_mark(struct conf *c, size_t definition)
{
	static const uint16_t families[] = {AF_INET, AF_INET6};
	const struct conf_definition *d = &c->definitions[definition];

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		struct ipvs_service_key key = ipvs_service_key_of_mark(families[i], d->mark);

		if (expand_has_family(d, families[i]))
			(void)add_service(c, definition, &key, d->n_ports ? d->ports[0].first : 0);
	}
}

static void rule_netmask(const struct rules *r, size_t definition)
{
	struct conf_definition *d = &r->c->definitions[definition];

	if (d->netmask_len <= 32 || !expand_has_family(d, AF_INET))
		return;
	rules_report(r, ROOT_SERVICES, definition, "persistence_netmask",
		conf_printf("%u is more than an IPv4 address has", (unsigned)d->netmask_len));
	d->netmask_len = 0;
}

void expand_services(const struct rules *r)
{
	r->c->services = conf_alloc(lay_out(r), sizeof(*r->c->services));
	for (size_t i = 0; i < r->c->n_definitions; i++) {
		rule_netmask(r, i);
		if (r->c->definitions[i].n == 0)
			continue;
		if (r->c->definitions[i].mark)
			expand_mark(r->c, i);
		else
			expand_addresses(r->c, i);
	}
}

/* --- Paths --- */

/* The mark of a path: the same on both directors, and as long as service and server keep their
 * names. */
static uint32_t hash_path(const struct conf_service *s, const struct conf_server *server)
{
	char key[IPVS_KEY_TEXT_MAX];
	uint64_t hash = index_hash(INDEX_HASH, server->name, strlen(server->name));

	(void)ipvs_service_key_format(&s->key, key);
	return (uint32_t)(index_hash(hash, key, strlen(key)) % CONF_PATH_MARKS);
}

static bool has_mark(const struct conf *c, const struct index *marks, uint32_t mark)
{
	uint64_t at = mark;
	size_t i;

	while ((i = index_next(marks, &at)) != INDEX_NONE)
		if (c->services[i].key.fwmark == mark)
			return true;
	return false;
}

/* It takes what has its mark to its server as the service does. */
static void add_path(struct conf *c, size_t service, size_t server, struct index *marks)
{
	struct conf_service *s = &c->services[service], *path = &c->services[c->n_services];
	uint32_t number = hash_path(s, &c->pools[s->pool].servers[server]);

	while (has_mark(c, marks, CONF_PATH_MARK | number))
		number = (number + 1) % CONF_PATH_MARKS;
	*path = *s;
	path->path_addr = expand_listen(c, s);
	path->path_port = s->key.fwmark ? s->check_port : s->key.port;
	path->key = ipvs_service_key_of_mark(s->key.addr.family, CONF_PATH_MARK | number);
	(void)snprintf(path->scheduler, sizeof(path->scheduler), "rr");
	path->engine[0] = '\0';
	path->flags = s->flags & IPVS_SERVICE_ONE_PACKET;
	path->persistence_s = 0;
	path->netmask = s->key.addr.family == AF_INET6 ? 128 : UINT32_MAX;
	path->program = CONF_PROGRAM_ALWAYS;
	path->first_path = 0;
	path->is_path = true;
	path->path_of = service;
	path->path_server = server;
	index_add(marks, path->key.fwmark, c->n_services++);
}

static bool is_checked_through(const struct conf_pool *pool, const struct conf_server *server)
{
	const struct conf_check *check = conf_check_of(pool, server);
	size_t n;
	const struct conf_check *members = check ? conf_check_members(check, &n) : NULL;

	for (size_t i = 0; members && i < n; i++)
		if (members[i].through_service)
			return true;
	return false;
}

bool expand_needs_paths(const struct conf *c, size_t pool)
{
	const struct conf_pool *p = pool == CONF_NONE ? NULL : &c->pools[pool];

	for (size_t i = 0; p && i < p->n_servers; i++)
		if (is_checked_through(p, &p->servers[i]))
			return true;
	return false;
}

void expand_paths(const struct rules *r)
{
	struct conf *c = r->c;
	size_t n = c->n_services, max = n;
	struct index marks = {0};

	for (size_t i = 0; i < n; i++)
		if (expand_needs_paths(c, c->services[i].pool))
			max += c->pools[c->services[i].pool].n_servers;
	if (max == n)
		return;
	if (max > CONF_SERVICES_MAX) {
		rules_report(r, ROOT_SERVICES, c->services[n - 1].definition, "pool",
			conf_printf("with the paths of checks the kernel has more than %d services",
				CONF_SERVICES_MAX));
		return;
	}
	c->services = reallocarray(c->services, max, sizeof(*c->services));
	if (!c->services || index_init(&marks, max) < 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (!expand_needs_paths(c, c->services[i].pool))
			continue;
		c->services[i].first_path = c->n_services;
		for (size_t j = 0; j < c->pools[c->services[i].pool].n_servers; j++)
			add_path(c, i, j, &marks);
	}
	index_done(&marks);
}

struct addr expand_listen(const struct conf *c, const struct conf_service *s)
{
	const struct conf_definition *d = &c->definitions[s->definition];

	if (s->key.fwmark == 0)
		return s->key.addr;
	for (size_t i = 0; i < d->n_listens; i++)
		if (d->listens[i].first.family == s->key.addr.family)
			return d->listens[i].first;
	return (struct addr){0};
}
