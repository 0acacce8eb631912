/* Sync groups: the rules one by one on one director, then two directors with two LANs on one clock,
 * in every combination of LANs that carry, with adverts in any order. */
#include "core/sync_group.h"

#include <check.h>
#include <stdlib.h>

#define MEMBERS 2
#define SECOND_US UINT64_C(1000000)
#define TAKE_OVER (VRRP_DO_CLAIM | VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE)

enum { FRONT, BACK };

static const struct instant t0 = {5000000};

static struct addr host(size_t lan, uint8_t last)
{
	return (struct addr){.family = AF_INET, .bytes = {10, 0, (uint8_t)lan, last}};
}

static struct vrrp_config config(struct addr primary, uint8_t priority, bool preempt)
{
	return (struct vrrp_config){.primary = primary,
		.priority = priority,
		.interval_cs = 100,
		.preempt = preempt,
		.down_intervals = VRRP_DOWN_INTERVALS,
		.grouped = true};
}

/* One director */

static struct sync_group group;
static struct vrrp members[MEMBERS];
static unsigned effects[MEMBERS];

static void step(size_t member, enum vrrp_event_kind kind, struct instant now)
{
	struct vrrp_event event = {.kind = kind};

	sync_group_step(&group, member, &event, now, effects);
}

static void hear(size_t member, uint8_t from, uint8_t priority, struct instant now)
{
	struct vrrp_heard heard = {host(member, from), priority, 100};
	struct vrrp_event event = {.kind = VRRP_EV_ADVERT, .advert = &heard};

	sync_group_step(&group, member, &event, now, effects);
}

static void expect(enum vrrp_state state, enum vrrp_reason front, enum vrrp_reason back)
{
	ck_assert_str_eq(vrrp_state_name(members[FRONT].state), vrrp_state_name(state));
	ck_assert_str_eq(vrrp_state_name(members[BACK].state), vrrp_state_name(state));
	ck_assert_str_eq(vrrp_reason_name(members[FRONT].reason), vrrp_reason_name(front));
	ck_assert_str_eq(vrrp_reason_name(members[BACK].reason), vrrp_reason_name(back));
}

static void expect_effects(unsigned front, unsigned back)
{
	ck_assert_uint_eq(effects[FRONT], front);
	ck_assert_uint_eq(effects[BACK], back);
}

static void start(uint8_t priority)
{
	sync_group_init(&group);
	for (size_t i = 0; i < MEMBERS; i++) {
		struct vrrp_config c = config(host(i, 10), priority, true);
		vrrp_init(&members[i], &c, t0);
		sync_group_add(&group, &members[i]);
	}
	step(FRONT, VRRP_EV_STARTUP, t0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP, VRRP_REASON_STARTUP);
}

static struct instant start_active(uint8_t priority)
{
	struct instant now;

	start(priority);
	now = members[FRONT].deadline;
	step(FRONT, VRRP_EV_TIMER, now);
	expect_effects(0, 0);
	step(BACK, VRRP_EV_TIMER, now);
	expect_effects(TAKE_OVER, TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN, VRRP_REASON_ACTIVE_DOWN);
	return now;
}

