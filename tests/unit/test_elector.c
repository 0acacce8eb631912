/* The elector's logic against a recorder: a small world of interfaces and addresses, and a log of
 * what was done to it, in order. */
#include "elector/elector.h"
#include "elector/wire.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)
#define LOG_MAX 4096
#define WORLD_ADDRS 256

/* The world. */
static struct {
	char log[LOG_MAX];
	struct moved addrs[WORLD_ADDRS];
	size_t n_addrs;
	struct {
		const char *name; /* NULL: gone */
		int ifindex;
		bool up;
		const char *primary; /* NULL: none */
	} links[2];
	struct instant armed;
	int add_error;
	int open_error;
	int dump_error;
	uint64_t clock_off_us;
	bool signed_too; /* what is sent has a trailer */
	uint8_t sent[VRRP_PACKET_MAX];
	size_t sent_len;
	const char *sent_to;    /* where adverts to us go */
	uint8_t advertised;     /* addresses in the last packet sent */
	uint16_t advertised_cs; /* its interval */
	bool record_was_active; /* at the last add or remove */
	bool linked;            /* the peer can be asked ... */
	struct peer_news news;  /* ... and says this of "front" */
} world;

static struct state_router records[STATE_ROUTERS_MAX];
static struct moved recorded[4 * STATE_ROUTERS_MAX];
static struct state_file state = {
	.fd = -1, .routers = records, .moved = recorded, .n_moved = 4 * STATE_ROUTERS_MAX};
static struct elector e;
static struct instant now;
static const uint8_t mac[PORT_MAC_LEN] = {2, 0, 0, 0, 0, 1};
static const uint8_t virtual[PORT_MAC_LEN] = {0x00, 0x00, 0x5e, 0x00, 0x01, 51};

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	size_t len = strlen(world.log);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(world.log + len, sizeof(world.log) - len, format, ap);
	va_end(ap);
}

/* What was done since the last time. */
static const char *done(void)
{
	static char log[LOG_MAX];

	memcpy(log, world.log, sizeof(log));
	world.log[0] = '\0';
	return log;
}

static size_t world_find(const struct moved *m)
{
	size_t i = 0;

	while (i < world.n_addrs && !moved_equal(&world.addrs[i], m))
		i++;
	return i;
}

static int open_port(void *io, struct port *port, uint16_t family)
{
	(void)io;
	if (world.open_error)
		return world.open_error;
	note("open %s%s; ", port->interface, family == AF_INET6 ? "/6" : "");
	return 0;
}

static void close_port(void *io, struct port *port, uint16_t family)
{
	(void)io;
	note("close %s%s; ", port->interface, family == AF_INET6 ? "/6" : "");
}

static int send_packet(void *io, const struct port *port, const struct addr *source,
	const struct addr *destination, const uint8_t *packet, size_t len)
{
	size_t size = source->family == AF_INET6 ? 16 : 4;

	(void)io;
	(void)port;
	ck_assert_uint_eq(source->family, destination->family);
	ck_assert_uint_eq(len,
		VRRP_HEADER_LEN + size * packet[3] + (world.signed_too ? VRRP_TRAILER_LEN : 0));
	memcpy(world.sent, packet, len);
	world.sent_len = len;
	if (!addr_is_multicast(destination))
		note("to .%u ", destination->bytes[size - 1]);
	world.advertised = packet[3];
	world.advertised_cs = (uint16_t)(packet[4] << 8 | packet[5]);
	note("send %u; ", packet[2]);
	return 0;
}

#define AWAY_IFINDEX 3

/* The last byte of each address, and where it goes if not home; a route by its destination, a rule
 * by its priority. */
static void note_moved(const char *what, int ifindex, const struct moved *items, size_t n)
{
	static const char *const kinds[] = {"", "-route", "-rule"};

	note("%s%s%s", what, kinds[items->kind], ifindex == AWAY_IFINDEX ? "@eth2" : "");
	for (size_t i = 0; i < n; i++) {
		const struct addr *addr = items[i].kind == MOVED_ADDRESS
						  ? &items[i].address.prefix.addr
						  : &items[i].route.to.addr;
		bool ipv6 = addr->family == AF_INET6;
		ck_assert_uint_eq(items[i].kind, items->kind);
		if (items[i].kind == MOVED_RULE)
			note(" %u", items[i].rule.priority);
		else
			note(ipv6 ? " :%x" : " .%u", addr->bytes[ipv6 ? 15 : 3]);
	}
	note("; ");
}

static int add(void *io, int ifindex, const struct moved *items, size_t n, size_t *ret_changed)
{
	(void)io;
	*ret_changed = 0;
	note_moved("add", ifindex, items, n);
	ck_assert(!e.n_routers || e.n_groups || items->place == MOVED_ANYWHERE ||
		  records[0].ifindex[items->place] == ifindex);
	world.record_was_active = records[0].active;
	if (world.add_error)
		return world.add_error;
	for (size_t i = 0; i < n; i++) {
		if (world_find(&items[i]) < world.n_addrs)
			continue;
		ck_assert_uint_lt(world.n_addrs, WORLD_ADDRS);
		world.addrs[world.n_addrs++] = items[i];
		(*ret_changed)++;
	}
	return 0;
}

static int remove_moved(
	void *io, int ifindex, const struct moved *items, size_t n, size_t *ret_changed)
{
	(void)io;
	*ret_changed = 0;
	note_moved("remove", ifindex, items, n);
	world.record_was_active = records[0].active;
	for (size_t i = 0; i < n; i++) {
		size_t at = world_find(&items[i]);
		if (at == world.n_addrs)
			continue;
		world.addrs[at] = world.addrs[--world.n_addrs];
		(*ret_changed)++;
	}
	return 0;
}

static void announce(
	void *io, const struct port *port, unsigned arp_forms, const struct moved *items, size_t n)
{
	(void)io;
	(void)arp_forms;
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(items[i].kind, MOVED_ADDRESS);
	note("announce%s %zu; ", port->ifindex == AWAY_IFINDEX ? "@eth2" : "", n);
}

static int tidy(void *io, struct state_router *record, size_t *ret_removed)
{
	const struct moved *items = state_file_list(&state, record);
	size_t total = 0, removed;

	note("tidy %s; ", record->name);
	record->active = false;
	for (size_t left = record->list.n, n; left > 0; left -= n) {
		n = moved_run_before(items, left, SIZE_MAX);
		(void)remove_moved(
			io, record->ifindex[items[left - n].place], &items[left - n], n, &removed);
		total += removed;
	}
	*ret_removed = total;
	return 0;
}

static struct addr_prefix prefix(const char *text)
{
	struct addr_prefix p;

	ck_assert(addr_prefix_parse(text, &p));
	return p;
}

static int dump(void *io)
{
	(void)io;
	if (world.dump_error)
		return world.dump_error;
	for (size_t i = 0; i < 2; i++) {
		struct addr_prefix primary;
		if (!world.links[i].name)
			continue;
		elector_link(&e, world.links[i].ifindex, world.links[i].name, world.links[i].up,
			strcmp(world.links[i].name, "vrrp.51") == 0 ? virtual : mac);
		if (!world.links[i].primary)
			continue;
		for (size_t k = 0; k < world.n_addrs; k++)
			if (world.addrs[k].kind == MOVED_ADDRESS)
				elector_addr(&e, world.links[i].ifindex,
					&world.addrs[k].address.prefix, true);
		primary = prefix(world.links[i].primary);
		elector_addr(&e, world.links[i].ifindex, &primary, true);
	}
	return 0;
}

static bool ask_peer(void *io, const char *name, struct peer_news *ret)
{
	(void)io;
	*ret = world.news;
	ret->known = ret->known && strcmp(name, "front") == 0;
	return world.linked;
}

static uint64_t wall_us(void *io)
{
	(void)io;
	return UINT64_C(1800000000) * SECOND_US + now.us + world.clock_off_us;
}

static void arm(void *io, struct instant deadline)
{
	(void)io;
	world.armed = deadline;
}

static void transition(void *io, const struct router *router, enum vrrp_state old_state)
{
	(void)io;
	note("%s>%s; ", vrrp_state_name(old_state), vrrp_state_name(router->vrrp.state));
}

static void prepare(void *io, const struct router *router)
{
	(void)io;
	note("prepare %u; ", router->prepares);
}

static void changed(void *io, const struct router *router)
{
	(void)io;
	note("changed %u; ", router->vrrp.config.priority);
}

static void event(void *io, enum event what, const struct router *router, const char *message)
{
	(void)io;
	(void)router;
	(void)message;
	note("%s; ", event_name(what));
}

/* The device is the second link. */
static int make_device(void *io, const struct port *port, int parent,
	const uint8_t device_mac[static PORT_MAC_LEN])
{
	(void)io;
	note("make %s on %d with %02x; ", port->interface, parent, device_mac[5]);
	world.links[1].name = port->interface;
	world.links[1].ifindex = 9;
	return 0;
}

static int set_device_up(void *io, const struct port *port, bool up)
{
	(void)io;
	note("%d %s; ", port->ifindex, up ? "up" : "down");
	world.links[1].up = up;
	return 0;
}

static int remove_device(void *io, int ifindex)
{
	(void)io;
	note("remove %d; ", ifindex);
	world.links[1].name = NULL;
	return 0;
}

static void give_up_device(void *io, const struct port *port)
{
	(void)io;
	note("give up %d; ", port->ifindex);
	world.links[1].name = NULL;
}

static const struct elector_ops recorder = {
	.make_device = make_device,
	.set_up = set_device_up,
	.remove_device = remove_device,
	.give_up_device = give_up_device,
	.open_port = open_port,
	.close_port = close_port,
	.send = send_packet,
	.add = add,
	.remove = remove_moved,
	.announce = announce,
	.tidy = tidy,
	.dump = dump,
	.ask_peer = ask_peer,
	.wall_us = wall_us,
	.arm = arm,
	.transition = transition,
	.prepare = prepare,
	.changed = changed,
	.event = event,
};

/* Lists of configurations, good until the next test. */
static struct moved lists[8 * STATE_ROUTERS_MAX];
static size_t n_lists;

static struct moved *new_list(size_t n)
{
	ck_assert_uint_le(n_lists + n, sizeof(lists) / sizeof(lists[0]));
	n_lists += n;
	return memset(&lists[n_lists - n], 0, n * sizeof(*lists));
}

static struct moved moved(const char *text, uint8_t place)
{
	return (struct moved){
		.kind = MOVED_ADDRESS, .place = place, .address.prefix = prefix(text)};
}

/* A virtual router with addresses 192.0.2.FIRST and those after it. */
static struct router_config front(uint8_t vrid, unsigned first, unsigned n)
{
	struct router_config c = {
		.name = "front",
		.interface = "eth0",
		.vrid = vrid,
		.priority = 100,
		.interval_cs = 100,
		.down_intervals = VRRP_DOWN_INTERVALS,
		.preempt = true,
		.format = {AF_INET, .version = 3, .min_ttl = 255, .interval_cs = 100},
		.announce = {.repeat = 1},
		.moved = new_list(n),
		.n_moved = n,
		.n_advertised = n,
	};

	for (unsigned i = 0; i < n; i++) {
		c.moved[i] = moved("192.0.2.0/24", MOVED_HOME);
		c.moved[i].address.prefix.addr.bytes[3] = (uint8_t)(first + i);
		c.moved[i].advertised = true;
	}
	return c;
}

#define AWAY 1 /* a place */

/* ... with one more address of each family beside them, and two of each away. */
static struct router_config everything(void)
{
	struct router_config c = front(51, 100, 1);

	c.moved = new_list(5);
	c.n_moved = 5;
	c.moved[0] = moved("10.9.0.200/24", AWAY);
	c.moved[1] = moved("fd00::b0/64", AWAY);
	c.moved[2] = moved("192.0.2.100/24", MOVED_HOME);
	c.moved[2].advertised = true;
	c.moved[3] = moved("2001:db8::a0/64", MOVED_HOME);
	c.moved[4] = moved("192.0.2.110/24", MOVED_HOME);
	(void)snprintf(c.places[AWAY], sizeof(c.places[AWAY]), "eth2");
	return c;
}

static void record_list(struct state_router *s, const struct router_config *c)
{
	state_file_record(&state, s, 0, c->moved, c->n_moved);
}

static void set_up(void)
{
	memset(&world, 0, sizeof(world));
	memset(records, 0, sizeof(records));
	n_lists = 0;
	now = (struct instant){1000 * SECOND_US};
	world.sent_to = "224.0.0.18";
	world.links[0].name = "eth0";
	world.links[0].ifindex = 2;
	world.links[0].up = true;
	world.links[0].primary = "192.0.2.2/24";
	elector_init(&e, &recorder, NULL, &state);
}

static void tear_down(void)
{
	elector_done(&e);
}

static void configure(const struct router_config *wanted, size_t n)
{
	ck_assert_int_eq(elector_configure(&e, wanted, n, now), 0);
}

static void pass(uint64_t us)
{
	now = instant_add(now, us);
}

static void reach_deadline(void)
{
	now = world.armed;
	elector_timer(&e, now);
}

/* front, Active, nothing in the log. */
static struct router *start_active(void)
{
	struct router_config c = front(51, 100, 2);

	configure(&c, 1);
	reach_deadline();
	(void)done();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
	return e.routers[0];
}

static void link_is(int ifindex, bool up)
{
	world.links[0].ifindex = ifindex;
	world.links[0].up = up;
	elector_link(&e, ifindex, "eth0", up, mac);
	elector_settle(&e, now);
}

