/* realserver: for each forwarding method, what must be so, the steps to it, the steps back, and
 * every fault in words. The host is a value here, and steps change it as the kernel would. */
#include "core/realserver.h"
#include "core/realserver_check.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX 64

static struct realserver_use uses[MAX];
static struct realserver_floating floating[2];
static struct realserver_want want;
static struct realserver_link links[MAX];
static struct realserver_address addresses[MAX];
static struct realserver_listener listeners[MAX];
static struct realserver_route routes[MAX];
static struct realserver_have have;
static struct realserver_item recorded[MAX];
static struct realserver_record record;
static struct realserver_item items[MAX * 7];
static struct realserver_step steps[MAX * 8];
static size_t n_steps;
static char findings[MAX][REALSERVER_TEXT_MAX];
static size_t n_wrong, n_notes;

/* --- The host --- */

static struct addr addr(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static struct addr_prefix prefix(const char *text)
{
	struct addr_prefix p;

	ck_assert(addr_prefix_parse(text, &p));
	return p;
}

static struct realserver_link *new_link(const char *name, enum realserver_kind kind)
{
	struct realserver_link *link = &links[have.n_links++];

	*link = (struct realserver_link){.kind = kind, .mtu = 1500, .settings = have.defaults};
	link->ifindex = (int)have.n_links;
	(void)snprintf(link->name, sizeof(link->name), "%s", name);
	return link;
}

static struct realserver_link *link_of(const char *name)
{
	for (size_t i = 0; i < have.n_links; i++)
		if (strcmp(links[i].name, name) == 0)
			return &links[i];
	ck_abort_msg("no link %s", name);
}

static void give(const char *link, const char *address)
{
	addresses[have.n_addresses++] = (struct realserver_address){
		.ifindex = link_of(link)->ifindex, .addr = prefix(address)};
}

static void setup(void)
{
	struct realserver_link *eth0;

	have = (struct realserver_have){
		.links = links, .addresses = addresses, .listeners = listeners, .routes = routes};
	want = (struct realserver_want){.uses = uses, .floating = floating};
	record = (struct realserver_record){.items = recorded};
	new_link("lo", REALSERVER_PLAIN)->loopback = true;
	link_of("lo")->up = true;
	eth0 = new_link("eth0", REALSERVER_PLAIN);
	eth0->up = eth0->arp = true;
	give("lo", "127.0.0.1/8");
	give("eth0", "192.0.2.11/24");
	give("eth0", "2001:db8::11/64");
	n_steps = 0;
}

/* --- What is wanted --- */

static struct realserver_use *use(enum realserver_way way, const char *address, const char *vip)
{
	struct realserver_use *u = &uses[want.n_uses++];

	*u = (struct realserver_use){.way = way,
		.address = addr(address),
		.service = "web",
		.pool = "pool",
		.server = "rs1"};
	if (vip)
		u->vip = addr(vip);
	else
		u->vip.family = AF_INET;
	return u;
}

static struct realserver_use *tunnel(
	enum ipvs_tunnel type, uint32_t flags, const char *address, const char *vip)
{
	struct realserver_use *u = use(REALSERVER_TUNNEL, address, vip);

	u->tunnel = type;
	u->port = type == IPVS_TUNNEL_GUE ? 6080 : 0;
	u->flags = flags;
	return u;
}

/* --- Steps, as texts and as deeds --- */

static void plan(void)
{
	size_t n = realserver_items(&want, &have, &record, items);

	ck_assert_uint_le(n, realserver_items_max(&want));
	n_steps = realserver_plan(items, n, &have, &record, steps);
}

static const char *step_text(size_t i)
{
	static char text[REALSERVER_TEXT_MAX];

	ck_assert_uint_lt(i, n_steps);
	return realserver_step_format(&steps[i], text);
}

#define assert_steps(...)                                                                          \
	do {                                                                                       \
		static const char *const expected_[] = {__VA_ARGS__};                              \
		assert_steps_are(expected_, sizeof(expected_) / sizeof(expected_[0]));             \
	} while (0)

static void assert_steps_are(const char *const *expected, size_t n)
{
	plan();
	for (size_t i = 0; i < n && i < n_steps; i++)
		ck_assert_str_eq(step_text(i), expected[i]);
	ck_assert_uint_eq(n_steps, n);
}

static void assert_no_step(void)
{
	plan();
	if (n_steps)
		ck_abort_msg("there is a step: %s", step_text(0));
}

static int *setting_of(const char *path)
{
	struct realserver_settings *s = &have.all;
	char link[REALSERVER_LINK_MAX], name[32], family[8];

	ck_assert_int_eq(sscanf(path, "net/%7[^/]/conf/%15[^/]/%31s", family, link, name), 3);
	if (strcmp(link, "all") != 0)
		s = &link_of(link)->settings;
	if (strcmp(name, "arp_ignore") == 0)
		return &s->arp_ignore;
	if (strcmp(name, "arp_announce") == 0)
		return &s->arp_announce;
	return strcmp(name, "rp_filter") == 0 ? &s->rp_filter : &s->disable_ipv6;
}

static void forget_link(const char *name)
{
	struct realserver_link *link = link_of(name);
	int ifindex = link->ifindex;
	size_t kept = 0;

	for (size_t i = 0; i < have.n_addresses; i++)
		if (addresses[i].ifindex != ifindex)
			addresses[kept++] = addresses[i];
	have.n_addresses = kept;
	*link = links[--have.n_links];
}

static void forget_address(const struct realserver_item *item)
{
	for (size_t i = 0; i < have.n_addresses; i++)
		if (addresses[i].ifindex == link_of(item->link)->ifindex &&
			addr_equal(&addresses[i].addr.addr, &item->addr.addr)) {
			addresses[i] = addresses[--have.n_addresses];
			return;
		}
	ck_abort_msg("no such address on %s", item->link);
}

static void forget_listener(const struct realserver_item *item)
{
	for (size_t i = 0; i < have.n_listeners; i++)
		if (listeners[i].port == item->port && listeners[i].family == item->family)
			listeners[i] = listeners[--have.n_listeners];
}

static void deed(const struct realserver_step *step)
{
	const struct realserver_item *item = &step->item;
	struct realserver_link *link;
	char text[ADDR_PREFIX_TEXT_MAX];

	switch (item->what) {
	case REALSERVER_SETTING:
		*setting_of(item->name) = atoi(step->undo ? item->old : item->value);
		break;
	case REALSERVER_DEVICE:
		if (step->undo) {
			forget_link(item->link);
			break;
		}
		link = new_link(item->link, item->kind);
		link->local = item->local;
		link->checksum = item->checksum;
		break;
	case REALSERVER_LISTENER:
		if (step->undo)
			forget_listener(item);
		else
			listeners[have.n_listeners++] = (struct realserver_listener){
				.family = item->family, .port = item->port, .gue = true};
		break;
	case REALSERVER_UP:
		link_of(item->link)->up = !step->undo;
		break;
	case REALSERVER_ADDRESS:
		if (step->undo)
			forget_address(item);
		else
			give(item->link, addr_prefix_format(&item->addr, text));
		break;
	case REALSERVER_WHAT_MAX_:
		ck_abort();
	}
}

static void remember(struct realserver_item item)
{
	for (size_t i = 0; i < record.n; i++)
		if (realserver_item_equal(&recorded[i], &item))
			return;
	if (item.what == REALSERVER_SETTING)
		(void)snprintf(item.old, sizeof(item.old), "%d", *setting_of(item.name));
	recorded[record.n++] = item;
}

static void forget(const struct realserver_item *item)
{
	for (size_t i = 0; i < record.n; i++)
		if (realserver_item_equal(&recorded[i], item)) {
			memmove(&recorded[i], &recorded[i + 1],
				(record.n - i - 1) * sizeof(recorded[0]));
			record.n--;
			return;
		}
}

static void carry_out(void)
{
	for (size_t i = 0; i < n_steps; i++) {
		if (!steps[i].undo)
			remember(steps[i].item);
		deed(&steps[i]);
		if (steps[i].undo)
			forget(&steps[i].item);
	}
}

static void apply(void)
{
	plan();
	carry_out();
	assert_no_step();
}

static void undo(void)
{
	n_steps = realserver_undo(&record, steps);
	carry_out();
	ck_assert_uint_eq(record.n, 0);
}

/* --- Findings --- */

static void note_finding(const struct realserver_finding *finding, void *userdata)
{
	(void)userdata;
	ck_assert_uint_lt(n_wrong, MAX);
	if (finding->note)
		n_notes++;
	else
		strcpy(findings[n_wrong++], finding->text);
}

static void find_faults(void)
{
	size_t n = realserver_items(&want, &have, &record, items);

	n_wrong = n_notes = 0;
	realserver_check(&want, &have, items, n, note_finding, NULL);
}

static void assert_good(void)
{
	find_faults();
	if (n_wrong)
		ck_abort_msg("wrong: %s", findings[0]);
}

#define assert_findings(...)                                                                       \
	do {                                                                                       \
		static const char *const expected_[] = {__VA_ARGS__};                              \
		assert_findings_are(expected_, sizeof(expected_) / sizeof(expected_[0]));          \
	} while (0)

static void assert_findings_are(const char *const *expected, size_t n)
{
	find_faults();
	for (size_t i = 0; i < n && i < n_wrong; i++)
		ck_assert_str_eq(findings[i], expected[i]);
	ck_assert_uint_eq(n_wrong, n);
}

/* --- Direct --- */

START_TEST(direct_is_silent_before_it_has_the_address)
{
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	assert_steps("set net.ipv4.conf.all.arp_ignore to 1",
		"set net.ipv4.conf.all.arp_announce to 2", "add address 192.0.2.100/32 to lo");
	apply();
	assert_good();
}
END_TEST

START_TEST(direct_does_not_mind_the_reverse_path_filter)
{
	have.all.rp_filter = 1;
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	apply();
	ck_assert_int_eq(have.all.rp_filter, 1);
	ck_assert_int_eq(link_of("lo")->settings.rp_filter, 0);
}
END_TEST

START_TEST(direct_over_ipv6_needs_the_address_alone)
{
	use(REALSERVER_DIRECT, "2001:db8::11", "2001:db8::100");
	assert_steps("add address 2001:db8::100/128 to lo");
	link_of("lo")->settings.disable_ipv6 = 1;
	assert_steps(
		"set net.ipv6.conf.lo.disable_ipv6 to 0", "add address 2001:db8::100/128 to lo");
	assert_findings("disable_ipv6 is 1 on lo: it cannot have 2001:db8::100",
		"2001:db8::100 is not on lo: this server does not take for its own what service "
		"web "
		"sends");
}
END_TEST

START_TEST(silence_of_each_link_is_as_good_as_of_all)
{
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	link_of("eth0")->settings.arp_ignore = 1;
	link_of("eth0")->settings.arp_announce = 2;
	assert_steps("add address 192.0.2.100/32 to lo");
	new_link("eth1", REALSERVER_PLAIN)->arp = true;
	assert_steps("add address 192.0.2.100/32 to lo"); /* down, it answers nobody */
	link_of("eth1")->up = true;
	give("lo", "192.0.2.100/32");
	assert_findings("arp_ignore is 0 on eth1: this server will answer ARP for 192.0.2.100",
		"arp_announce is 0 on eth1: when this server asks for a neighbour in the name of "
		"192.0.2.100, the neighbour learns that address as this server's");
}
END_TEST

START_TEST(a_stricter_setting_stays)
{
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	have.all.arp_ignore = 2;
	have.all.arp_announce = 2;
	assert_steps("add address 192.0.2.100/32 to lo");
}
END_TEST

START_TEST(an_address_that_somebody_put_on_a_dummy_stays_there)
{
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	new_link("dummy0", REALSERVER_PLAIN)->up = true;
	give("dummy0", "192.0.2.100/32");
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	assert_no_step();
	assert_good();
}
END_TEST

START_TEST(an_address_on_a_loud_link_is_named_and_left_to_its_owner)
{
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	apply();
	give("eth0", "192.0.2.100/24");
	assert_no_step();
	assert_findings(
		"192.0.2.100 is on eth0: this server answers its neighbours for it; remove it "
		"from there");
	want.director = true; /* it may be the owner */
	assert_good();
}
END_TEST

START_TEST(an_address_with_its_network_on_lo_is_named)
{
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	give("lo", "192.0.2.100/24");
	assert_findings(
		"192.0.2.100 is on lo as /24: this server takes the whole network for its own; "
		"make it /32",
		"192.0.2.100 is not on lo: this server does not take for its own what service web "
		"sends");
}
END_TEST

START_TEST(many_addresses_are_counted_once_each)
{
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.101");
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.100");
	find_faults();
	ck_assert_str_eq(findings[0],
		"arp_ignore is 0 on eth0: this server will answer ARP for 192.0.2.100 and 1 more");
}
END_TEST

/* --- Tunnel --- */

START_TEST(ipip_has_a_device_with_the_address)
{
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.100");
	assert_steps("set net.ipv4.conf.all.arp_ignore to 1",
		"set net.ipv4.conf.all.arp_announce to 2", "add ipip device tunl0", "set tunl0 up",
		"add address 192.0.2.100/32 to tunl0");
	new_link("tunl0", REALSERVER_IPIP);
	assert_steps("set net.ipv4.conf.all.arp_ignore to 1",
		"set net.ipv4.conf.all.arp_announce to 2", "set tunl0 up",
		"add address 192.0.2.100/32 to tunl0");
	apply();
	assert_good();
	ck_assert_uint_eq(n_notes, 1); /* 1480 bytes */
	link_of("eth0")->mtu = 9000;
	assert_good();
	ck_assert_uint_eq(n_notes, 0);
}
END_TEST

START_TEST(a_strict_filter_of_all_or_of_the_device_becomes_a_loose_one)
{
	new_link("tunl0", REALSERVER_IPIP);
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.100");
	apply();
	have.all.rp_filter = 1;
	assert_steps("set net.ipv4.conf.tunl0.rp_filter to 2");
	assert_findings(
		"rp_filter is 1 on tunl0 (the larger one of its own and that of \"all\"): what "
		"comes out of the tunnel is dropped");
	have.all.rp_filter = 0;
	link_of("tunl0")->settings.rp_filter = 1;
	assert_steps("set net.ipv4.conf.tunl0.rp_filter to 2");
	carry_out();
	have.all.rp_filter = 1; /* the larger one is 2 */
	assert_no_step();
	assert_good();
}
END_TEST

START_TEST(a_device_that_is_yet_to_come_has_the_default_filter)
{
	have.defaults.rp_filter = 1;
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.100");
	plan();
	ck_assert_str_eq(step_text(3), "set net.ipv4.conf.tunl0.rp_filter to 2");
}
END_TEST

START_TEST(an_address_on_lo_will_do_only_when_the_filter_lets_it)
{
	new_link("tunl0", REALSERVER_IPIP)->up = true;
	give("lo", "192.0.2.100/32");
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.100");
	assert_no_step();
	have.all.rp_filter = 2; /* passes with an address on the device only */
	assert_steps("add address 192.0.2.100/32 to tunl0");
	assert_findings("192.0.2.100 is not on tunl0: this server does not take for its own what "
			"service web sends");
	give("tunl0", "10.99.0.1/32");
	assert_no_step();
}
END_TEST

START_TEST(each_fault_of_ipip_is_named)
{
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.100");
	assert_findings("there is no tunl0: this server refuses what service web sends by ipip",
		"192.0.2.100 is not on tunl0: this server does not take for its own what service "
		"web "
		"sends");
	new_link("tunl0", REALSERVER_IPIP);
	give("tunl0", "192.0.2.100/32");
	assert_findings("tunl0 is down: this server refuses what service web sends");
}
END_TEST

START_TEST(gue_is_ipip_behind_a_listener)
{
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	tunnel(IPVS_TUNNEL_GUE, IPVS_TUNNEL_REMOTE_CHECKSUM, "192.0.2.11", "192.0.2.100");
	assert_steps("add ipip device tunl0", "listen for gue on UDP port 6080", "set tunl0 up",
		"add address 192.0.2.100/32 to tunl0");
	apply();
	have.n_listeners = 0;
	assert_steps("listen for gue on UDP port 6080");
	assert_findings(
		"nothing listens for gue on UDP port 6080: this server refuses what service web "
		"sends");
	listeners[have.n_listeners++] =
		(struct realserver_listener){.family = AF_INET, .port = 6080};
	assert_findings("UDP port 6080 is one for plain fou, which takes no gue");
}
END_TEST

START_TEST(gre_without_checksum_has_the_modules_device)
{
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	tunnel(IPVS_TUNNEL_GRE, 0, "192.0.2.11", "192.0.2.100");
	assert_steps("add gre device gre0", "set gre0 up", "add address 192.0.2.100/32 to gre0");
}
END_TEST

START_TEST(gre_with_checksum_has_a_device_of_its_own)
{
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	new_link("gre0", REALSERVER_GRE);
	tunnel(IPVS_TUNNEL_GRE, IPVS_TUNNEL_CHECKSUM, "192.0.2.11", "192.0.2.100");
	assert_steps("add gre device tandem-gre for 192.0.2.11 with checksum", "set tandem-gre up",
		"add address 192.0.2.100/32 to tandem-gre");
	apply();
	assert_good();
}
END_TEST

START_TEST(two_addresses_of_this_host_have_two_devices)
{
	give("eth0", "192.0.2.12/24");
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	tunnel(IPVS_TUNNEL_GRE, IPVS_TUNNEL_CHECKSUM, "192.0.2.11", "192.0.2.100");
	tunnel(IPVS_TUNNEL_GRE, IPVS_TUNNEL_CHECKSUM, "192.0.2.12", "192.0.2.100");
	plan();
	ck_assert_str_eq(step_text(3), "add gre device tandem-gre1 for 192.0.2.12 with checksum");
	apply();
	assert_good();
}
END_TEST

START_TEST(somebody_elses_device_that_gets_the_packets_is_used)
{
	struct realserver_link *gre1 = new_link("gre1", REALSERVER_GRE);

	gre1->local = addr("192.0.2.11");
	gre1->checksum = true;
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	tunnel(IPVS_TUNNEL_GRE, IPVS_TUNNEL_CHECKSUM, "192.0.2.11", "192.0.2.100");
	assert_steps("set gre1 up", "add address 192.0.2.100/32 to gre1");
	apply();
	assert_good();
	gre1->checksum = false;
	assert_findings(
		"gre1 takes gre without checksum, and service web sends it with: one address "
		"of a server can have one kind");
	gre1->has_remote = true; /* not the director's packets */
	plan();
	ck_assert_str_eq(step_text(2), "add gre device tandem-gre for 192.0.2.11 with checksum");
}
END_TEST

START_TEST(gre_with_and_without_checksum_to_one_address_is_impossible)
{
	tunnel(IPVS_TUNNEL_GRE, 0, "192.0.2.11", "192.0.2.100");
	tunnel(IPVS_TUNNEL_GRE, IPVS_TUNNEL_CHECKSUM, "192.0.2.11", "192.0.2.101")->service = "b";
	apply();
	assert_findings(
		"gre0 takes gre without checksum, and service b sends it with: one address of "
		"a server can have one kind",
		"tandem-gre takes gre with checksum, and service web sends it without: one address "
		"of "
		"a server can have one kind");
}
END_TEST

START_TEST(inner_and_outer_families_choose_the_device)
{
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "2001:db8::100");
	assert_steps("add sit device sit0", "set sit0 up", "add address 2001:db8::100/128 to sit0");
	want.n_uses = 0;
	tunnel(IPVS_TUNNEL_GUE, 0, "2001:db8::11", "2001:db8::100");
	assert_steps("add ip6tnl device tandem-ip6tnl for 2001:db8::11",
		"listen for gue on UDP over IPv6 port 6080", "set tandem-ip6tnl up",
		"add address 2001:db8::100/128 to tandem-ip6tnl");
	want.n_uses = 0;
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	tunnel(IPVS_TUNNEL_IPIP, 0, "2001:db8::11", "192.0.2.100");
	assert_steps("add ip6tnl device tandem-ip6tnl for 2001:db8::11", "set tandem-ip6tnl up",
		"add address 192.0.2.100/32 to tandem-ip6tnl");
	want.n_uses = 0;
	tunnel(IPVS_TUNNEL_GRE, IPVS_TUNNEL_CHECKSUM, "2001:db8::11", "2001:db8::100");
	assert_steps("add ip6gre device tandem-ip6gre for 2001:db8::11 with checksum",
		"set tandem-ip6gre up", "add address 2001:db8::100/128 to tandem-ip6gre");
}
END_TEST