START_TEST(a_group_takes_over_when_nobody_better_is_on_any_lan)
{
	struct instant now;

	start(100);
	hear(BACK, 20, 150, instant_add(t0, SECOND_US));
	now = members[FRONT].deadline;
	step(FRONT, VRRP_EV_TIMER, now);
	expect_effects(0, 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP, VRRP_REASON_STARTUP);
	ck_assert(instant_is_never(members[FRONT].deadline));
	now = members[BACK].deadline;
	step(BACK, VRRP_EV_TIMER, now);
	expect_effects(TAKE_OVER, TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(who_resigns_on_one_lan_is_succeeded_on_all)
{
	struct instant now = instant_add(t0, SECOND_US);

	start(100);
	hear(FRONT, 20, 150, now);
	hear(BACK, 21, 150, now);
	hear(BACK, 21, 0, now);
	expect_effects(TAKE_OVER, TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_GROUP, VRRP_REASON_PEER_RESIGNED);
}
END_TEST

/* Only one member has something to prepare. */
static void start_that_prepares(void)
{
	struct vrrp_config c;

	start(100);
	c = members[BACK].config;
	c.prepare_us = SECOND_US;
	(void)vrrp_reconfigure(&members[BACK], &c, t0);
}

START_TEST(a_group_waits_until_all_are_prepared)
{
	struct instant now = instant_add(t0, SECOND_US);

	start_that_prepares();
	hear(FRONT, 20, 150, now);
	hear(BACK, 21, 150, now);
	hear(FRONT, 20, 0, now);
	expect_effects(0, VRRP_DO_PREPARE);
	hear(BACK, 21, 0, now); /* it leaves there, too */
	expect_effects(0, 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP, VRRP_REASON_STARTUP);
	step(BACK, VRRP_EV_PREPARED, instant_add(now, 1));
	expect_effects(TAKE_OVER, TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_PEER_RESIGNED, VRRP_REASON_GROUP);
}
END_TEST

START_TEST(a_group_that_is_not_prepared_in_time_takes_over_all_the_same)
{
	struct instant now;

	start_that_prepares();
	now = members[FRONT].deadline;
	step(FRONT, VRRP_EV_TIMER, now);
	step(BACK, VRRP_EV_TIMER, now);
	expect_effects(0, VRRP_DO_PREPARE);
	now = instant_add(now, SECOND_US);
	ck_assert_uint_eq(members[BACK].deadline.us, now.us);
	step(BACK, VRRP_EV_TIMER, now);
	expect_effects(TAKE_OVER, TAKE_OVER);
}
END_TEST

START_TEST(a_better_router_on_one_lan_ends_what_a_group_prepares)
{
	struct instant now;

	start_that_prepares();
	now = members[FRONT].deadline;
	step(FRONT, VRRP_EV_TIMER, now);
	step(BACK, VRRP_EV_TIMER, now);
	expect_effects(0, VRRP_DO_PREPARE);
	hear(FRONT, 20, 150, now);
	step(BACK, VRRP_EV_PREPARED, now);
	expect_effects(0, 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP, VRRP_REASON_STARTUP);
	step(FRONT, VRRP_EV_TIMER, members[FRONT].deadline);
	expect_effects(0, VRRP_DO_PREPARE); /* again */
}
END_TEST

START_TEST(another_router_that_resigns_on_one_lan_is_not)
{
	struct instant now = instant_add(t0, SECOND_US);

	start(100);
	hear(FRONT, 20, 150, now);
	hear(BACK, 30, 200, now);
	hear(BACK, 30, 0, now);
	expect_effects(0, 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP, VRRP_REASON_STARTUP);
	step(FRONT, VRRP_EV_TIMER, members[FRONT].deadline);
	expect_effects(TAKE_OVER, TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN, VRRP_REASON_PEER_RESIGNED);
}
END_TEST

START_TEST(a_stranger_that_resigns_before_anybody_was_heard_takes_nothing)
{
	start(100);
	hear(BACK, 30, 0, t0);
	expect_effects(0, 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP, VRRP_REASON_STARTUP);
}
END_TEST

START_TEST(a_lost_link_takes_all_and_invites_the_peer_where_it_hears)
{
	struct instant now = start_active(150);

	step(FRONT, VRRP_EV_LINK_DOWN, now);
	expect_effects(VRRP_DO_RELEASE, VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	expect(VRRP_INITIALIZE, VRRP_REASON_LINK_DOWN, VRRP_REASON_GROUP);
	step(BACK, VRRP_EV_STARTUP, now);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP, VRRP_REASON_STARTUP);
	step(BACK, VRRP_EV_FAULT, now);
	expect_effects(0, 0);
	expect(VRRP_INITIALIZE, VRRP_REASON_GROUP, VRRP_REASON_FAULT);
}
END_TEST

START_TEST(a_member_that_loses_takes_all_and_invites_nobody)
{
	struct instant now = start_active(100);

	hear(FRONT, 20, 150, now);
	expect_effects(VRRP_DO_RELEASE | VRRP_DO_ADVERT, VRRP_DO_RELEASE | VRRP_DO_ADVERT);
	expect(VRRP_BACKUP, VRRP_REASON_BETTER_ADVERT, VRRP_REASON_GROUP);
}
END_TEST

START_TEST(shutdown_and_yield_are_for_all)
{
	struct instant now = start_active(100);

	step(FRONT, VRRP_EV_YIELD, now);
	expect_effects(VRRP_DO_RELEASE | VRRP_DO_RESIGN, VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	expect(VRRP_BACKUP, VRRP_REASON_YIELDED, VRRP_REASON_YIELDED);
	now = start_active(100);
	step(BACK, VRRP_EV_SHUTDOWN, now);
	expect_effects(VRRP_DO_RELEASE | VRRP_DO_RESIGN, VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	expect(VRRP_INITIALIZE, VRRP_REASON_SHUTDOWN, VRRP_REASON_SHUTDOWN);
}
END_TEST

START_TEST(who_slept_is_late_on_all_lans)
{
	struct instant now = instant_add(start_active(100), 10 * SECOND_US);

	step(FRONT, VRRP_EV_TIMER, now);
	expect_effects(VRRP_DO_RELEASE, VRRP_DO_RELEASE);
	expect(VRRP_BACKUP, VRRP_REASON_LATE, VRRP_REASON_LATE);
}
END_TEST

START_TEST(a_backup_that_slept_believes_no_silence_of_before)
{
	struct instant now;

	start(100);
	step(FRONT, VRRP_EV_TIMER, members[FRONT].deadline);
	ck_assert_int_eq(members[FRONT].vacant, VRRP_REASON_ACTIVE_DOWN);
	now = instant_add(members[BACK].deadline, 3600 * SECOND_US);
	step(BACK, VRRP_EV_TIMER, now);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP, VRRP_REASON_STARTUP);
	ck_assert(!members[FRONT].vacant);
	ck_assert_uint_eq(members[FRONT].deadline.us, members[BACK].deadline.us);
}
END_TEST

START_TEST(the_first_member_that_hears_the_rival_decides_a_tie)
{
	struct instant now = start_active(100);

	hear(BACK, 20, 100, now); /* its address is higher there, and lower at the front */
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN, VRRP_REASON_ACTIVE_DOWN);
	ck_assert(effects[BACK] & VRRP_DO_ADVERT);
	hear(FRONT, 5, 100, now);
	hear(BACK, 20, 100, instant_add(now, SECOND_US));
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN, VRRP_REASON_ACTIVE_DOWN);
	hear(FRONT, 20, 100, instant_add(now, SECOND_US));
	expect(VRRP_BACKUP, VRRP_REASON_BETTER_ADVERT, VRRP_REASON_GROUP);
}
END_TEST

START_TEST(a_tie_that_the_first_member_does_not_hear_is_decided_where_it_is)
{
	struct instant now = start_active(100);

	for (unsigned i = 0; i < 3; i++) {
		step(FRONT, VRRP_EV_TIMER, now);
		hear(BACK, 20, 100, now);
		expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN, VRRP_REASON_ACTIVE_DOWN);
		now = instant_add(now, SECOND_US);
	}
	step(FRONT, VRRP_EV_TIMER, now);
	now = instant_add(now, SECOND_US / 2);
	hear(BACK, 20, 100, now);
	expect(VRRP_BACKUP, VRRP_REASON_GROUP, VRRP_REASON_BETTER_ADVERT);
}
END_TEST