static struct vrrp_datagram make_advert(uint8_t vrid, uint8_t priority, uint8_t from,
	unsigned first, uint8_t bytes[static VRRP_DATAGRAM_MAX])
{
	static const uint8_t header[] = {0x45, 0xc0, 0, 0, 0, 0, 0, 0, 255, 112, 0, 0, 192, 0, 2};
	struct vrrp_advert a = {
		.vrid = vrid, .priority = priority, .interval_cs = 100, .n_addrs = 2};
	struct vrrp_format format = front(vrid, first, 2).format;
	struct addr to;
	size_t len;

	memset(bytes, 0, VRRP_DATAGRAM_MAX);
	memcpy(bytes, header, sizeof(header));
	bytes[15] = from;
	ck_assert(addr_parse(world.sent_to, &to));
	memcpy(bytes + 16, to.bytes, 4);
	a.addrs[0] = front(vrid, first, 2).moved[0].address.prefix.addr;
	a.addrs[1] = front(vrid, first, 2).moved[1].address.prefix.addr;
	len = 20 + vrrp_packet_build(&format, &a, bytes + 20);
	vrrp_packet_seal(&format, &a.source, &a.source, bytes + 20, len - 20);
	bytes[3] = (uint8_t)len;
	return (struct vrrp_datagram){.bytes = bytes, .len = len};
}

static void advert_arrives(uint8_t vrid, uint8_t priority, uint8_t from, unsigned first)
{
	uint8_t bytes[VRRP_DATAGRAM_MAX];
	struct vrrp_datagram arrived = make_advert(vrid, priority, from, first, bytes);

	elector_hear(&e, e.ports[0], &arrived, 1, now);
}

/* A predecessor that sent its last advert some time ago. */
static void predecessor(const char *name, uint8_t vrid, unsigned first, unsigned n, uint64_t ago_us)
{
	struct router_config c = front(vrid, first, n);
	struct state_router *s = &records[0];
	size_t changed;

	*s = (struct state_router){.used = true, .active = true, .vrid = vrid, .ifindex = {2}};
	s->election = 2;
	s->format = c.format;
	s->interval_cs = 100;
	s->down_intervals = VRRP_DOWN_INTERVALS;
	s->spoke = (struct instant){now.us - ago_us};
	record_list(s, &c);
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	(void)snprintf(s->interface, sizeof(s->interface), "eth0");
	(void)add(NULL, 2, c.moved, n, &changed);
	(void)done();
}

/* front, but with IPv6 addresses, beside one of IPv4 with the same VRID. */
static void configure_both(struct router_config c[static 2])
{
	c[0] = front(51, 100, 1);
	c[1] = front(51, 100, 1);
	c[1].moved[0].address.prefix = prefix("2001:db8::a6/64");
	c[1].format.family = AF_INET6;
	(void)snprintf(c[1].name, sizeof(c[1].name), "six");
	configure(c, 2);
}

static void ipv6_advert_arrives(uint8_t priority, const char *source, const char *destination)
{
	struct vrrp_format format = {AF_INET6, .version = 3, .min_ttl = 255};
	struct vrrp_advert a = {.vrid = 51, .priority = priority, .interval_cs = 100, .n_addrs = 1};
	uint8_t packet[VRRP_PACKET_MAX];
	struct vrrp_datagram d = {.ttl = 255, .bytes = packet};

	ck_assert(addr_parse(source, &d.source) && addr_parse(destination, &d.destination));
	a.addrs[0] = prefix("2001:db8::a6/64").addr;
	d.len = vrrp_packet_build(&format, &a, packet);
	vrrp_packet_seal(&format, &d.source, &d.destination, packet, d.len);
	elector_hear(&e, e.ports[0], &d, 1, now);
}

/* Families */

START_TEST(an_ipv6_router_speaks_from_the_link_local_address)
{
	struct addr_prefix global = prefix("2001:db8::2/64"), own = prefix("fe80::2/64");
	struct router_config c[2];

	configure_both(c);
	ck_assert_str_eq(done(), "open eth0; remove .100; initialize>backup; ");
	elector_addr(&e, 2, &global, true);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "");
	elector_addr(&e, 2, &own, true);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "open eth0/6; remove :a6; initialize>backup; ");
	ck_assert(addr_equal(&e.routers[1]->vrrp.config.primary, &own.addr));
	elector_addr(&e, 2, &own, false);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "backup>initialize; close eth0/6; ");
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
}
END_TEST

START_TEST(each_family_has_vrids_of_its_own)
{
	struct addr_prefix own = prefix("fe80::2/64");
	struct router_config c[2];

	configure_both(c);
	elector_addr(&e, 2, &own, true);
	elector_settle(&e, now);
	ipv6_advert_arrives(200, "fe80::3", "ff02::12");
	ck_assert_uint_eq(e.routers[0]->counters.adverts_received, 0);
	ck_assert_uint_eq(e.routers[1]->counters.adverts_received, 1);
	advert_arrives(51, 200, 3, 100);
	ck_assert_uint_eq(e.routers[0]->counters.adverts_received, 1);
	ck_assert_uint_eq(e.routers[1]->counters.adverts_received, 1);
}
END_TEST

/* Unicast */

static struct router_config spoken_to(void)
{
	struct router_config c = front(51, 100, 2);

	c.source = prefix("10.0.0.1").addr;
	c.peers.n = 2;
	c.peers.list[0] = prefix("192.0.2.7").addr;
	c.peers.list[1] = prefix("10.0.0.8").addr;
	return c;
}

START_TEST(unicast_adverts_go_to_each_peer)
{
	struct router_config c = spoken_to();

	configure(&c, 1);
	ck_assert(addr_equal(&e.routers[0]->vrrp.config.primary, &c.source));
	(void)done();
	reach_deadline();
	ck_assert_str_eq(done(), "add .100 .101; to .7 send 100; to .8 send 100; announce 2; "
				 "backup>active; ");
	ck_assert_uint_eq(e.routers[0]->counters.adverts_sent, 1);
}
END_TEST

START_TEST(who_speaks_unicast_hears_its_peers_alone)
{
	struct router_config c = spoken_to();
	struct router *r;

	configure(&c, 1);
	r = e.routers[0];
	(void)done();
	advert_arrives(51, 200, 7, 100); /* to the group */
	ck_assert_str_eq(done(), "advert-rejected; ");
	ck_assert_uint_eq(r->rejected[VRRP_REJECT_DESTINATION], 1);
	world.sent_to = "192.0.2.2";
	advert_arrives(51, 200, 9, 100);
	ck_assert_str_eq(done(), "advert-rejected; ");
	ck_assert_uint_eq(r->rejected[VRRP_REJECT_PEER], 1);
	advert_arrives(51, 200, 9, 100); /* told once in a minute, for each reason */
	ck_assert_str_eq(done(), "");
	advert_arrives(51, 200, 7, 100);
	ck_assert_uint_eq(r->counters.adverts_received, 1);
}
END_TEST

/* Start */

START_TEST(a_new_router_listens_then_claims_speaks_and_announces)
{
	struct router_config c = front(51, 100, 2);

	configure(&c, 1);
	ck_assert_str_eq(done(), "open eth0; remove .100 .101; initialize>backup; ");
	ck_assert_uint_eq(world.armed.us, now.us + 3 * SECOND_US + 609375);
	reach_deadline();
	ck_assert_str_eq(done(), "add .100 .101; send 100; announce 2; backup>active; ");
	ck_assert_uint_eq(world.armed.us, now.us + SECOND_US);
}
END_TEST

/* From the first word as Active to the last one, and it is gone with us. */
START_TEST(a_device_with_the_virtual_mac_is_up_while_active)
{
	struct router_config c = front(51, 100, 1);

	c.virtual_mac = true;
	(void)snprintf(c.places[MOVED_HOME], sizeof(c.places[MOVED_HOME]), "vrrp.51");
	configure(&c, 1);
	ck_assert_str_eq(done(), "make vrrp.51 on 2 with 33; open eth0; open vrrp.51; "
				 "remove .100; 9 down; initialize>backup; ");
	ck_assert_str_eq(records[0].mac_device, "vrrp.51");
	reach_deadline();
	ck_assert_str_eq(done(), "9 up; add .100; send 100; announce 1; backup>active; ");
	elector_leave(&e, now);
	ck_assert_str_eq(done(), "remove .100; send 0; 9 down; active>initialize; remove 9; ");
}
END_TEST

/* To remove it takes the kernel longer than an advert of another router can wait. */
START_TEST(a_device_that_nobody_wants_any_more_is_left_to_the_director)
{
	struct router_config c = front(51, 100, 1);

	c.virtual_mac = true;
	(void)snprintf(c.places[MOVED_HOME], sizeof(c.places[MOVED_HOME]), "vrrp.51");
	configure(&c, 1);
	reach_deadline();
	(void)done();
	configure(NULL, 0);
	ck_assert_str_eq(done(), "remove .100; send 0; 9 down; active>initialize; give up 9; "
				 "close eth0; close vrrp.51; ");
	elector_leave(&e, now);
	ck_assert_ptr_null(strstr(done(), "remove 9; "));
}
END_TEST

START_TEST(an_interface_that_is_not_ours_is_no_device)
{
	struct router_config c = front(51, 100, 1);

	c.virtual_mac = true;
	(void)snprintf(c.places[MOVED_HOME], sizeof(c.places[MOVED_HOME]), "eth2");
	world.links[1].name = "eth2";
	world.links[1].ifindex = AWAY_IFINDEX;
	configure(&c, 1);
	ck_assert_ptr_nonnull(strstr(done(), "error; "));
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_INITIALIZE);
	elector_leave(&e, now);
	ck_assert_ptr_null(strstr(done(), "remove 3; "));
}
END_TEST

START_TEST(an_address_is_recorded_before_it_is_added_and_until_it_is_removed)
{
	struct router *r = start_active();

	ck_assert(world.record_was_active);
	ck_assert(r->record->active);
	ck_assert_uint_eq(r->record->spoke.us, now.us);
	ck_assert_uint_eq(r->record->list.n, 2);
	ck_assert_str_eq(r->record->interface, "eth0");
	elector_leave(&e, now);
	ck_assert(world.record_was_active);
	ck_assert(!r->record->active);
}
END_TEST

START_TEST(addresses_that_nobody_recorded_are_leftovers_too)
{
	struct router_config c = front(51, 100, 2);

	world.addrs[world.n_addrs++] = c.moved[1];
	configure(&c, 1);
	ck_assert_str_eq(
		done(), "open eth0; remove .100 .101; leftover-removed; initialize>backup; ");
	ck_assert_uint_eq(world.n_addrs, 0);
}
END_TEST

START_TEST(a_predecessor_of_a_moment_ago_is_adopted_and_keeps_its_addresses)
{
	struct router_config c = front(51, 100, 2);

	predecessor("front", 51, 100, 2, 3 * SECOND_US);
	configure(&c, 1);
	ck_assert_str_eq(
		done(), "open eth0; add .100 .101; send 100; announce 2; initialize>active; ");
	ck_assert_int_eq(e.routers[0]->vrrp.reason, VRRP_REASON_ADOPTED);
}
END_TEST

START_TEST(an_adopter_gives_up_what_the_configuration_no_longer_has)
{
	struct router_config c = front(51, 101, 2);

	predecessor("front", 51, 100, 2, SECOND_US);
	configure(&c, 1);
	ck_assert_str_eq(done(), "open eth0; remove .100; add .101 .102; send 100; announce 2; "
				 "initialize>active; ");
}
END_TEST

START_TEST(a_predecessor_that_may_have_been_succeeded_is_tidied_up)
{
	struct router_config c = front(51, 100, 2);

	predecessor("front", 51, 100, 2, vrrp_shortest_down_us(100, VRRP_DOWN_INTERVALS));
	configure(&c, 1);
	ck_assert_str_eq(done(), "open eth0; tidy front; remove .100 .101; remove .100 .101; "
				 "leftover-removed; initialize>backup; ");
}
END_TEST

START_TEST(a_predecessor_on_another_interface_of_that_name_is_not_adopted)
{
	struct router_config c = front(51, 100, 2);

	predecessor("front", 51, 100, 2, SECOND_US);
	records[0].election = 7;
	configure(&c, 1);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
}
END_TEST

START_TEST(a_predecessors_router_that_nobody_wants_is_tidied_up)
{
	struct router_config c = front(51, 100, 2);

	predecessor("old", 50, 90, 1, SECOND_US);
	configure(&c, 1);
	ck_assert_str_eq(done(), "tidy old; remove .90; leftover-removed; open eth0; "
				 "remove .100 .101; initialize>backup; ");
	ck_assert(records[0].used && records[0].vrid == 51);
}
END_TEST

/* Interfaces */

START_TEST(an_interface_that_does_not_exist_is_waited_for)
{
	struct router_config c = front(51, 100, 2);

	world.links[0].name = NULL;
	configure(&c, 1);
	ck_assert_str_eq(done(), "");
	ck_assert(instant_is_never(world.armed));
	world.links[0].name = "eth0";
	link_is(2, true);
	ck_assert_str_eq(done(), "open eth0; remove .100 .101; initialize>backup; ");
}
END_TEST

START_TEST(an_interface_without_an_address_is_waited_for)
{
	struct router_config c = front(51, 100, 2);
	struct addr_prefix primary = prefix("192.0.2.2/24");

	world.links[0].primary = NULL;
	configure(&c, 1);
	ck_assert_str_eq(done(), "");
	elector_addr(&e, 2, &primary, true);
	elector_settle(&e, now);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
	ck_assert(addr_equal(&e.routers[0]->vrrp.config.primary, &primary.addr));
}
END_TEST