START_TEST(packet_sizes_are_told_once_for_each_kind_of_tunnel)
{
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.100");
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.101");
	tunnel(IPVS_TUNNEL_GUE, 0, "192.0.2.11", "192.0.2.100");
	link_of("eth0")->mtu = 1520;
	find_faults();
	ck_assert_uint_eq(n_notes, 1); /* gue needs 32 bytes, ipip 20 */
	link_of("eth0")->mtu = 1519;
	find_faults();
	ck_assert_uint_eq(n_notes, 2);
}
END_TEST

/* --- NAT, fullnat, marks --- */

static void set_floating(void)
{
	floating[0] = (struct realserver_floating){"front", prefix("192.0.2.100/24")};
	floating[1] = (struct realserver_floating){"back", prefix("10.0.0.1/24")};
	want.n_floating = 2;
}

START_TEST(nat_wants_the_way_back_through_a_floating_address)
{
	set_floating();
	give("eth0", "10.0.0.13/24");
	use(REALSERVER_NAT, "10.0.0.13", NULL);
	assert_no_step();
	assert_findings("service web goes by nat, and there is no default route: it should go by "
			"10.0.0.1, which virtual router back moves");
	routes[have.n_routes++] =
		(struct realserver_route){.family = AF_INET, .gateway = addr("10.0.0.2")};
	assert_findings(
		"service web goes by nat, and the default route by 10.0.0.2: replies miss the "
		"directors; it should go by 10.0.0.1, which virtual router back moves");
	routes[0].gateway = addr("10.0.0.1");
	assert_good();
	routes[0].gateway = (struct addr){0};
	assert_findings(
		"service web goes by nat, and the default route by no gateway: replies miss "
		"the directors; it should go by 10.0.0.1, which virtual router back moves");
}
END_TEST