START_TEST(a_member_whose_peer_vouches_holds_all_and_makes_nobody_listen_anew)
{
	struct vrrp_event event = {.kind = VRRP_EV_TIMER};
	struct instant now;

	start(100);
	hear(FRONT, 3, 150, t0);
	hear(BACK, 3, 150, t0);
	now = members[FRONT].deadline;
	sync_group_step(&group, BACK, &event, now, effects);
	ck_assert_int_eq(members[BACK].vacant, VRRP_REASON_ACTIVE_DOWN);
	event.vouched = instant_add(now, 100000);
	sync_group_step(&group, FRONT, &event, now, effects);
	expect_effects(0, 0);
	ck_assert(members[FRONT].vouched);
	ck_assert_int_eq(members[BACK].vacant, VRRP_REASON_ACTIVE_DOWN);
	now = members[FRONT].deadline;
	sync_group_step(&group, FRONT, &event, now, effects);
	expect_effects(TAKE_OVER, TAKE_OVER);
}
END_TEST

START_TEST(aligning_takes_new_members_along)
{
	struct instant now = start_active(100);
	struct vrrp_config c = config(host(BACK, 10), 100, true);

	vrrp_init(&members[BACK], &c, now);
	sync_group_align(&group, true, now, effects);
	expect_effects(0, TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN, VRRP_REASON_GROUP);
	sync_group_align(&group, false, now, effects);
	expect_effects(VRRP_DO_RELEASE | VRRP_DO_RESIGN, VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	step(FRONT, VRRP_EV_STARTUP, now);
	vrrp_init(&members[BACK], &c, now);
	sync_group_align(&group, true, now, effects);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP, VRRP_REASON_STARTUP);
}
END_TEST