START_TEST(a_virtual_address_is_never_the_source_of_adverts)
{
	struct router *r = start_active();
	struct addr_prefix primary = prefix("192.0.2.2/24");

	elector_news_lost(&e, now); /* the world lists the virtual addresses first */
	ck_assert(addr_equal(&router_voice(r)->primary, &primary.addr));
}
END_TEST

START_TEST(a_lost_link_releases_and_a_link_that_is_back_starts_anew)
{
	(void)start_active();
	link_is(2, false);
	ck_assert_str_eq(done(), "remove .100 .101; active>initialize; close eth0; ");
	ck_assert(instant_is_never(world.armed));
	link_is(2, true);
	ck_assert_str_eq(done(), "open eth0; remove .100 .101; initialize>backup; ");
}
END_TEST

START_TEST(an_interface_made_anew_gets_a_new_socket)
{
	(void)start_active();
	world.n_addrs = 0;
	link_is(9, true);
	ck_assert_str_eq(done(), "remove .100 .101; active>initialize; close eth0; open eth0; "
				 "remove .100 .101; initialize>backup; ");
	ck_assert_int_eq(e.ports[0]->ifindex, 9);
}
END_TEST

START_TEST(an_interface_that_is_gone_takes_its_addresses_along)
{
	(void)start_active();
	world.links[0].name = NULL;
	elector_link_gone(&e, 2);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "active>initialize; close eth0; ");
}
END_TEST

START_TEST(another_address_of_the_interface_becomes_the_source)
{
	struct router *r = start_active();
	struct addr_prefix old = prefix("192.0.2.2/24"), primary = prefix("192.0.2.9/24");

	world.links[0].primary = "192.0.2.9/24";
	elector_addr(&e, 2, &old, false);
	elector_settle(&e, now);
	ck_assert_int_eq(r->vrrp.state, VRRP_ACTIVE);
	ck_assert(addr_equal(&r->vrrp.config.primary, &primary.addr));
}
END_TEST

START_TEST(a_renamed_interface_gives_its_addresses_back)
{
	(void)start_active();
	elector_link(&e, 2, "wan0", true, mac);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "remove .100 .101; active>initialize; close eth0; ");
	ck_assert_uint_eq(world.n_addrs, 0);
}
END_TEST

START_TEST(a_predecessor_on_a_link_that_is_down_leaves_nothing_there)
{
	struct router_config c = front(51, 100, 2);

	predecessor("front", 51, 100, 2, SECOND_US);
	world.links[0].up = false;
	configure(&c, 1);
	ck_assert_str_eq(
		done(), "tidy front; remove .100 .101; remove .100 .101; leftover-removed; ");
	ck_assert_uint_eq(world.n_addrs, 0);
	link_is(2, true);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
}
END_TEST

START_TEST(a_socket_that_cannot_be_opened_is_tried_again_and_reported_once)
{
	struct router_config c = front(51, 100, 2);

	world.open_error = -EPERM;
	configure(&c, 1);
	ck_assert_str_eq(done(), "error; ");
	link_is(2, true);
	ck_assert_str_eq(done(), "");
	world.open_error = 0;
	link_is(2, true);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
}
END_TEST

/* Nothing else moves an address */

START_TEST(an_address_that_somebody_removes_is_back_at_once)
{
	struct router *r = start_active();
	struct moved gone = r->config.moved[1];
	size_t changed;

	(void)remove_moved(NULL, 2, &gone, 1, &changed);
	(void)done();
	elector_addr(&e, 2, &gone.address.prefix, false);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "add .100 .101; announce 2; address-restored; ");
	ck_assert_uint_eq(r->counters.addresses_restored, 1);
}
END_TEST

START_TEST(many_removed_addresses_are_one_batch_and_one_event)
{
	struct router *r = start_active();

	world.n_addrs = 0;
	elector_addr(&e, 2, &r->config.moved[0].address.prefix, false);
	elector_addr(&e, 2, &r->config.moved[1].address.prefix, false);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "add .100 .101; announce 2; address-restored; ");
	ck_assert_uint_eq(r->counters.addresses_restored, 2);
}
END_TEST

START_TEST(who_loses_its_own_address_resigns)
{
	struct router *r = start_active();
	struct addr_prefix own = prefix("192.0.2.2/24");

	world.links[0].primary = NULL;
	elector_addr(&e, 2, &own, false);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "remove .100 .101; send 0; active>initialize; close eth0; ");
	ck_assert_int_eq(r->vrrp.reason, VRRP_REASON_NO_ADDRESS);
}
END_TEST

START_TEST(news_of_our_own_removal_restores_nothing)
{
	struct router *r = start_active();

	elector_addr(&e, 2, &r->config.moved[0].address.prefix, false); /* but it is there again */
	elector_settle(&e, now);
	ck_assert_uint_eq(r->counters.addresses_restored, 0);
	link_is(2, false);
	(void)done();
	elector_addr(&e, 2, &r->config.moved[0].address.prefix, false);
	ck_assert_str_eq(done(), "");
}
END_TEST

START_TEST(what_was_missed_is_found_when_news_were_lost)
{
	struct router *r = start_active();

	world.n_addrs = 0;
	elector_news_lost(&e, now);
	ck_assert_uint_eq(r->counters.addresses_restored, 2);
	ck_assert_uint_eq(world.n_addrs, 2);
	world.links[0].name = NULL;
	elector_news_lost(&e, now);
	ck_assert_int_eq(r->vrrp.state, VRRP_INITIALIZE);
}
END_TEST

START_TEST(what_cannot_be_looked_at_stays_as_it_was_until_it_can)
{
	struct router *r = start_active();

	world.dump_error = -ENOBUFS;
	elector_news_lost(&e, now);
	ck_assert_str_eq(done(), "error; add .100 .101; ");
	ck_assert_uint_eq(world.armed.us, now.us + 100000);
	pass(100000);
	elector_timer(&e, now);
	ck_assert_str_eq(done(), "");
	ck_assert_int_eq(r->vrrp.state, VRRP_ACTIVE);
	world.dump_error = 0;
	world.links[0].name = NULL;
	pass(100000);
	elector_timer(&e, now);
	ck_assert_int_eq(r->vrrp.state, VRRP_INITIALIZE);
	ck_assert(instant_is_never(world.armed));
}
END_TEST

START_TEST(an_address_that_cannot_be_added_is_tried_again_with_each_advert)
{
	struct router_config c = front(51, 100, 2);

	configure(&c, 1);
	(void)done();
	world.add_error = -EPERM;
	reach_deadline();
	ck_assert_str_eq(done(), "add .100 .101; error; send 100; announce 2; backup>active; ");
	reach_deadline();
	ck_assert_str_eq(done(), "send 100; add .100 .101; ");
	world.add_error = 0;
	reach_deadline();
	ck_assert_str_eq(done(), "send 100; add .100 .101; announce 2; ");
	reach_deadline();
	ck_assert_str_eq(done(), "send 100; ");
}
END_TEST

/* Reload */

START_TEST(the_same_configuration_changes_nothing)
{
	struct router_config c = front(51, 100, 2);
	struct instant armed;

	(void)start_active();
	armed = world.armed;
	pass(SECOND_US / 3);
	configure(&c, 1);
	ck_assert_str_eq(done(), "");
	ck_assert_uint_eq(world.armed.us, armed.us);
}
END_TEST

START_TEST(an_address_can_move_from_one_router_to_another)
{
	struct router_config c[2] = {front(51, 100, 1), front(52, 110, 2)};

	configure(c, 2);
	reach_deadline();
	(void)done();
	c[0] = front(51, 100, 2);
	c[0].moved[1] = c[1].moved[1];
	c[1] = front(52, 110, 1);
	configure(c, 2);
	ck_assert_str_eq(done(), "remove .111; add .100 .111; send 100; announce 2; add .110; send "
				 "100; announce 1; ");
	ck_assert_uint_eq(world.n_addrs, 3);
}
END_TEST

START_TEST(a_removed_router_releases_and_resigns_the_others_go_on)
{
	struct router_config c[2] = {front(51, 100, 1), front(52, 110, 1)};
	struct router *kept;

	configure(c, 2);
	reach_deadline();
	(void)done();
	kept = e.routers[1];
	configure(&c[1], 1);
	ck_assert_str_eq(done(), "remove .100; send 0; active>initialize; ");
	ck_assert_uint_eq(e.n_routers, 1);
	ck_assert_ptr_eq(e.routers[0], kept);
	ck_assert(!records[0].used);
	configure(NULL, 0);
	ck_assert_str_eq(done(), "remove .110; send 0; active>initialize; close eth0; ");
}
END_TEST

START_TEST(an_added_router_starts_while_the_others_go_on)
{
	struct router_config c[2] = {front(51, 100, 2), front(52, 110, 1)};
	struct instant deadline;

	deadline = start_active()->vrrp.deadline;
	configure(c, 2);
	ck_assert_str_eq(done(), "remove .110; initialize>backup; ");
	ck_assert_uint_eq(e.routers[0]->vrrp.deadline.us, deadline.us);
}
END_TEST

START_TEST(a_new_priority_is_told_at_once)
{
	struct router_config c = front(51, 100, 2);

	(void)start_active();
	c.priority = 90;
	configure(&c, 1);
	ck_assert_str_eq(done(), "send 90; ");
}
END_TEST

/* Causes */

/* A weight, or with 0 a fault. */
static struct causes because(int weight)
{
	static struct track_cause list[1];
	struct causes causes = {.known = true, .list = list, .n = 1};

	causes.list[0] = (struct track_cause){.fault = weight == 0, .weight = weight};
	track_cause_name(&causes.list[0], "ping");
	return causes;
}

static void causes_arrive(struct causes causes)
{
	ck_assert_int_eq(elector_causes(&e, "front", &causes, now), 0);
}

static const struct causes none = {.known = true};

START_TEST(a_weight_is_told_at_once_and_once)
{
	const struct router *r = start_active();

	causes_arrive(because(-60));
	ck_assert_str_eq(done(), "send 40; priority-changed; changed 40; ");
	ck_assert_uint_eq(r->record->priority, 40);
	causes_arrive(because(-60));
	ck_assert_str_eq(done(), "");
	reach_deadline();
	ck_assert_str_eq(done(), "send 40; ");
	causes_arrive(none);
	ck_assert_str_eq(done(), "send 100; priority-changed; changed 100; ");
	ck_assert_uint_eq(r->record->priority, 100);
}
END_TEST

START_TEST(a_configuration_brings_its_causes)
{
	struct router_config c = front(51, 100, 2);

	(void)start_active();
	c.causes = because(-60);
	configure(&c, 1);
	ck_assert_str_eq(done(), "send 40; priority-changed; ");
	c.causes = because(0);
	configure(&c, 1);
	ck_assert_str_eq(done(),
		"send 100; priority-changed; remove .100 .101; send 0; active>initialize; ");
}
END_TEST

START_TEST(a_fault_resigns_and_its_end_joins_as_backup)
{
	const struct router *r = start_active();

	causes_arrive(because(0));
	ck_assert_str_eq(done(), "priority-changed; changed 100; remove .100 .101; send 0; "
				 "active>initialize; ");
	ck_assert_int_eq(r->vrrp.reason, VRRP_REASON_FAULT);
	ck_assert(instant_is_never(world.armed));
	link_is(2, false);
	link_is(2, true);
	ck_assert_int_eq(r->vrrp.state, VRRP_INITIALIZE);
	(void)done();
	causes_arrive(none);
	ck_assert_str_eq(
		done(), "priority-changed; changed 100; remove .100 .101; initialize>backup; ");
}
END_TEST

START_TEST(who_starts_with_a_fault_leaves_nothing_of_its_predecessor)
{
	struct router_config c = front(51, 100, 2);

	predecessor("front", 51, 100, 2, SECOND_US);
	c.causes = because(0);
	configure(&c, 1);
	ck_assert_str_eq(done(), "open eth0; tidy front; remove .100 .101; remove .100 .101; "
				 "leftover-removed; ");
	ck_assert_uint_eq(world.n_addrs, 0);
	ck_assert_int_eq(e.routers[0]->vrrp.reason, VRRP_REASON_FAULT);
}
END_TEST

START_TEST(an_adopter_goes_on_with_the_priority_of_its_predecessor_until_it_knows_better)
{
	struct router_config c = front(51, 100, 2);

	predecessor("front", 51, 100, 2, SECOND_US);
	records[0].priority = 40;
	configure(&c, 1);
	ck_assert_ptr_nonnull(strstr(done(), "send 40; "));
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
	causes_arrive(none);
	ck_assert_str_eq(done(), "send 100; ");
}
END_TEST

START_TEST(an_adopter_that_knows_does_not_ask_its_predecessor)
{
	struct router_config c = front(51, 100, 2);

	predecessor("front", 51, 100, 2, SECOND_US);
	records[0].priority = 40;
	c.causes = none;
	configure(&c, 1);
	ck_assert_ptr_nonnull(strstr(done(), "send 100; "));
}
END_TEST

START_TEST(causes_of_nobody_change_nothing)
{
	(void)start_active();
	ck_assert_int_eq(elector_causes(&e, "back", &none, now), 0);
	ck_assert_str_eq(done(), "");
}
END_TEST

/* Leaving, and what arrives */

START_TEST(leaving_releases_before_it_resigns_and_nothing_begins_again)
{
	(void)start_active();
	elector_leave(&e, now);
	ck_assert_str_eq(done(), "remove .100 .101; send 0; active>initialize; ");
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "");
	ck_assert(instant_is_never(world.armed));
}
END_TEST