START_TEST(nat_without_a_floating_address_near_by_is_told)
{
	set_floating();
	give("eth0", "10.9.0.13/24");
	use(REALSERVER_NAT, "10.9.0.13", NULL);
	assert_findings(
		"service web goes by nat, and there is no default route: no virtual router has "
		"an address in the network of 10.9.0.13 for it to go by");
}
END_TEST

START_TEST(fullnat_wants_nothing)
{
	use(REALSERVER_FULLNAT, "192.0.2.11", NULL);
	assert_no_step();
	assert_good();
}
END_TEST

START_TEST(a_mark_without_addresses_is_told)
{
	use(REALSERVER_DIRECT, "192.0.2.11", NULL);
	assert_no_step();
	assert_findings(
		"service web goes by a mark and has no \"listen\": which addresses this server "
		"must have for it is not said");
}
END_TEST

START_TEST(a_server_of_somebody_elses_address_is_told)
{
	use(REALSERVER_FULLNAT, "192.0.2.99", NULL);
	assert_findings("192.0.2.99, the address of server rs1 of pool pool, is not this host's");
}
END_TEST

START_TEST(uses_that_ask_nothing_new_are_dropped)
{
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.101");
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.101");
	tunnel(IPVS_TUNNEL_GUE, 0, "192.0.2.11", "192.0.2.101");
	tunnel(IPVS_TUNNEL_GUE, IPVS_TUNNEL_CHECKSUM, "192.0.2.11", "192.0.2.101");
	ck_assert_uint_eq(realserver_sort_uses(uses, want.n_uses), 4);
	ck_assert(addr_equal(&uses[0].vip, &(struct addr){AF_INET, {192, 0, 2, 100}}));
}
END_TEST