/* Two directors */

#define PACKETS_MAX 256
#define DELAY_MAX_US 2000

struct director {
	struct sync_group group;
	struct vrrp members[MEMBERS];
	bool holds[MEMBERS]; /* what the effects amount to */
	unsigned transitions;
	bool dead;
};

struct packet {
	struct instant arrives;
	size_t to, lan;
	struct vrrp_heard heard;
};

static struct {
	struct director directors[2];
	struct packet packets[PACKETS_MAX];
	size_t n_packets;
	bool carries[MEMBERS];
	uint64_t random;
	struct instant now;
} world;

static uint64_t pick(uint64_t below)
{
	world.random = world.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (world.random >> 33) % below;
}

static void transmit(size_t from, size_t lan, uint8_t priority)
{
	if (world.n_packets == PACKETS_MAX)
		ck_abort_msg("too many packets");
	if (world.carries[lan])
		world.packets[world.n_packets++] =
			(struct packet){.arrives = instant_add(world.now, 1 + pick(DELAY_MAX_US)),
				.to = 1 - from,
				.lan = lan,
				.heard = {world.directors[from].members[lan].config.primary,
					priority, 100}};
}

/* Carries effects out and checks what must hold after each step. */
static void conclude(size_t who, const unsigned *done, enum vrrp_state before)
{
	struct director *d = &world.directors[who];

	for (size_t lan = 0; lan < MEMBERS; lan++) {
		const struct vrrp *v = &d->members[lan];
		if (v->state != d->members[0].state)
			ck_abort_msg("the group is torn");
		if (done[lan] & VRRP_DO_RELEASE)
			d->holds[lan] = false;
		if (done[lan] & VRRP_DO_RESIGN)
			transmit(who, lan, 0);
		if (done[lan] & VRRP_DO_CLAIM)
			d->holds[lan] = true;
		if (done[lan] & VRRP_DO_ADVERT)
			transmit(who, lan, v->config.priority);
		if (d->holds[lan] != (v->state == VRRP_ACTIVE))
			ck_abort_msg("addresses without the state, or the other way round");
	}
	d->transitions += d->members[0].state != before;
}

static void happen(size_t who, size_t lan, const struct vrrp_event *event)
{
	struct director *d = &world.directors[who];
	enum vrrp_state before = d->members[0].state;
	unsigned done[MEMBERS];

	if (d->dead)
		return;
	sync_group_step(&d->group, lan, event, world.now, done);
	conclude(who, done, before);
}