START_TEST(who_leaves_before_any_configuration_tidies_up_for_its_predecessor)
{
	predecessor("front", 51, 100, 2, SECOND_US);
	elector_leave(&e, now);
	ck_assert_str_eq(done(), "tidy front; remove .100 .101; leftover-removed; ");
	ck_assert(!records[0].used);
}
END_TEST

START_TEST(a_better_advert_releases_then_says_a_last_word)
{
	struct router *r = start_active();

	advert_arrives(51, 150, 3, 100);
	ck_assert_str_eq(done(), "remove .100 .101; send 100; active>backup; ");
	ck_assert_uint_eq(r->vrrp.peer.bytes[3], 3);
	advert_arrives(51, 0, 3, 100);
	ck_assert_str_eq(done(), "add .100 .101; send 100; announce 2; backup>active; ");
}
END_TEST

/* A second opinion */

static void peer_says(enum vrrp_state its)
{
	world.linked = true;
	world.news = (struct peer_news){
		.heard = now, .told = now, .known = true, .state = (uint32_t)its};
}

/* front, Backup of one who is heard. */
static struct router *start_backup(void)
{
	struct router_config c = front(51, 100, 2);

	configure(&c, 1);
	advert_arrives(51, 150, 3, 100);
	(void)done();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
	return e.routers[0];
}

START_TEST(a_backup_whose_peer_says_that_it_is_active_does_not_take_over_and_says_so)
{
	struct router *r = start_backup();

	now = world.armed;
	for (int i = 0; i < 100; i++) {
		peer_says(VRRP_ACTIVE);
		elector_timer(&e, now);
		ck_assert_uint_le(world.armed.us, now.us + SECOND_US);
		now = world.armed;
	}
	ck_assert_str_eq(done(), "takeover-withheld; changed 100; ");
	ck_assert_uint_eq(r->counters.withheld, 1);
	ck_assert(r->vrrp.vouched);
	advert_arrives(51, 150, 3, 100);
	ck_assert_str_eq(done(), "adverts-back; changed 100; ");
	ck_assert(!r->vrrp.vouched);
}
END_TEST

START_TEST(a_backup_whose_peer_falls_silent_takes_over_at_once)
{
	struct router *r = start_backup();
	struct instant last;

	now = world.armed;
	peer_says(VRRP_ACTIVE);
	last = now;
	elector_timer(&e, now);
	(void)done();
	reach_deadline(); /* of the three heartbeats that would have done before */
	ck_assert_int_eq(r->vrrp.state, VRRP_BACKUP);
	reach_deadline();
	ck_assert_str_eq(
		done(), "add .100 .101; send 100; announce 2; changed 100; backup>active; ");
	ck_assert_uint_eq(instant_between_us(last, now), SECOND_US);
	ck_assert_int_eq(r->vrrp.state, VRRP_ACTIVE);
}
END_TEST

START_TEST(a_peer_that_died_with_its_adverts_is_not_waited_for)
{
	struct router *r = start_backup();

	pass(999999);
	peer_says(VRRP_ACTIVE); /* the last sign of life */
	reach_deadline();
	ck_assert_int_eq(r->vrrp.state, VRRP_ACTIVE);
	ck_assert_uint_eq(r->counters.withheld, 0);
}
END_TEST

START_TEST(what_comes_and_goes_is_told_once_a_minute)
{
	struct router *r = start_backup();

	for (int i = 0; i < 5; i++) {
		now = world.armed;
		peer_says(VRRP_ACTIVE);
		elector_timer(&e, now);
		advert_arrives(51, 150, 3, 100);
	}
	ck_assert_str_eq(done(), "takeover-withheld; changed 100; adverts-back; changed 100; "
				 "changed 100; changed 100; changed 100; changed 100; changed 100; "
				 "changed 100; changed 100; changed 100; ");
	ck_assert_uint_eq(r->counters.withheld, 5);
}
END_TEST

START_TEST(two_that_are_active_learn_of_each_other_by_the_link)
{
	struct router *r = start_active();

	for (int i = 0; i < 10; i++) {
		now = world.armed;
		peer_says(VRRP_ACTIVE);
		elector_timer(&e, now);
	}
	ck_assert_str_eq(done(),
		"send 100; send 100; send 100; send 100; rival; send 100; send 100; "
		"send 100; send 100; send 100; send 100; ");
	ck_assert_uint_eq(r->counters.split, 7);
}
END_TEST

START_TEST(a_rival_is_reported_once_in_a_minute_and_not_when_it_just_yielded)
{
	struct router *r = start_active();

	advert_arrives(51, 50, 3, 100);
	ck_assert_str_eq(done(), "send 100; announce 2; ");
	for (int i = 0; i < 5; i++)
		reach_deadline();
	(void)done();
	advert_arrives(51, 50, 3, 100);
	ck_assert_str_eq(done(), "send 100; announce 2; rival; ");
	advert_arrives(51, 50, 3, 100);
	ck_assert_str_eq(done(), "send 100; ");
	ck_assert_uint_eq(r->counters.rivals, 3);
}
END_TEST

static void claimed(int ifindex, const char *address, uint8_t last_of_mac)
{
	struct claim c = {.mac = {2, 0, 0, 0, 0, last_of_mac}};

	ck_assert(addr_parse(address, &c.addr));
	elector_claimed(&e, ifindex, &c, now);
}

START_TEST(a_claim_of_another_host_is_told_once_and_not_when_it_just_yielded)
{
	struct router *r = start_active();

	claimed(2, "192.0.2.100", 9);
	ck_assert_uint_eq(r->claims.heard, 0);
	for (int i = 0; i < 5; i++)
		reach_deadline();
	(void)done();
	claimed(2, "192.0.2.102", 9);            /* not one of ours */
	claimed(AWAY_IFINDEX, "192.0.2.100", 9); /* nor there */
	claimed(2, "192.0.2.100", mac[5]);       /* we said so */
	ck_assert_uint_eq(r->claims.heard, 0);
	claimed(2, "192.0.2.101", 9);
	claimed(2, "192.0.2.100", 8);
	ck_assert_str_eq(done(), "address-claimed; ");
	ck_assert_uint_eq(r->claims.heard, 2);
	ck_assert_uint_eq(r->claims.last.mac[5], 8);
}
END_TEST

START_TEST(a_backup_does_not_care_who_has_the_address)
{
	struct router_config c = front(51, 100, 2);

	configure(&c, 1);
	(void)done();
	claimed(2, "192.0.2.100", 9);
	ck_assert_str_eq(done(), "");
	ck_assert_uint_eq(e.routers[0]->claims.heard, 0);
}
END_TEST

START_TEST(an_advert_of_another_vrid_is_none_of_our_business)
{
	struct router *r = start_active();

	advert_arrives(52, 255, 3, 100);
	ck_assert_str_eq(done(), "");
	ck_assert_uint_eq(r->counters.adverts_received, 0);
}
END_TEST

START_TEST(another_address_list_is_counted_and_the_advert_heard)
{
	struct router *r = start_active();

	advert_arrives(51, 150, 3, 101);
	ck_assert_uint_eq(r->counters.address_mismatches, 1);
	ck_assert_int_eq(r->vrrp.state, VRRP_BACKUP);
}
END_TEST

START_TEST(what_arrives_together_is_heard_by_each_in_its_order)
{
	static uint8_t bytes[3][VRRP_DATAGRAM_MAX];
	struct router_config c[] = {front(51, 100, 1), front(52, 102, 1)};
	struct vrrp_datagram arrived[3];

	configure(c, 2);
	pass(4 * SECOND_US);
	(void)done();
	arrived[0] = make_advert(51, 250, 3, 100, bytes[0]);
	arrived[1] = make_advert(52, 250, 3, 102, bytes[1]);
	arrived[2] = make_advert(51, 0, 3, 100, bytes[2]);
	elector_hear(&e, e.ports[0], arrived, 3, now);
	ck_assert_int_eq(e.routers[0]->vrrp.reason, VRRP_REASON_PEER_RESIGNED);
	ck_assert_int_eq(e.routers[1]->vrrp.state, VRRP_BACKUP);
	ck_assert_uint_eq(e.routers[0]->counters.adverts_received, 2);
	ck_assert_uint_eq(e.routers[1]->counters.adverts_received, 1);
	configure(&c[1], 1);
	elector_hear(&e, e.ports[0], arrived, 3, now);
	ck_assert_uint_eq(e.routers[0]->counters.adverts_received, 2);
	ck_assert_uint_eq(e.ports[0]->rejected[VRRP_REJECT_VRID], 2);
}
END_TEST

START_TEST(what_is_no_advert_is_counted_and_told_once_in_a_minute)
{
	static const uint8_t bytes[4] = {1, 2, 3, 4};
	static const struct vrrp_datagram junk = {.bytes = bytes, .len = sizeof(bytes)};

	(void)start_active();
	elector_hear(&e, e.ports[0], &junk, 1, now);
	ck_assert_str_eq(done(), "advert-rejected; ");
	pass(60 * SECOND_US - 1);
	elector_hear(&e, e.ports[0], &junk, 1, now);
	ck_assert_str_eq(done(), "");
	pass(1);
	elector_hear(&e, e.ports[0], &junk, 1, now);
	ck_assert_str_eq(done(), "advert-rejected; ");
	ck_assert_uint_eq(e.ports[0]->rejected[VRRP_REJECT_IP], 3);
}
END_TEST

START_TEST(each_is_called_at_its_own_time)
{
	struct router_config c[2] = {front(51, 100, 2), front(52, 110, 2)};
	struct instant first;

	configure(c, 2);
	first = world.armed;
	pass(SECOND_US);
	advert_arrives(51, 150, 3, 100); /* puts off the one of the two */
	ck_assert_uint_eq(world.armed.us, first.us);
	reach_deadline();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
	ck_assert_int_eq(e.routers[1]->vrrp.state, VRRP_ACTIVE);
	while (world.armed.us < first.us + SECOND_US)
		reach_deadline();
	ck_assert_uint_eq(world.armed.us, first.us + SECOND_US); /* an advert and a takeover */
	reach_deadline();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
	ck_assert_uint_eq(e.routers[1]->counters.adverts_sent, 2);
}
END_TEST

START_TEST(one_who_wakes_too_late_releases_and_is_counted)
{
	struct router *r = start_active();

	pass(10 * SECOND_US);
	elector_timer(&e, now);
	ck_assert_str_eq(done(), "remove .100 .101; active>backup; ");
	ck_assert_uint_eq(r->counters.late, 1);
	ck_assert_uint_eq(r->counters.transitions_for[VRRP_REASON_LATE], 1);
}
END_TEST

START_TEST(all_routers_can_move_to_other_interfaces_in_one_change)
{
	static struct router_config wanted[STATE_ROUTERS_MAX];

	for (unsigned generation = 0; generation < 3; generation++) {
		n_lists = 0;
		for (unsigned i = 0; i < STATE_ROUTERS_MAX; i++) {
			wanted[i] = front((uint8_t)(i % 255 + 1), 100, 1);
			(void)snprintf(wanted[i].interface, sizeof(wanted[i].interface), "if%u-%u",
				generation, i);
		}
		configure(wanted, STATE_ROUTERS_MAX);
		ck_assert_uint_eq(e.n_routers, STATE_ROUTERS_MAX);
		ck_assert_uint_eq(e.n_ports, STATE_ROUTERS_MAX);
		for (size_t i = 0; i < e.n_routers; i++)
			ck_assert_str_eq(router_home(e.routers[i])->interface, wanted[i].interface);
	}
}
END_TEST

/* Addresses beside those of the adverts */

static void add_eth2(void)
{
	world.links[1].name = "eth2";
	world.links[1].ifindex = AWAY_IFINDEX;
	world.links[1].up = true;
}

/* As the kernel does, and before it tells. */
static void forget_addresses_away(const struct router *r)
{
	size_t n = moved_run(r->config.moved, r->config.n_moved, 0, SIZE_MAX), removed;

	ck_assert_uint_eq(r->config.moved[0].place, AWAY);
	(void)remove_moved(NULL, AWAY_IFINDEX, r->config.moved, n, &removed);
	(void)done();
	ck_assert_uint_eq(removed, n);
}

static void eth2_is(const char *name, bool up)
{
	world.links[1].name = name;
	world.links[1].ifindex = AWAY_IFINDEX;
	world.links[1].up = up;
	elector_link(&e, AWAY_IFINDEX, name, up, mac);
	elector_settle(&e, now);
}

/* everything(), Active, nothing in the log. */
static struct router *start_everything(void)
{
	struct router_config c = everything();

	configure(&c, 1);
	reach_deadline();
	(void)done();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
	return e.routers[0];
}

START_TEST(all_addresses_move_the_advertised_ones_last_in_and_first_out)
{
	struct router_config c = everything();

	add_eth2();
	configure(&c, 1);
	ck_assert_str_eq(done(), "open eth0; remove .100 :a0 .110; remove@eth2 .200 :b0; "
				 "initialize>backup; ");
	reach_deadline();
	ck_assert_str_eq(done(), "add@eth2 .200 :b0; add .100 :a0 .110; send 100; announce 3; "
				 "announce@eth2 2; backup>active; ");
	ck_assert_int_eq(records[0].ifindex[AWAY], AWAY_IFINDEX);
	elector_leave(&e, now);
	ck_assert_str_eq(done(), "remove .100 :a0 .110; remove@eth2 .200 :b0; send 0; "
				 "active>initialize; ");
	ck_assert_uint_eq(world.n_addrs, 0);
}
END_TEST