/* --- Back --- */

static const struct {
	enum realserver_way way;
	enum ipvs_tunnel type;
	uint32_t flags;
	const char *address, *vip;
} methods[] = {
	{REALSERVER_DIRECT, 0, 0, "192.0.2.11", "192.0.2.100"},
	{REALSERVER_DIRECT, 0, 0, "2001:db8::11", "2001:db8::100"},
	{REALSERVER_TUNNEL, IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.100"},
	{REALSERVER_TUNNEL, IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "2001:db8::100"},
	{REALSERVER_TUNNEL, IPVS_TUNNEL_IPIP, 0, "2001:db8::11", "192.0.2.100"},
	{REALSERVER_TUNNEL, IPVS_TUNNEL_GUE, 0, "192.0.2.11", "192.0.2.100"},
	{REALSERVER_TUNNEL, IPVS_TUNNEL_GUE, IPVS_TUNNEL_CHECKSUM, "2001:db8::11", "2001:db8::100"},
	{REALSERVER_TUNNEL, IPVS_TUNNEL_GRE, 0, "192.0.2.11", "192.0.2.100"},
	{REALSERVER_TUNNEL, IPVS_TUNNEL_GRE, IPVS_TUNNEL_CHECKSUM, "192.0.2.11", "192.0.2.100"},
	{REALSERVER_TUNNEL, IPVS_TUNNEL_GRE, IPVS_TUNNEL_CHECKSUM, "2001:db8::11", "2001:db8::100"},
	{REALSERVER_NAT, 0, 0, "192.0.2.11", NULL},
	{REALSERVER_FULLNAT, 0, 0, "192.0.2.11", NULL},
};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

static void want_method(size_t i)
{
	struct realserver_use *u;

	want.n_uses = 0;
	u = use(methods[i].way, methods[i].address, methods[i].vip);
	u->tunnel = methods[i].type;
	u->flags = methods[i].flags;
	u->port = methods[i].type == IPVS_TUNNEL_GUE ? 6080 : 0;
}

static struct realserver_link links_before[MAX];
static struct realserver_address addresses_before[MAX];
static struct realserver_have have_before;

static void keep_state(void)
{
	memcpy(links_before, links, sizeof(links));
	memcpy(addresses_before, addresses, sizeof(addresses));
	have_before = have;
}

static void assert_as_before(void)
{
	ck_assert_uint_eq(have.n_links, have_before.n_links);
	ck_assert_mem_eq(links, links_before, have.n_links * sizeof(links[0]));
	ck_assert_uint_eq(have.n_addresses, have_before.n_addresses);
	for (size_t i = 0; i < have.n_addresses; i++) {
		ck_assert_int_eq(addresses[i].ifindex, addresses_before[i].ifindex);
		ck_assert(addr_equal(&addresses[i].addr.addr, &addresses_before[i].addr.addr));
	}
	ck_assert_uint_eq(have.n_listeners, have_before.n_listeners);
	ck_assert_mem_eq(&have.all, &have_before.all, sizeof(have.all));
}

START_TEST(apply_then_undo_leaves_everything_as_it_was)
{
	have.all.rp_filter = 1;
	link_of("lo")->settings.disable_ipv6 = 1;
	keep_state();
	want_method((size_t)_i);
	apply();
	undo();
	assert_as_before();
}
END_TEST

/* From every method to every other, as when the configuration changes. */
START_TEST(a_changed_configuration_takes_back_what_is_not_wanted_any_more)
{
	keep_state();
	for (size_t next = 0; next < N_METHODS; next++) {
		want_method((size_t)_i);
		apply();
		want_method(next);
		apply();
		find_faults();
		if (methods[next].way != REALSERVER_NAT && n_wrong)
			ck_abort_msg("%d to %zu: %s", _i, next, findings[0]);
		undo();
		assert_as_before();
	}
}
END_TEST

START_TEST(what_was_there_before_is_not_taken_back)
{
	struct realserver_link *tunl0 = new_link("tunl0", REALSERVER_IPIP);

	tunl0->up = true;
	give("tunl0", "192.0.2.100/32");
	have.all.arp_ignore = 1;
	tunnel(IPVS_TUNNEL_IPIP, 0, "192.0.2.11", "192.0.2.100");
	assert_steps("set net.ipv4.conf.all.arp_announce to 2");
	carry_out();
	undo();
	ck_assert(link_of("tunl0")->up);
	ck_assert_uint_eq(have.n_addresses, 4);
	ck_assert_int_eq(have.all.arp_ignore, 1);
}
END_TEST

START_TEST(a_device_made_anew_gets_its_settings_anew)
{
	have.defaults.rp_filter = 1;
	have.all.arp_ignore = 1;
	have.all.arp_announce = 2;
	tunnel(IPVS_TUNNEL_GRE, 0, "2001:db8::11", "192.0.2.100");
	apply();
	uses[0].flags = IPVS_TUNNEL_CHECKSUM;
	assert_steps("remove ip6gre device tandem-ip6gre for 2001:db8::11",
		"add ip6gre device tandem-ip6gre for 2001:db8::11 with checksum",
		"set net.ipv4.conf.tandem-ip6gre.rp_filter to 2", "set tandem-ip6gre up",
		"add address 192.0.2.100/32 to tandem-ip6gre");
	carry_out();
	assert_no_step();
	assert_good();
}
END_TEST

START_TEST(steps_back_go_from_the_latest_to_the_first)
{
	use(REALSERVER_DIRECT, "192.0.2.11", "192.0.2.100");
	apply();
	n_steps = realserver_undo(&record, steps);
	ck_assert_uint_eq(n_steps, 3);
	ck_assert_str_eq(step_text(0), "remove address 192.0.2.100/32 from lo");
	ck_assert_str_eq(step_text(2), "set net.ipv4.conf.all.arp_ignore back to 0");
}
END_TEST

START_TEST(an_interface_with_a_dot_is_written_as_sysctl_has_it)
{
	struct realserver_step step = {.item = {.what = REALSERVER_SETTING,
					       .name = "net/ipv4/conf/eth0.5/rp_filter",
					       .value = "2",
					       .old = "1"}};
	char text[REALSERVER_TEXT_MAX];

	ck_assert_str_eq(realserver_step_format(&step, text),
		"set net.ipv4.conf.eth0/5.rp_filter to 2 (was 1)");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("realserver");
	TCase *t = tcase_create("rules");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, direct_is_silent_before_it_has_the_address);
	tcase_add_test(t, direct_does_not_mind_the_reverse_path_filter);
	tcase_add_test(t, direct_over_ipv6_needs_the_address_alone);
	tcase_add_test(t, silence_of_each_link_is_as_good_as_of_all);
	tcase_add_test(t, a_stricter_setting_stays);
	tcase_add_test(t, an_address_that_somebody_put_on_a_dummy_stays_there);
	tcase_add_test(t, an_address_on_a_loud_link_is_named_and_left_to_its_owner);
	tcase_add_test(t, an_address_with_its_network_on_lo_is_named);
	tcase_add_test(t, many_addresses_are_counted_once_each);
	tcase_add_test(t, ipip_has_a_device_with_the_address);
	tcase_add_test(t, a_strict_filter_of_all_or_of_the_device_becomes_a_loose_one);
	tcase_add_test(t, a_device_that_is_yet_to_come_has_the_default_filter);
	tcase_add_test(t, an_address_on_lo_will_do_only_when_the_filter_lets_it);
	tcase_add_test(t, each_fault_of_ipip_is_named);
	tcase_add_test(t, gue_is_ipip_behind_a_listener);
	tcase_add_test(t, gre_without_checksum_has_the_modules_device);
	tcase_add_test(t, gre_with_checksum_has_a_device_of_its_own);
	tcase_add_test(t, two_addresses_of_this_host_have_two_devices);
	tcase_add_test(t, somebody_elses_device_that_gets_the_packets_is_used);
	tcase_add_test(t, gre_with_and_without_checksum_to_one_address_is_impossible);
	tcase_add_test(t, inner_and_outer_families_choose_the_device);
	tcase_add_test(t, packet_sizes_are_told_once_for_each_kind_of_tunnel);
	tcase_add_test(t, nat_wants_the_way_back_through_a_floating_address);
	tcase_add_test(t, nat_without_a_floating_address_near_by_is_told);
	tcase_add_test(t, fullnat_wants_nothing);
	tcase_add_test(t, a_mark_without_addresses_is_told);
	tcase_add_test(t, a_server_of_somebody_elses_address_is_told);
	tcase_add_test(t, uses_that_ask_nothing_new_are_dropped);
	tcase_add_loop_test(t, apply_then_undo_leaves_everything_as_it_was, 0, (int)N_METHODS);
	tcase_add_loop_test(t, a_changed_configuration_takes_back_what_is_not_wanted_any_more, 0,
		(int)N_METHODS);
	tcase_add_test(t, what_was_there_before_is_not_taken_back);
	tcase_add_test(t, a_device_made_anew_gets_its_settings_anew);
	tcase_add_test(t, steps_back_go_from_the_latest_to_the_first);
	tcase_add_test(t, an_interface_with_a_dot_is_written_as_sysctl_has_it);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