static void tell(size_t who, size_t lan, enum vrrp_event_kind kind)
{
	struct vrrp_event event = {.kind = kind};

	happen(who, lan, &event);
}

static void deliver(size_t i)
{
	struct packet p = world.packets[i];
	struct vrrp_event event = {.kind = VRRP_EV_ADVERT, .advert = &p.heard};

	world.packets[i] = world.packets[--world.n_packets];
	happen(p.to, p.lan, &event);
}

static bool fire_first(struct instant until)
{
	struct instant first = until;
	size_t packet = PACKETS_MAX, who = 2, lan = 0;

	for (size_t i = 0; i < world.n_packets; i++)
		if (world.packets[i].arrives.us < first.us) {
			first = world.packets[i].arrives;
			packet = i;
		}
	for (size_t i = 0; i < 2 * MEMBERS; i++) {
		const struct director *d = &world.directors[i / MEMBERS];
		if (!d->dead && d->members[i % MEMBERS].deadline.us < first.us) {
			first = d->members[i % MEMBERS].deadline;
			packet = PACKETS_MAX;
			who = i / MEMBERS;
			lan = i % MEMBERS;
		}
	}
	if (packet == PACKETS_MAX && who == 2)
		return false;
	world.now = first.us > world.now.us ? first : world.now;
	if (packet < PACKETS_MAX)
		deliver(packet);
	else
		tell(who, lan, VRRP_EV_TIMER);
	return true;
}

static void run(uint64_t us)
{
	struct instant until = instant_add(world.now, us);

	while (fire_first(until))
		;
	world.now = until;
}

static void begin(size_t who, uint8_t priority, bool preempt)
{
	struct director *d = &world.directors[who];

	*d = (struct director){0};
	sync_group_init(&d->group);
	for (size_t lan = 0; lan < MEMBERS; lan++) {
		/* The higher address is another director's on each LAN. */
		uint8_t last = (uint8_t)(who == lan ? 20 : 10);
		struct vrrp_config c = config(host(lan, last), priority, preempt);
		vrrp_init(&d->members[lan], &c, world.now);
		sync_group_add(&d->group, &d->members[lan]);
	}
	tell(who, 0, VRRP_EV_STARTUP);
}

static void connect_lans(bool front, bool back)
{
	world.carries[FRONT] = front;
	world.carries[BACK] = back;
	if (!front || !back)
		world.n_packets = 0;
}

static bool is_active(size_t who)
{
	return !world.directors[who].dead && world.directors[who].members[0].state == VRRP_ACTIVE;
}

/* Nothing changes any more, and as many are Active as cannot hear each other. */
static void expect_peace(unsigned active)
{
	unsigned before;

	run(15 * SECOND_US);
	before = world.directors[0].transitions + world.directors[1].transitions;
	run(60 * SECOND_US);
	ck_assert_msg(world.directors[0].transitions + world.directors[1].transitions == before,
		"they fight");
	ck_assert_uint_eq(is_active(0) + is_active(1), active);
}

/* _i: priorities and preemption. */
static void begin_both(int i)
{
	static const uint8_t priorities[][2] = {{150, 100}, {100, 100}, {100, 150}};
	bool preempt = i / 3;

	world.n_packets = 0;
	world.now = t0;
	world.random = (uint64_t)i + 1;
	connect_lans(true, true);
	begin(0, priorities[i % 3][0], preempt);
	world.now = instant_add(t0, pick(3 * SECOND_US));
	begin(1, priorities[i % 3][1], preempt);
	expect_peace(1);
}

START_TEST(one_cut_lan_moves_nothing)
{
	for (size_t cut = 0; cut < MEMBERS; cut++) {
		bool first;
		begin_both(_i);
		first = is_active(0);
		connect_lans(cut != FRONT, cut != BACK);
		expect_peace(1);
		ck_assert_int_eq(is_active(0), first);
		connect_lans(true, true);
		expect_peace(1);
		ck_assert_int_eq(is_active(0), first);
	}
}
END_TEST