START_TEST(adverts_carry_the_advertised_addresses_alone)
{
	struct router *r;

	add_eth2();
	r = start_everything();
	ck_assert_uint_eq(world.advertised, 1);
	advert_arrives(51, 50, 3, 100); /* a list of two */
	ck_assert_uint_eq(r->counters.address_mismatches, 1);
}
END_TEST

START_TEST(any_address_that_somebody_removes_is_back_at_once)
{
	static const char *const back[] = {
		"add@eth2 .200 :b0; announce 3; announce@eth2 2; address-restored; ",
		"add@eth2 .200 :b0; announce 3; announce@eth2 2; address-restored; ",
		"add .100 :a0 .110; announce 3; announce@eth2 2; address-restored; ",
		"add .100 :a0 .110; announce 3; announce@eth2 2; address-restored; ",
		"add .100 :a0 .110; announce 3; announce@eth2 2; address-restored; ",
	};
	struct moved gone;
	struct router *r;
	size_t changed;
	int ifindex;

	add_eth2();
	r = start_everything();
	gone = r->config.moved[_i];
	ifindex = gone.place == AWAY ? AWAY_IFINDEX : 2;
	(void)remove_moved(NULL, ifindex, &gone, 1, &changed);
	(void)done();
	elector_addr(&e, ifindex == 2 ? AWAY_IFINDEX : 2, &gone.address.prefix, false);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), ""); /* not from where we had it */
	elector_addr(&e, ifindex, &gone.address.prefix, false);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), back[_i]);
	ck_assert_uint_eq(r->counters.addresses_restored, 1);
}
END_TEST

START_TEST(an_interface_for_snat_needs_no_address_and_is_not_listened_on)
{
	add_eth2();
	(void)start_everything();
	ck_assert_uint_eq(e.n_ports, 2);
	ck_assert(!e.ports[1]->voices[VOICE_IPV4].ready);
	ck_assert(e.ports[0]->voices[VOICE_IPV4].ready);
	/* The same interface can be another router's home. */
	world.links[1].primary = "10.9.0.2/24";
	struct router_config c[2] = {everything(), front(52, 90, 1)};
	(void)snprintf(c[1].interface, sizeof(c[1].interface), "eth2");
	configure(c, 2);
	ck_assert_str_eq(done(), "open eth2; remove@eth2 .90; initialize>backup; ");
	ck_assert_uint_eq(e.ports[1]->voices[VOICE_IPV4].primary.bytes[3], 2);
	configure(c, 1);
	ck_assert_str_eq(done(), "backup>initialize; close eth2; ");
	ck_assert_uint_eq(e.n_ports, 2);
}
END_TEST

START_TEST(an_interface_for_snat_may_come_later_and_the_election_does_not_wait)
{
	struct router *r = start_everything();

	ck_assert_uint_eq(world.n_addrs, 3);
	reach_deadline();
	ck_assert_str_eq(done(), "send 100; "); /* told once, at the takeover */
	eth2_is("eth2", false);
	ck_assert_str_eq(done(), "add@eth2 .200 :b0; announce 3; announce@eth2 2; ");
	ck_assert_int_eq(records[0].ifindex[AWAY], AWAY_IFINDEX);
	ck_assert_uint_eq(r->counters.addresses_restored, 0);
	reach_deadline();
	ck_assert_str_eq(done(), "send 100; ");
}
END_TEST

START_TEST(an_interface_for_snat_that_is_missing_is_told_once)
{
	struct router_config c = everything();

	configure(&c, 1);
	(void)done();
	reach_deadline();
	ck_assert_str_eq(done(), "error; add .100 :a0 .110; send 100; announce 3; backup>active; ");
}
END_TEST

START_TEST(an_interface_for_snat_that_is_gone_and_back_gets_its_addresses)
{
	struct router *r;

	add_eth2();
	r = start_everything();
	world.links[1].name = NULL;
	forget_addresses_away(r);
	elector_link_gone(&e, AWAY_IFINDEX);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "error; ");
	ck_assert_int_eq(r->vrrp.state, VRRP_ACTIVE);
	ck_assert_int_eq(records[0].ifindex[AWAY], 0);
	eth2_is("eth2", true);
	ck_assert_str_eq(done(), "add@eth2 .200 :b0; announce 3; announce@eth2 2; ");
	ck_assert_uint_eq(world.n_addrs, 5);
}
END_TEST

START_TEST(a_renamed_interface_for_snat_gives_its_addresses_back)
{
	add_eth2();
	(void)start_everything();
	eth2_is("wan0", true);
	ck_assert_str_eq(done(), "remove@eth2 .200 :b0; error; ");
	ck_assert_uint_eq(world.n_addrs, 3);
	eth2_is("eth2", true);
	ck_assert_str_eq(done(), "add@eth2 .200 :b0; announce 3; announce@eth2 2; ");
}
END_TEST

START_TEST(an_interface_for_snat_that_comes_up_is_looked_after)
{
	struct router *r;

	add_eth2();
	r = start_everything();
	eth2_is("eth2", false);
	ck_assert_str_eq(done(), "");
	forget_addresses_away(r);
	eth2_is("eth2", true);
	ck_assert_str_eq(
		done(), "add@eth2 .200 :b0; announce 3; announce@eth2 2; address-restored; ");
	ck_assert_int_eq(r->vrrp.state, VRRP_ACTIVE);
}
END_TEST

START_TEST(an_adopter_finds_what_its_predecessor_had_elsewhere)
{
	struct router_config c = everything();

	add_eth2();
	predecessor("front", 51, 100, 1, SECOND_US);
	record_list(&records[0], &c);
	records[0].ifindex[AWAY] = AWAY_IFINDEX;
	c.moved[3] = moved("2001:db8::a1/64", MOVED_HOME); /* :a0 is not wanted any more, */
	c.moved[1] = c.moved[0];                           /* nor is :b0 */
	c.moved++;
	c.n_moved--;
	configure(&c, 1);
	ck_assert_str_eq(done(),
		"open eth0; remove :a0; remove@eth2 :b0; add@eth2 .200; "
		"add .100 :a1 .110; send 100; announce 3; announce@eth2 1; initialize>active; ");
}
END_TEST

START_TEST(an_adopter_brings_home_what_its_predecessor_had_away)
{
	struct router_config c = everything();

	add_eth2();
	predecessor("front", 51, 100, 1, SECOND_US);
	record_list(&records[0], &c);
	records[0].ifindex[AWAY] = AWAY_IFINDEX;
	c.moved[0].place = c.moved[1].place = MOVED_HOME;
	c.places[AWAY][0] = '\0';
	configure(&c, 1);
	ck_assert_str_eq(done(), "open eth0; remove@eth2 .200 :b0; add .200 :b0 .100 :a0 .110; "
				 "send 100; announce 5; initialize>active; ");
}
END_TEST

START_TEST(what_may_have_been_succeeded_is_tidied_up_everywhere)
{
	struct router_config c = everything();

	add_eth2();
	predecessor("front", 51, 100, 1, 10 * SECOND_US);
	record_list(&records[0], &c);
	records[0].ifindex[AWAY] = AWAY_IFINDEX;
	configure(&c, 1);
	ck_assert_str_eq(done(), "open eth0; tidy front; remove .100 :a0 .110; "
				 "remove@eth2 .200 :b0; remove .100 :a0 .110; "
				 "remove@eth2 .200 :b0; leftover-removed; initialize>backup; ");
}
END_TEST

START_TEST(a_reload_moves_addresses_between_places)
{
	struct router_config c = everything();

	add_eth2();
	(void)start_everything();
	c.moved[0].place = MOVED_HOME; /* .200 comes home */
	moved_sort(c.moved, c.n_moved);
	configure(&c, 1);
	ck_assert_str_eq(done(), "remove@eth2 .200; add@eth2 :b0; add .200 .100 :a0 .110; "
				 "send 100; announce 4; announce@eth2 1; ");
	c = front(51, 100, 1);
	configure(&c, 1);
	ck_assert_str_eq(
		done(), "remove .200 :a0 .110; remove@eth2 :b0; add .100; send 100; announce 1; ");
	ck_assert_uint_eq(e.n_ports, 1);
	c = everything();
	configure(&c, 1); /* its interface is found only after the rest was done */
	ck_assert_str_eq(done(), "add .100 :a0 .110; send 100; announce 3; add@eth2 .200 :b0; "
				 "announce 3; announce@eth2 2; ");
	ck_assert_uint_eq(world.n_addrs, 5);
}
END_TEST

START_TEST(an_excluded_address_that_becomes_advertised_stays_where_it_is)
{
	struct router_config c = everything();

	add_eth2();
	(void)start_everything();
	c.moved[4].advertised = true;
	c.n_advertised = 2;
	configure(&c, 1);
	ck_assert_str_eq(done(), "add@eth2 .200 :b0; add .100 :a0 .110; send 100; announce 3; "
				 "announce@eth2 2; ");
	ck_assert_uint_eq(world.advertised, 2);
}
END_TEST

/* Policy */

#define DOWN_AT_100_US (3 * SECOND_US + 609375)

static void hear(uint8_t from, uint8_t priority)
{
	advert_arrives(51, priority, from, 100);
}

START_TEST(nobody_is_preempted_before_the_director_is_ready)
{
	struct router_config c = front(51, 100, 1);

	elector_hold(&e, 30 * SECOND_US, now);
	configure(&c, 1);
	pass(SECOND_US);
	hear(20, 50);
	ck_assert_uint_eq(world.armed.us, now.us + DOWN_AT_100_US);
	elector_ready(&e, now);
	pass(SECOND_US);
	hear(20, 50);
	ck_assert_uint_eq(world.armed.us, now.us - SECOND_US + DOWN_AT_100_US);
}
END_TEST

START_TEST(who_is_not_ready_still_takes_an_empty_place)
{
	struct router_config c = front(51, 100, 1);

	elector_hold(&e, 30 * SECOND_US, now);
	configure(&c, 1);
	(void)done();
	reach_deadline();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
}
END_TEST

START_TEST(the_hold_ends_at_ready_timeout_with_a_word)
{
	struct router_config c = front(51, 100, 1);

	elector_hold(&e, 2 * SECOND_US, now);
	configure(&c, 1);
	(void)done();
	ck_assert_uint_eq(world.armed.us, now.us + 2 * SECOND_US);
	pass(SECOND_US);
	hear(20, 50);
	pass(SECOND_US);
	elector_timer(&e, now);
	ck_assert_str_eq(done(), "not-ready; ");
	hear(20, 50);
	ck_assert_uint_eq(world.armed.us, now.us - SECOND_US + DOWN_AT_100_US);
	elector_hold(&e, 2 * SECOND_US, now); /* it is configured: no start any more */
	ck_assert(instant_is_never(e.hold));
}
END_TEST

static struct router_config member(const char *interface, uint8_t vrid, unsigned first)
{
	struct router_config c = front(vrid, first, 1);

	(void)snprintf(c.name, sizeof(c.name), "%s", interface);
	(void)snprintf(c.interface, sizeof(c.interface), "%s", interface);
	(void)snprintf(c.group, sizeof(c.group), "edge");
	return c;
}

static void second_link(bool up)
{
	world.links[1].name = "eth2";
	world.links[1].ifindex = AWAY_IFINDEX;
	world.links[1].up = up;
	world.links[1].primary = "10.9.0.2/24";
	elector_link(&e, AWAY_IFINDEX, "eth2", up, mac);
	elector_settle(&e, now);
}

static struct router_config pair[2];

static void start_group(void)
{
	pair[0] = member("eth0", 51, 100);
	pair[1] = member("eth2", 52, 110);
	second_link(true);
	configure(pair, 2);
	reach_deadline();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
	ck_assert_int_eq(e.routers[1]->vrrp.state, VRRP_ACTIVE);
}

START_TEST(a_group_takes_over_as_one)
{
	start_group();
	ck_assert_str_eq(done(), "open eth0; open eth2; remove .100; remove@eth2 .110; "
				 "initialize>backup; initialize>backup; add .100; send 100; "
				 "announce 1; add@eth2 .110; send 100; announce@eth2 1; "
				 "backup>active; backup>active; ");
}
END_TEST

START_TEST(a_better_advert_on_one_lan_takes_a_group_away_from_all)
{
	start_group();
	(void)done();
	hear(20, 150);
	ck_assert_str_eq(done(), "remove .100; remove@eth2 .110; send 100; send 100; "
				 "active>backup; active>backup; ");
}
END_TEST

START_TEST(a_lost_link_takes_a_group_out_until_all_are_ready)
{
	start_group();
	(void)done();
	second_link(false);
	ck_assert_str_eq(done(), "remove .100; remove@eth2 .110; send 0; active>initialize; "
				 "active>initialize; close eth2; ");
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "");
	second_link(true);
	ck_assert_str_eq(done(), "open eth2; remove .100; remove@eth2 .110; "
				 "initialize>backup; initialize>backup; ");
}
END_TEST

START_TEST(a_group_waits_for_a_member_without_an_interface)
{
	pair[0] = member("eth0", 51, 100);
	pair[1] = member("eth2", 52, 110);
	configure(pair, 2);
	ck_assert_str_eq(done(), "open eth0; ");
	second_link(true);
	ck_assert_str_eq(done(), "open eth2; remove .100; remove@eth2 .110; "
				 "initialize>backup; initialize>backup; ");
}
END_TEST