START_TEST(after_any_partition_one_director_has_all)
{
	for (unsigned seed = 0; seed < 200; seed++) {
		begin_both(_i);
		world.random = seed * 7919 + 1;
		connect_lans(false, false);
		expect_peace(2);
		run(pick(SECOND_US));
		connect_lans(seed % 3 != 1, seed % 3 != 2); /* both heal, or one */
		expect_peace(1);
		connect_lans(true, true);
		expect_peace(1);
	}
}
END_TEST

START_TEST(a_dead_director_is_succeeded_and_comes_back_in_peace)
{
	for (unsigned seed = 0; seed < 50; seed++) {
		size_t dead;
		begin_both(_i);
		world.random = seed * 7919 + 1;
		dead = is_active(0) ? 0 : 1;
		connect_lans(seed % 3 != 1, seed % 3 != 2);
		run(5 * SECOND_US);
		world.directors[dead].dead = true;
		expect_peace(1);
		begin(dead, world.directors[dead].members[0].config.priority,
			world.directors[dead].members[0].config.preempt);
		expect_peace(1);
		connect_lans(true, true);
		expect_peace(1);
	}
}
END_TEST

START_TEST(a_lost_link_moves_both_lans_within_a_delay)
{
	for (size_t lan = 0; lan < MEMBERS; lan++) {
		size_t from;
		struct instant cut;
		begin_both(_i);
		from = is_active(0) ? 0 : 1;
		cut = world.now;
		tell(from, lan, VRRP_EV_LINK_DOWN);
		run(SECOND_US);
		ck_assert(is_active(1 - from));
		ck_assert_uint_le(
			world.directors[1 - from].members[0].since.us, cut.us + DELAY_MAX_US);
		tell(from, 0, VRRP_EV_STARTUP);
		expect_peace(1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync_group");
	TCase *rules = tcase_create("rules"), *pair = tcase_create("pair");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(rules, a_group_takes_over_when_nobody_better_is_on_any_lan);
	tcase_add_test(rules, who_resigns_on_one_lan_is_succeeded_on_all);
	tcase_add_test(rules, a_group_waits_until_all_are_prepared);
	tcase_add_test(rules, a_group_that_is_not_prepared_in_time_takes_over_all_the_same);
	tcase_add_test(rules, a_better_router_on_one_lan_ends_what_a_group_prepares);
	tcase_add_test(rules, another_router_that_resigns_on_one_lan_is_not);
	tcase_add_test(rules, a_stranger_that_resigns_before_anybody_was_heard_takes_nothing);
	tcase_add_test(rules, a_lost_link_takes_all_and_invites_the_peer_where_it_hears);
	tcase_add_test(rules, a_member_that_loses_takes_all_and_invites_nobody);
	tcase_add_test(rules, shutdown_and_yield_are_for_all);
	tcase_add_test(rules, who_slept_is_late_on_all_lans);
	tcase_add_test(rules, a_backup_that_slept_believes_no_silence_of_before);
	tcase_add_test(rules, the_first_member_that_hears_the_rival_decides_a_tie);
	tcase_add_test(rules, a_tie_that_the_first_member_does_not_hear_is_decided_where_it_is);
	tcase_add_test(rules, a_member_whose_peer_vouches_holds_all_and_makes_nobody_listen_anew);
	tcase_add_test(rules, aligning_takes_new_members_along);
	tcase_add_loop_test(pair, one_cut_lan_moves_nothing, 0, 6);
	tcase_add_loop_test(pair, after_any_partition_one_director_has_all, 0, 6);
	tcase_add_loop_test(pair, a_dead_director_is_succeeded_and_comes_back_in_peace, 0, 6);
	tcase_add_loop_test(pair, a_lost_link_moves_both_lans_within_a_delay, 0, 6);
	suite_add_tcase(suite, rules);
	suite_add_tcase(suite, pair);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