START_TEST(a_group_has_the_lowest_priority_of_its_members)
{
	start_group();
	(void)done();
	pair[1].priority = 60;
	configure(pair, 2);
	ck_assert_uint_eq(e.routers[0]->vrrp.config.priority, 60);
	ck_assert_uint_eq(e.routers[1]->vrrp.config.priority, 60);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
}
END_TEST

START_TEST(who_drops_a_whole_group_resigns)
{
	start_group();
	(void)done();
	configure(pair, 0);
	ck_assert_str_eq(done(), "remove .100; send 0; active>initialize; "
				 "remove@eth2 .110; send 0; active>initialize; "
				 "close eth0; close eth2; ");
}
END_TEST

START_TEST(a_reload_says_no_priority_but_the_groups)
{
	start_group();
	pair[1].priority = 150;
	configure(pair, 2);
	(void)done();
	configure(pair, 2);
	ck_assert_str_eq(done(), "");
	pair[0].interval_cs = pair[1].interval_cs = 50;
	configure(pair, 2);
	ck_assert_str_eq(done(), "send 100; send 100; ");
}
END_TEST

START_TEST(a_router_that_joins_an_active_group_is_active_and_one_that_leaves_it_goes_alone)
{
	start_group();
	(void)done();
	configure(pair, 1);
	ck_assert_str_eq(done(), "remove@eth2 .110; send 100; active>backup; backup>initialize; "
				 "close eth2; ");
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
	configure(pair, 2);
	ck_assert_str_eq(done(), "open eth2; remove@eth2 .110; add@eth2 .110; send 100; "
				 "announce@eth2 1; initialize>active; ");
	pair[1].group[0] = '\0';
	configure(pair, 2);
	ck_assert_str_eq(done(), "");
	hear(20, 150);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
	ck_assert_int_eq(e.routers[1]->vrrp.state, VRRP_ACTIVE);
}
END_TEST

START_TEST(a_group_is_adopted_whole_or_not_at_all)
{
	for (size_t i = 0; i < 2; i++) {
		struct router_config c = member(i ? "eth2" : "eth0", (uint8_t)(51 + i), 100);
		records[i] = (struct state_router){.used = true,
			.active = true,
			.vrid = c.vrid,
			.interval_cs = 100,
			.down_intervals = VRRP_DOWN_INTERVALS,
			.ifindex = {i ? AWAY_IFINDEX : 2},
			.spoke = i ? (struct instant){now.us - 100 * SECOND_US} : now};
		(void)snprintf(records[i].interface, STATE_INTERFACE_MAX, "%s", c.interface);
	}
	pair[0] = member("eth0", 51, 100);
	pair[1] = member("eth2", 52, 110);
	second_link(true);
	configure(pair, 2);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
	ck_assert_int_eq(e.routers[1]->vrrp.state, VRRP_BACKUP);
	tear_down();
	elector_init(&e, &recorder, NULL, &state);
	for (size_t i = 0; i < 2; i++) {
		records[i].active = true;
		records[i].spoke = now;
	}
	configure(pair, 2);
	ck_assert_int_eq(e.routers[0]->vrrp.reason, VRRP_REASON_ADOPTED);
	ck_assert_int_eq(e.routers[1]->vrrp.reason, VRRP_REASON_ADOPTED);
}
END_TEST

START_TEST(a_group_is_handed_over_as_one)
{
	start_group();
	(void)done();
	elector_switchover(&e, "eth2", false, now);
	ck_assert_uint_eq(e.routers[0]->vrrp.config.priority, 1);
	ck_assert_uint_eq(e.routers[1]->vrrp.config.priority, 1);
	hear(20, 50);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
	ck_assert_int_eq(e.routers[1]->vrrp.state, VRRP_BACKUP);
	ck_assert_int_eq(e.routers[1]->handover.state, HANDOVER_GIVEN);
}
END_TEST

START_TEST(an_offer_of_a_group_lasts_as_long_as_its_slowest_member_needs)
{
	uint64_t patience_us = 4 * 2 * SECOND_US + SECOND_US / 10;

	start_group();
	pair[1].interval_cs = 200;
	configure(pair, 2);
	elector_switchover(&e, NULL, true, now);
	ck_assert_uint_eq(e.routers[0]->handover.deadline.us, now.us + patience_us);
	ck_assert_uint_eq(e.routers[1]->handover.deadline.us, now.us + patience_us);
}
END_TEST

START_TEST(what_is_heard_of_a_group_moves_the_deadlines_of_all)
{
	start_group();
	hear(20, 150);
	ck_assert_uint_eq(world.armed.us, e.routers[0]->vrrp.deadline.us);
	ck_assert_uint_eq(world.armed.us, e.routers[1]->vrrp.deadline.us);
	configure(pair, 1);
	ck_assert_uint_eq(world.armed.us, e.routers[0]->vrrp.deadline.us);
	configure(NULL, 0);
	ck_assert(instant_is_never(world.armed));
}
END_TEST

START_TEST(maintenance_takes_a_group_out)
{
	start_group();
	(void)done();
	elector_maintain(&e, MAINTENANCE_ON, now);
	hear(20, 50);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_INITIALIZE);
	ck_assert_int_eq(e.routers[1]->vrrp.state, VRRP_INITIALIZE);
	elector_maintain(&e, MAINTENANCE_OFF, now);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
	ck_assert_int_eq(e.routers[1]->vrrp.state, VRRP_BACKUP);
}
END_TEST

/* Routes and rules, and long lists */

static struct moved route(const char *to, uint8_t place)
{
	return (struct moved){
		.kind = MOVED_ROUTE, .place = place, .route = {.to = prefix(to), .table = 254}};
}

static struct moved rule(uint32_t priority)
{
	return (struct moved){.kind = MOVED_RULE,
		.place = MOVED_ANYWHERE,
		.rule = {.family = AF_INET, .table = 100, .priority = priority}};
}

/* front, with a route at home, one away, one nowhere, and a rule. */
static struct router_config routed(void)
{
	struct router_config c = front(51, 100, 1);
	struct moved first = c.moved[0];

	c.moved = new_list(5);
	c.n_moved = 5;
	c.moved[0] = first;
	c.moved[1] = route("10.1.0.1/32", AWAY);
	c.moved[2] = route("10.1.0.2/32", MOVED_HOME);
	c.moved[3] = route("10.1.0.3/32", MOVED_ANYWHERE);
	c.moved[4] = rule(900);
	(void)snprintf(c.places[AWAY], sizeof(c.places[AWAY]), "eth2");
	moved_sort(c.moved, c.n_moved);
	return c;
}

START_TEST(routes_come_after_the_addresses_and_go_before_them)
{
	struct router_config c = routed();

	add_eth2();
	configure(&c, 1);
	(void)done();
	reach_deadline();
	ck_assert_str_eq(done(), "add .100; add-route@eth2 .1; add-route .2; add-route .3; "
				 "add-rule 900; send 100; announce 1; backup>active; ");
	ck_assert_uint_eq(records[0].list.n, 5);
	elector_leave(&e, now);
	ck_assert_str_eq(done(),
		"remove-rule 900; remove-route .3; remove-route .2; remove-route@eth2 .1; "
		"remove .100; send 0; active>initialize; ");
	ck_assert_uint_eq(world.n_addrs, 0);
}
END_TEST

static struct router *start_routed(void)
{
	struct router_config c = routed();

	add_eth2();
	configure(&c, 1);
	reach_deadline();
	(void)done();
	return e.routers[0];
}

START_TEST(a_route_or_rule_that_somebody_removes_is_back_at_once)
{
	struct router *r = start_routed();
	struct moved gone = r->config.moved[1 + _i], other = route("10.1.0.9/32", MOVED_HOME);
	size_t changed;

	elector_route_gone(&e, &other);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "");
	(void)remove_moved(NULL, 0, &gone, 1, &changed);
	ck_assert_uint_eq(changed, 1);
	elector_route_gone(&e, &gone);
	elector_settle(&e, now);
	ck_assert_uint_eq(r->counters.routes_restored, 1);
	ck_assert_uint_eq(r->counters.addresses_restored, 0);
	ck_assert_uint_eq(world.n_addrs, 5);
	ck_assert_ptr_nonnull(strstr(done(), "address-restored; "));
}
END_TEST

START_TEST(with_an_address_its_routes_are_looked_after)
{
	struct router *r = start_routed();
	struct moved address = r->config.moved[0], away = r->config.moved[1];
	size_t changed;

	(void)remove_moved(NULL, 2, &address, 1, &changed);
	(void)remove_moved(NULL, AWAY_IFINDEX, &away, 1, &changed); /* it was their source */
	(void)done();
	elector_addr(&e, 2, &address.address.prefix, false);
	elector_settle(&e, now);
	ck_assert_uint_eq(world.n_addrs, 5);
	ck_assert_uint_eq(r->counters.routes_restored, 1);
	ck_assert_uint_eq(r->counters.addresses_restored, 1);
}
END_TEST

START_TEST(a_reload_moves_only_the_routes_that_changed)
{
	struct router_config c;

	(void)start_routed();
	c = routed();
	c.moved[2] = route("10.1.0.7/32", MOVED_HOME);
	configure(&c, 1);
	ck_assert_str_eq(done(), "remove-route .2; add .100; add-route@eth2 .1; add-route .7; "
				 "add-route .3; add-rule 900; send 100; announce 1; ");
	ck_assert_uint_eq(world.n_addrs, 5);
}
END_TEST

START_TEST(somebody_who_goes_on_is_told_in_sums)
{
	struct router *r = start_active();
	unsigned restored = 0, contested = 0;

	for (unsigned i = 0; i < 70; i++) {
		const char *log;
		now = instant_add(now, SECOND_US);
		elector_timer(&e, now);
		(void)done();
		world.n_addrs = 0;
		elector_addr(&e, 2, &r->config.moved[0].address.prefix, false);
		elector_settle(&e, now);
		log = done();
		restored += strstr(log, "address-restored") != NULL;
		contested += strstr(log, "address-contested") != NULL;
	}
	ck_assert_uint_eq(r->counters.addresses_restored, 140);
	ck_assert_uint_eq(restored, 10);
	ck_assert_uint_eq(contested, 1);
}
END_TEST

START_TEST(adverts_that_are_due_do_not_wait_for_a_long_list)
{
	struct router_config c[2] = {front(51, 10, 200), front(52, 250, 1)};
	unsigned turns = 0;

	c[0].announce.repeat = 0;
	c[1].priority = 200;
	c[1].interval_cs = 1;
	configure(c, 2);
	while (e.routers[1]->vrrp.state != VRRP_ACTIVE)
		reach_deadline();
	while (!e.routers[0]->todo)
		reach_deadline();
	(void)done();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
	/* Each turn takes two milliseconds, and the adverts are each ten milliseconds. */
	for (; e.routers[0]->todo; turns++) {
		uint64_t spoke = e.routers[1]->counters.adverts_sent;
		bool due = instant_reached(e.routers[1]->vrrp.deadline, now);
		size_t had = world.n_addrs;
		elector_timer(&e, now);
		ck_assert_uint_eq(e.routers[1]->counters.adverts_sent, spoke + due);
		ck_assert_uint_le(world.n_addrs - had, 32);
		ck_assert(!e.routers[0]->todo || world.armed.us == now.us);
		pass(2000);
	}
	ck_assert_uint_eq(turns, 6);
	ck_assert_uint_eq(world.n_addrs, 201);
	ck_assert_uint_eq(e.routers[0]->counters.adverts_sent, 1);
}
END_TEST

START_TEST(a_long_list_that_is_not_wanted_any_more_is_taken_back)
{
	struct router_config c = front(51, 10, 200);
	struct router *r;

	configure(&c, 1);
	reach_deadline();
	r = e.routers[0];
	ck_assert_uint_eq(world.n_addrs, 32);
	advert_arrives(51, 150, 3, 1);
	while (r->todo)
		elector_timer(&e, now);
	ck_assert_uint_eq(world.n_addrs, 0);
	ck_assert(!r->record->active);
	ck_assert_int_eq(r->vrrp.state, VRRP_BACKUP);
	/* Who comes back to it before it is taken off claims all of it. */
	advert_arrives(51, 0, 3, 1);
	while (r->todo)
		elector_timer(&e, now);
	advert_arrives(51, 150, 3, 1);
	ck_assert(r->todo & VRRP_DO_RELEASE);
	advert_arrives(51, 0, 3, 1);
	while (r->todo)
		elector_timer(&e, now);
	ck_assert_uint_eq(world.n_addrs, 200);
	ck_assert(r->record->active);
	elector_leave(&e, now);
	ck_assert_uint_eq(world.n_addrs, 0);
}
END_TEST

START_TEST(what_is_reloaded_in_the_middle_of_a_claim_is_whole)
{
	struct router_config c = front(51, 10, 200);

	configure(&c, 1);
	reach_deadline();
	ck_assert_uint_eq(world.n_addrs, 32);
	c = front(51, 13, 100);
	configure(&c, 1);
	while (e.routers[0]->todo)
		elector_timer(&e, now);
	ck_assert_uint_eq(world.n_addrs, 100);
	for (size_t i = 0; i < 100; i++)
		ck_assert_uint_lt(world_find(&c.moved[i]), world.n_addrs);
	ck_assert_uint_eq(records[0].list.n, 100);
}
END_TEST

static TCase *route_cases(void)
{
	TCase *tc = tcase_create("routes and rules, and long lists");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, routes_come_after_the_addresses_and_go_before_them);
	tcase_add_loop_test(tc, a_route_or_rule_that_somebody_removes_is_back_at_once, 0, 4);
	tcase_add_test(tc, with_an_address_its_routes_are_looked_after);
	tcase_add_test(tc, a_reload_moves_only_the_routes_that_changed);
	tcase_add_test(tc, somebody_who_goes_on_is_told_in_sums);
	tcase_add_test(tc, adverts_that_are_due_do_not_wait_for_a_long_list);
	tcase_add_test(tc, a_long_list_that_is_not_wanted_any_more_is_taken_back);
	tcase_add_test(tc, what_is_reloaded_in_the_middle_of_a_claim_is_whole);
	return tc;
}

static TCase *place_cases(void)
{
	TCase *tc = tcase_create("addresses beside those of the adverts");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, all_addresses_move_the_advertised_ones_last_in_and_first_out);
	tcase_add_test(tc, adverts_carry_the_advertised_addresses_alone);
	tcase_add_loop_test(tc, any_address_that_somebody_removes_is_back_at_once, 0, 5);
	tcase_add_test(tc, an_interface_for_snat_needs_no_address_and_is_not_listened_on);
	tcase_add_test(tc, an_interface_for_snat_may_come_later_and_the_election_does_not_wait);
	tcase_add_test(tc, an_interface_for_snat_that_is_missing_is_told_once);
	tcase_add_test(tc, an_interface_for_snat_that_is_gone_and_back_gets_its_addresses);
	tcase_add_test(tc, a_renamed_interface_for_snat_gives_its_addresses_back);
	tcase_add_test(tc, an_interface_for_snat_that_comes_up_is_looked_after);
	tcase_add_test(tc, an_adopter_finds_what_its_predecessor_had_elsewhere);
	tcase_add_test(tc, an_adopter_brings_home_what_its_predecessor_had_away);
	tcase_add_test(tc, what_may_have_been_succeeded_is_tidied_up_everywhere);
	tcase_add_test(tc, a_reload_moves_addresses_between_places);
	tcase_add_test(tc, an_excluded_address_that_becomes_advertised_stays_where_it_is);
	return tc;
}

/* What operators ask for */

START_TEST(an_offer_is_served_until_a_peer_takes_it)
{
	(void)start_active();
	elector_switchover(&e, "front", false, now);
	ck_assert_str_eq(done(), "switchover; send 1; changed 1; ");
	pass(SECOND_US);
	elector_timer(&e, now);
	ck_assert_str_eq(done(), "send 1; ");
	advert_arrives(51, 100, 3, 100);
	ck_assert_str_eq(done(), "remove .100 .101; send 1; active>backup; ");
	ck_assert_int_eq(e.routers[0]->handover.state, HANDOVER_GIVEN);
	ck_assert(records[0].given);
	pass(SECOND_US);
	advert_arrives(51, 50, 3, 100); /* less than ours would be */
	ck_assert_uint_eq(e.routers[0]->vrrp.deadline.us, now.us + 3996093);
}
END_TEST

START_TEST(an_offer_that_no_peer_takes_ends_as_it_began)
{
	(void)start_active();
	elector_switchover(&e, NULL, false, now);
	(void)done();
	for (int i = 0; i < 4; i++)
		reach_deadline();
	ck_assert_str_eq(done(), "send 1; send 1; send 1; send 1; ");
	reach_deadline();
	ck_assert_str_eq(done(), "switchover-failed; send 100; changed 100; ");
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
}
END_TEST

START_TEST(who_insists_gives_up_an_offer_that_no_peer_takes)
{
	(void)start_active();
	elector_switchover(&e, "front", true, now);
	for (int i = 0; i < 4; i++)
		reach_deadline();
	(void)done();
	reach_deadline();
	ck_assert_str_eq(done(), "switchover; remove .100 .101; send 0; active>backup; ");
	reach_deadline(); /* and nobody came */
	ck_assert_str_eq(done(), "add .100 .101; send 100; announce 2; backup>active; ");
	ck_assert(!records[0].given);
}
END_TEST

START_TEST(where_nobody_preempts_the_place_is_given_up_at_once)
{
	struct router_config c = front(51, 100, 2);

	c.preempt = false;
	configure(&c, 1);
	reach_deadline();
	(void)done();
	elector_switchover(&e, "front", false, now);
	ck_assert_str_eq(done(), "switchover; remove .100 .101; send 0; active>backup; ");
}
END_TEST

START_TEST(who_is_not_active_has_nothing_to_offer_and_says_so)
{
	struct router_config c = front(51, 100, 2);

	configure(&c, 1);
	(void)done();
	elector_switchover(&e, "front", true, now);
	ck_assert_str_eq(done(), "changed 100; ");
	ck_assert_uint_eq(e.routers[0]->counters.switchovers, 1);
}
END_TEST

START_TEST(a_place_that_was_given_is_taken_back_when_the_peer_is_humble)
{
	(void)start_active();
	elector_switchover(&e, "front", false, now);
	advert_arrives(51, 100, 3, 100);
	(void)done();
	advert_arrives(51, 1, 3, 100);
	ck_assert_str_eq(done(), "changed 100; ");
	reach_deadline();
	ck_assert_str_eq(done(), "add .100 .101; send 100; announce 2; backup>active; ");
}
END_TEST

START_TEST(a_successor_stays_behind_the_peer_that_was_given_the_place)
{
	struct router_config c = front(51, 100, 2);

	predecessor("front", 51, 100, 2, 10 * SECOND_US);
	records[0].active = false;
	records[0].given = true;
	configure(&c, 1);
	ck_assert_uint_eq(e.routers[0]->vrrp.config.priority, HANDOVER_PRIORITY);
}
END_TEST

START_TEST(maintenance_leaves_when_a_peer_has_come)
{
	(void)start_active();
	elector_maintain(&e, MAINTENANCE_ON, now);
	ck_assert_str_eq(done(), "switchover; send 1; changed 1; ");
	advert_arrives(51, 100, 3, 100);
	ck_assert_str_eq(done(), "remove .100 .101; send 1; active>backup; backup>initialize; ");
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "");
	elector_maintain(&e, MAINTENANCE_OFF, now);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
}
END_TEST

START_TEST(who_offers_its_place_looks_after_its_addresses)
{
	struct router *r = start_active();

	elector_maintain(&e, MAINTENANCE_ON, now);
	(void)done();
	world.n_addrs--;
	elector_addr(&e, 2, &r->config.moved[1].address.prefix, false);
	elector_settle(&e, now);
	ck_assert_str_eq(done(), "add .100 .101; announce 2; address-restored; ");
}
END_TEST

START_TEST(maintenance_leaves_when_no_peer_comes_too)
{
	(void)start_active();
	elector_maintain(&e, MAINTENANCE_ON, now);
	for (int i = 0; i < 4; i++)
		reach_deadline();
	(void)done();
	reach_deadline();
	ck_assert_str_eq(done(), "remove .100 .101; send 0; active>initialize; ");
	ck_assert(instant_is_never(world.armed));
}
END_TEST

START_TEST(a_switchover_meanwhile_does_not_keep_maintenance_from_leaving)
{
	(void)start_active();
	elector_maintain(&e, MAINTENANCE_ON, now);
	for (int i = 0; i < 4; i++)
		reach_deadline();
	elector_switchover(&e, "front", false, now);
	reach_deadline();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_INITIALIZE);
}
END_TEST

START_TEST(who_ends_maintenance_before_a_peer_has_come_stays)
{
	(void)start_active();
	elector_maintain(&e, MAINTENANCE_ON, now);
	(void)done();
	elector_maintain(&e, MAINTENANCE_OFF, now);
	ck_assert_str_eq(done(), "send 100; changed 100; ");
	for (int i = 0; i < 6; i++)
		reach_deadline();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
}
END_TEST

START_TEST(maintenance_is_there_before_the_election)
{
	struct router_config c = front(51, 100, 2);

	predecessor("front", 51, 100, 2, SECOND_US);
	elector_maintain(&e, MAINTENANCE_ON, now);
	configure(&c, 1);
	ck_assert_str_eq(done(), "changed 1; open eth0; tidy front; remove .100 .101; "
				 "remove .100 .101; leftover-removed; ");
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_INITIALIZE);
}
END_TEST

START_TEST(standby_is_active_only_while_nobody_else_is)
{
	(void)start_active();
	elector_maintain(&e, MAINTENANCE_STANDBY, now);
	for (int i = 0; i < 5; i++)
		reach_deadline();
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_ACTIVE);
	ck_assert_uint_eq(e.routers[0]->vrrp.config.priority, HANDOVER_PRIORITY);
	advert_arrives(51, 2, 3, 100);
	ck_assert_int_eq(e.routers[0]->vrrp.state, VRRP_BACKUP);
}
END_TEST

START_TEST(a_restart_is_announced_and_adopted)
{
	struct router_config c = front(51, 100, 2);

	c.interval_cs = 10;
	configure(&c, 1);
	reach_deadline();
	(void)done();
	elector_pause(&e, now);
	ck_assert_str_eq(done(), "send 100; ");
	ck_assert_uint_eq(world.advertised_cs, 100);
	ck_assert(instant_is_never(world.armed));
	elector_settle(&e, now);
	elector_timer(&e, instant_add(now, SECOND_US));
	ck_assert_str_eq(done(), "");
	elector_done(&e);
	(void)done();
	pass(2900000);
	elector_init(&e, &recorder, NULL, &state);
	configure(&c, 1);
	ck_assert_str_eq(
		done(), "open eth0; add .100 .101; send 100; announce 2; initialize>active; ");
	ck_assert_uint_eq(world.advertised_cs, 10);
}
END_TEST

/* Signed adverts */

static struct vrrp_auth_config secret(void)
{
	static struct vrrp_auth_key keys[] = {{.id = 1}};
	struct vrrp_auth_config c = {
		.mode = VRRP_AUTH_ENFORCE, .window_s = 5, .n_keys = 1, .keys = keys};

	hmac_sha256_init(&c.keys[0].hmac, "0123456789abcdef0123456789abcdef", 32);
	return c;
}

static struct router *start_signing(void)
{
	struct router_config c = front(51, 100, 2);

	c.auth = secret();
	c.format.takes_trailer = true;
	world.signed_too = true;
	configure(&c, 1);
	(void)done();
	return e.routers[0];
}

/* What a peer that has the key sends, its clock right, comes to us when ours may be wrong. */
static void signed_advert_arrives(struct vrrp_auth *peer, uint8_t priority)
{
	struct vrrp_format format = {AF_INET, .version = 3, .min_ttl = 255, .takes_trailer = true};
	struct vrrp_auth_config config = secret();
	struct vrrp_advert a = {.vrid = 51, .priority = priority, .interval_cs = 100, .n_addrs = 2};
	uint8_t packet[VRRP_PACKET_MAX];
	struct vrrp_datagram d = {.ttl = 255, .bytes = packet};
	uint64_t right_us = wall_us(NULL) - world.clock_off_us;

	ck_assert(addr_parse("192.0.2.3", &d.source) && addr_parse("224.0.0.18", &d.destination));
	a.addrs[0] = front(51, 100, 2).moved[0].address.prefix.addr;
	a.addrs[1] = front(51, 100, 2).moved[1].address.prefix.addr;
	d.len = vrrp_packet_build(&format, &a, packet);
	vrrp_auth_sign(peer, &config, &d.source, packet, d.len, vrrp_stamp(right_us));
	vrrp_packet_seal(&format, &d.source, &d.destination, packet, d.len);
	d.len += VRRP_TRAILER_LEN;
	elector_hear(&e, e.ports[0], &d, 1, now);
}

START_TEST(what_is_not_signed_is_not_heard)
{
	struct router *r = start_signing();
	struct vrrp_auth peer = {0};

	advert_arrives(51, 200, 3, 100);
	ck_assert_uint_eq(r->rejected[VRRP_REJECT_UNSIGNED], 1);
	ck_assert_uint_eq(r->counters.adverts_received, 0);
	signed_advert_arrives(&peer, 200);
	ck_assert_uint_eq(r->counters.adverts_received, 1);
}
END_TEST

static void mtu_is(uint32_t mtu)
{
	elector_link_mtu(&e, 2, mtu);
	elector_settle(&e, now);
}

START_TEST(adverts_that_do_not_fit_are_told_once)
{
	struct router *r = start_active();
	uint32_t len = 20 + 8 + 4 * (uint32_t)r->config.n_advertised;

	mtu_is(len);
	ck_assert_str_eq(done(), "");
	ck_assert_uint_eq(r->needs_mtu, 0);
	mtu_is(len - 1);
	ck_assert_str_eq(done(), "advert-too-long; changed 100; ");
	ck_assert_uint_eq(r->needs_mtu, len);
	mtu_is(len - 2);
	ck_assert_str_eq(done(), "");
	ck_assert_int_eq(r->vrrp.state, VRRP_ACTIVE);
	mtu_is(0); /* not known */
	ck_assert_str_eq(done(), "changed 100; ");
	ck_assert_uint_eq(r->needs_mtu, 0);
}
END_TEST

START_TEST(a_signature_counts_as_part_of_the_advert)
{
	struct router *r = start_signing();
	uint32_t len = 20 + 8 + 4 * (uint32_t)r->config.n_advertised;

	mtu_is(len);
	ck_assert_str_eq(done(), "advert-too-long; changed 100; ");
	ck_assert_uint_eq(r->needs_mtu, len + VRRP_TRAILER_LEN);
}
END_TEST

START_TEST(a_wrong_clock_is_told_once_and_seen_until_it_is_right)
{
	struct router *r = start_signing();
	struct vrrp_auth peer = {0};

	world.clock_off_us = 3600 * SECOND_US;
	for (int i = 0; i < 10; i++)
		signed_advert_arrives(&peer, 200);
	ck_assert_str_eq(done(), "advert-rejected; clock-deaf; ");
	ck_assert(wire_is_deaf(r));
	world.clock_off_us = 0;
	signed_advert_arrives(&peer, 200);
	ck_assert(!wire_is_deaf(r));
	ck_assert_uint_eq(r->counters.adverts_received, 1);
}
END_TEST

/* The cleaner builds priority 0 from the record; a peer that heard our last advert believes it. */
START_TEST(a_will_is_good_for_a_cleaner)
{
	struct router *r = start_signing();
	struct vrrp_auth_mark marks[VRRP_AUTH_SOURCES] = {0};
	struct vrrp_auth peer = {.marks = marks, .n_marks = VRRP_AUTH_SOURCES};
	struct vrrp_auth_config config = secret();
	struct vrrp_advert a = {.vrid = 51, .interval_cs = 100, .n_addrs = 2};
	uint8_t packet[VRRP_PACKET_MAX];
	struct vrrp_datagram d = {.source = prefix("192.0.2.2").addr, .bytes = world.sent};
	size_t len = VRRP_HEADER_LEN + 8;

	reach_deadline();
	ck_assert_int_eq(r->vrrp.state, VRRP_ACTIVE);
	d.len = world.sent_len;
	ck_assert_int_eq(vrrp_auth_check(&peer, &config, &r->config.peers, &d, len,
				 vrrp_stamp(wall_us(NULL))),
		VRRP_OK);
	ck_assert(r->record->has_will);
	a.addrs[0] = r->config.moved[0].address.prefix.addr;
	a.addrs[1] = r->config.moved[1].address.prefix.addr;
	ck_assert_uint_eq(vrrp_packet_build(&r->record->format, &a, packet), len);
	memcpy(packet + len, r->record->will, VRRP_TRAILER_LEN);
	d.bytes = packet;
	ck_assert_int_eq(vrrp_auth_check(&peer, &config, &r->config.peers, &d, len,
				 vrrp_stamp(wall_us(NULL) + SECOND_US)),
		VRRP_OK);
	/* ... and who goes on instead is believed too. */
	reach_deadline();
	d.bytes = world.sent;
	ck_assert_int_eq(vrrp_auth_check(&peer, &config, &r->config.peers, &d, len,
				 vrrp_stamp(wall_us(NULL))),
		VRRP_OK);
}
END_TEST

/* ... also when it dies between the claim and its first advert: the will is of what is recorded. */
START_TEST(a_will_is_there_before_the_first_advert)
{
	struct router *r = start_signing();
	struct vrrp_auth_mark marks[VRRP_AUTH_SOURCES] = {0};
	struct vrrp_auth peer = {.marks = marks, .n_marks = VRRP_AUTH_SOURCES};
	struct vrrp_auth_config config = secret();
	struct vrrp_advert a = {.vrid = 51, .interval_cs = r->record->interval_cs, .n_addrs = 2};
	uint8_t packet[VRRP_PACKET_MAX];
	struct vrrp_datagram d = {.source = prefix("192.0.2.2").addr, .bytes = packet};
	size_t len;

	ck_assert_int_eq(r->vrrp.state, VRRP_BACKUP);
	ck_assert(r->record->has_will);
	a.addrs[0] = r->config.moved[0].address.prefix.addr;
	a.addrs[1] = r->config.moved[1].address.prefix.addr;
	len = vrrp_packet_build(&r->record->format, &a, packet);
	memcpy(packet + len, r->record->will, VRRP_TRAILER_LEN);
	d.len = len + VRRP_TRAILER_LEN;
	ck_assert_int_eq(vrrp_auth_check(&peer, &config, &r->config.peers, &d, len,
				 vrrp_stamp(wall_us(NULL))),
		VRRP_OK);
}
END_TEST

static TCase *wire_cases(void)
{
	TCase *tc = tcase_create("families and peers");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, an_ipv6_router_speaks_from_the_link_local_address);
	tcase_add_test(tc, each_family_has_vrids_of_its_own);
	tcase_add_test(tc, unicast_adverts_go_to_each_peer);
	tcase_add_test(tc, who_speaks_unicast_hears_its_peers_alone);
	tcase_add_test(tc, what_is_not_signed_is_not_heard);
	tcase_add_test(tc, a_wrong_clock_is_told_once_and_seen_until_it_is_right);
	tcase_add_test(tc, adverts_that_do_not_fit_are_told_once);
	tcase_add_test(tc, a_signature_counts_as_part_of_the_advert);
	tcase_add_test(tc, a_will_is_good_for_a_cleaner);
	tcase_add_test(tc, a_will_is_there_before_the_first_advert);
	return tc;
}

static TCase *start_cases(void)
{
	TCase *tc = tcase_create("start");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_new_router_listens_then_claims_speaks_and_announces);
	tcase_add_test(tc, a_device_with_the_virtual_mac_is_up_while_active);
	tcase_add_test(tc, a_device_that_nobody_wants_any_more_is_left_to_the_director);
	tcase_add_test(tc, an_interface_that_is_not_ours_is_no_device);
	tcase_add_test(tc, an_address_is_recorded_before_it_is_added_and_until_it_is_removed);
	tcase_add_test(tc, addresses_that_nobody_recorded_are_leftovers_too);
	tcase_add_test(tc, a_predecessor_of_a_moment_ago_is_adopted_and_keeps_its_addresses);
	tcase_add_test(tc, an_adopter_gives_up_what_the_configuration_no_longer_has);
	tcase_add_test(tc, a_predecessor_that_may_have_been_succeeded_is_tidied_up);
	tcase_add_test(tc, a_predecessor_on_another_interface_of_that_name_is_not_adopted);
	tcase_add_test(tc, a_predecessors_router_that_nobody_wants_is_tidied_up);
	return tc;
}

static TCase *interface_cases(void)
{
	TCase *tc = tcase_create("interfaces and addresses");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, an_interface_that_does_not_exist_is_waited_for);
	tcase_add_test(tc, an_interface_without_an_address_is_waited_for);
	tcase_add_test(tc, a_virtual_address_is_never_the_source_of_adverts);
	tcase_add_test(tc, a_lost_link_releases_and_a_link_that_is_back_starts_anew);
	tcase_add_test(tc, an_interface_made_anew_gets_a_new_socket);
	tcase_add_test(tc, an_interface_that_is_gone_takes_its_addresses_along);
	tcase_add_test(tc, another_address_of_the_interface_becomes_the_source);
	tcase_add_test(tc, a_renamed_interface_gives_its_addresses_back);
	tcase_add_test(tc, a_predecessor_on_a_link_that_is_down_leaves_nothing_there);
	tcase_add_test(tc, a_socket_that_cannot_be_opened_is_tried_again_and_reported_once);
	tcase_add_test(tc, an_address_that_somebody_removes_is_back_at_once);
	tcase_add_test(tc, many_removed_addresses_are_one_batch_and_one_event);
	tcase_add_test(tc, who_loses_its_own_address_resigns);
	tcase_add_test(tc, news_of_our_own_removal_restores_nothing);
	tcase_add_test(tc, what_was_missed_is_found_when_news_were_lost);
	tcase_add_test(tc, what_cannot_be_looked_at_stays_as_it_was_until_it_can);
	tcase_add_test(tc, an_address_that_cannot_be_added_is_tried_again_with_each_advert);
	return tc;
}

static TCase *reload_cases(void)
{
	TCase *tc = tcase_create("reload");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_same_configuration_changes_nothing);
	tcase_add_test(tc, an_address_can_move_from_one_router_to_another);
	tcase_add_test(tc, a_removed_router_releases_and_resigns_the_others_go_on);
	tcase_add_test(tc, an_added_router_starts_while_the_others_go_on);
	tcase_add_test(tc, a_new_priority_is_told_at_once);
	tcase_add_test(tc, a_weight_is_told_at_once_and_once);
	tcase_add_test(tc, a_configuration_brings_its_causes);
	tcase_add_test(tc, a_fault_resigns_and_its_end_joins_as_backup);
	tcase_add_test(tc, who_starts_with_a_fault_leaves_nothing_of_its_predecessor);
	tcase_add_test(
		tc, an_adopter_goes_on_with_the_priority_of_its_predecessor_until_it_knows_better);
	tcase_add_test(tc, an_adopter_that_knows_does_not_ask_its_predecessor);
	tcase_add_test(tc, causes_of_nobody_change_nothing);
	tcase_add_test(tc, all_routers_can_move_to_other_interfaces_in_one_change);
	return tc;
}

static TCase *election_cases(void)
{
	TCase *tc = tcase_create("election");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, leaving_releases_before_it_resigns_and_nothing_begins_again);
	tcase_add_test(tc, who_leaves_before_any_configuration_tidies_up_for_its_predecessor);
	tcase_add_test(tc, a_better_advert_releases_then_says_a_last_word);
	tcase_add_test(
		tc, a_backup_whose_peer_says_that_it_is_active_does_not_take_over_and_says_so);
	tcase_add_test(tc, a_backup_whose_peer_falls_silent_takes_over_at_once);
	tcase_add_test(tc, a_peer_that_died_with_its_adverts_is_not_waited_for);
	tcase_add_test(tc, what_comes_and_goes_is_told_once_a_minute);
	tcase_add_test(tc, two_that_are_active_learn_of_each_other_by_the_link);
	tcase_add_test(tc, a_claim_of_another_host_is_told_once_and_not_when_it_just_yielded);
	tcase_add_test(tc, a_backup_does_not_care_who_has_the_address);
	tcase_add_test(tc, a_rival_is_reported_once_in_a_minute_and_not_when_it_just_yielded);
	tcase_add_test(tc, an_advert_of_another_vrid_is_none_of_our_business);
	tcase_add_test(tc, another_address_list_is_counted_and_the_advert_heard);
	tcase_add_test(tc, what_is_no_advert_is_counted_and_told_once_in_a_minute);
	tcase_add_test(tc, what_arrives_together_is_heard_by_each_in_its_order);
	tcase_add_test(tc, one_who_wakes_too_late_releases_and_is_counted);
	tcase_add_test(tc, each_is_called_at_its_own_time);
	return tc;
}

static TCase *operator_cases(void)
{
	TCase *tc = tcase_create("operators");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, an_offer_is_served_until_a_peer_takes_it);
	tcase_add_test(tc, an_offer_that_no_peer_takes_ends_as_it_began);
	tcase_add_test(tc, who_insists_gives_up_an_offer_that_no_peer_takes);
	tcase_add_test(tc, where_nobody_preempts_the_place_is_given_up_at_once);
	tcase_add_test(tc, who_is_not_active_has_nothing_to_offer_and_says_so);
	tcase_add_test(tc, a_place_that_was_given_is_taken_back_when_the_peer_is_humble);
	tcase_add_test(tc, a_successor_stays_behind_the_peer_that_was_given_the_place);
	tcase_add_test(tc, maintenance_leaves_when_a_peer_has_come);
	tcase_add_test(tc, who_offers_its_place_looks_after_its_addresses);
	tcase_add_test(tc, maintenance_leaves_when_no_peer_comes_too);
	tcase_add_test(tc, a_switchover_meanwhile_does_not_keep_maintenance_from_leaving);
	tcase_add_test(tc, who_ends_maintenance_before_a_peer_has_come_stays);
	tcase_add_test(tc, maintenance_is_there_before_the_election);
	tcase_add_test(tc, standby_is_active_only_while_nobody_else_is);
	tcase_add_test(tc, a_restart_is_announced_and_adopted);
	return tc;
}

static TCase *policy_cases(void)
{
	TCase *tc = tcase_create("policy");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, nobody_is_preempted_before_the_director_is_ready);
	tcase_add_test(tc, who_is_not_ready_still_takes_an_empty_place);
	tcase_add_test(tc, the_hold_ends_at_ready_timeout_with_a_word);
	tcase_add_test(tc, a_group_takes_over_as_one);
	tcase_add_test(tc, a_better_advert_on_one_lan_takes_a_group_away_from_all);
	tcase_add_test(tc, a_lost_link_takes_a_group_out_until_all_are_ready);
	tcase_add_test(tc, a_group_waits_for_a_member_without_an_interface);
	tcase_add_test(tc, a_group_has_the_lowest_priority_of_its_members);
	tcase_add_test(tc, who_drops_a_whole_group_resigns);
	tcase_add_test(tc, a_reload_says_no_priority_but_the_groups);
	tcase_add_test(tc,
		a_router_that_joins_an_active_group_is_active_and_one_that_leaves_it_goes_alone);
	tcase_add_test(tc, a_group_is_adopted_whole_or_not_at_all);
	tcase_add_test(tc, a_group_is_handed_over_as_one);
	tcase_add_test(tc, what_is_heard_of_a_group_moves_the_deadlines_of_all);
	tcase_add_test(tc, an_offer_of_a_group_lasts_as_long_as_its_slowest_member_needs);
	tcase_add_test(tc, maintenance_takes_a_group_out);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("elector");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, start_cases());
	suite_add_tcase(suite, wire_cases());
	suite_add_tcase(suite, interface_cases());
	suite_add_tcase(suite, place_cases());
	suite_add_tcase(suite, route_cases());
	suite_add_tcase(suite, reload_cases());
	suite_add_tcase(suite, election_cases());
	suite_add_tcase(suite, operator_cases());
	suite_add_tcase(suite, policy_cases());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
