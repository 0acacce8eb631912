/* The state machine: RFC 9568, section 6.4, state by state, then the rules beyond it. */
#include "core/vrrp.h"

#include <check.h>
#include <stdlib.h>

#define TAKE_OVER (VRRP_DO_CLAIM | VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE)
#define SECOND_US UINT64_C(1000000)
#define DOWN_AT_100_US (3 * SECOND_US + 609375) /* 3 * 1 s + 156/256 s */

static const struct instant t0 = {5000000};
static struct vrrp v;

static struct addr host(uint8_t last)
{
	return (struct addr){.family = AF_INET, .bytes = {192, 0, 2, last}};
}

static struct vrrp_config config(uint8_t priority, bool preempt)
{
	return (struct vrrp_config){.primary = host(10),
		.priority = priority,
		.interval_cs = 100,
		.preempt = preempt,
		.down_intervals = VRRP_DOWN_INTERVALS};
}

static struct instant just_before(struct instant t)
{
	return (struct instant){t.us - 1};
}

static unsigned step(enum vrrp_event_kind kind, struct instant now)
{
	struct vrrp_event event = {.kind = kind};

	return vrrp_step(&v, &event, now);
}

static unsigned hear_interval(
	uint8_t from, uint8_t priority, uint16_t interval_cs, struct instant now)
{
	struct vrrp_heard heard = {host(from), priority, interval_cs};
	struct vrrp_event event = {.kind = VRRP_EV_ADVERT, .advert = &heard};

	return vrrp_step(&v, &event, now);
}

static unsigned hear(uint8_t from, uint8_t priority, struct instant now)
{
	return hear_interval(from, priority, 100, now);
}

static void start(uint8_t priority, bool preempt)
{
	struct vrrp_config c = config(priority, preempt);

	vrrp_init(&v, &c, t0);
	(void)step(VRRP_EV_STARTUP, t0);
}

/* A router that became Active at v.since. */
static void start_active(uint8_t priority)
{
	start(priority, true);
	if (v.state == VRRP_BACKUP)
		ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), TAKE_OVER);
	ck_assert_int_eq(v.state, VRRP_ACTIVE);
}

static void expect(enum vrrp_state state, enum vrrp_reason reason)
{
	ck_assert_str_eq(vrrp_state_name(v.state), vrrp_state_name(state));
	ck_assert_str_eq(vrrp_reason_name(v.reason), vrrp_reason_name(reason));
}

/* 6.4.1 */

START_TEST(initialize_hears_and_does_nothing)
{
	struct vrrp_config c = config(100, true);

	vrrp_init(&v, &c, t0);
	expect(VRRP_INITIALIZE, VRRP_REASON_NONE);
	ck_assert(instant_is_never(v.deadline));
	ck_assert_uint_eq(hear(20, 0, t0), 0);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, t0), 0);
	ck_assert_uint_eq(step(VRRP_EV_SHUTDOWN, t0), 0);
	ck_assert_uint_eq(step(VRRP_EV_LINK_DOWN, t0), 0);
	expect(VRRP_INITIALIZE, VRRP_REASON_NONE);
}
END_TEST

START_TEST(startup_listens_for_active_down_interval)
{
	start(100, true);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	ck_assert_uint_eq(v.deadline.us, t0.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(the_address_owner_is_active_at_startup)
{
	struct vrrp_config c = config(255, true);
	struct vrrp_event startup = {.kind = VRRP_EV_STARTUP};

	vrrp_init(&v, &c, t0);
	ck_assert_uint_eq(vrrp_step(&v, &startup, t0), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_OWNER);
	ck_assert_uint_eq(v.deadline.us, t0.us + SECOND_US);
}
END_TEST

START_TEST(an_adopter_goes_on_as_active_and_speaks_at_once)
{
	struct vrrp_config c = config(100, true);

	vrrp_init(&v, &c, t0);
	ck_assert_uint_eq(step(VRRP_EV_ADOPT, t0), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_ADOPTED);
	ck_assert_uint_eq(v.deadline.us, t0.us + SECOND_US);
}
END_TEST

/* 6.4.2 */

START_TEST(backup_takes_over_at_active_down_and_not_one_microsecond_sooner)
{
	start(100, true);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, just_before(v.deadline)), 0);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(a_better_or_equal_advert_restarts_the_wait_with_its_interval)
{
	struct instant later = instant_add(t0, SECOND_US);

	start(100, true);
	ck_assert_uint_eq(hear_interval(20, 150, 200, later), 0);
	ck_assert_uint_eq(v.deadline.us, later.us + 2 * DOWN_AT_100_US);
	ck_assert_uint_eq(hear(20, 100, later), 0);
	ck_assert_uint_eq(v.deadline.us, later.us + DOWN_AT_100_US);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
}
END_TEST

START_TEST(a_worse_advert_does_not_hold_back_one_who_preempts)
{
	start(100, true);
	ck_assert_uint_eq(hear(20, 99, instant_add(t0, SECOND_US)), 0);
	ck_assert_uint_eq(v.deadline.us, t0.us + DOWN_AT_100_US);
}
END_TEST

/* 6.4.2 sets Active_Adver_Interval only from an advert that restarts the wait. */
START_TEST(a_worse_advert_teaches_no_interval_to_one_who_preempts)
{
	start(100, true);
	(void)hear_interval(20, 99, 300, instant_add(t0, SECOND_US));
	ck_assert_uint_eq(v.active_interval_cs, 100);
	ck_assert_uint_eq(v.deadline.us, t0.us + DOWN_AT_100_US);
	(void)hear_interval(20, 100, 300, instant_add(t0, SECOND_US));
	ck_assert_uint_eq(v.active_interval_cs, 300);
}
END_TEST

START_TEST(without_preempt_any_advert_holds_back)
{
	struct instant later = instant_add(t0, SECOND_US);

	start(100, false);
	ck_assert_uint_eq(hear(20, 1, later), 0);
	ck_assert_uint_eq(v.deadline.us, later.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(after_priority_0_a_backup_takes_over_at_once)
{
	start(100, false);
	ck_assert_uint_eq(hear(20, 150, t0), 0);
	ck_assert_uint_eq(hear(20, 0, t0), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_PEER_RESIGNED);
}
END_TEST

START_TEST(priority_0_of_another_than_the_active_router_is_ignored)
{
	start(100, true);
	ck_assert_uint_eq(hear(20, 150, t0), 0);
	ck_assert_uint_eq(hear(30, 0, t0), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
}
END_TEST

START_TEST(a_worse_active_router_that_resigns_is_followed_at_once)
{
	start(100, true);
	ck_assert_uint_eq(hear(20, 50, t0), 0);
	ck_assert_uint_eq(hear(20, 0, t0), TAKE_OVER);
}
END_TEST

START_TEST(backup_leaves_in_silence)
{
	start(100, true);
	ck_assert_uint_eq(step(VRRP_EV_SHUTDOWN, t0), 0);
	expect(VRRP_INITIALIZE, VRRP_REASON_SHUTDOWN);
	ck_assert(instant_is_never(v.deadline));
	start(100, true);
	ck_assert_uint_eq(step(VRRP_EV_LINK_DOWN, t0), 0);
	expect(VRRP_INITIALIZE, VRRP_REASON_LINK_DOWN);
}
END_TEST

START_TEST(startup_and_adopt_mean_nothing_once_started)
{
	start(100, true);
	ck_assert_uint_eq(step(VRRP_EV_STARTUP, t0), 0);
	ck_assert_uint_eq(step(VRRP_EV_ADOPT, t0), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	start_active(100);
	ck_assert_uint_eq(step(VRRP_EV_STARTUP, v.since), 0);
	ck_assert_uint_eq(step(VRRP_EV_ADOPT, v.since), 0);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

/* 6.4.3 */

START_TEST(active_advertises_each_interval)
{
	start_active(100);
	for (int i = 0; i < 3; i++) {
		struct instant due = v.deadline;
		ck_assert_uint_eq(step(VRRP_EV_TIMER, just_before(due)), 0);
		ck_assert_uint_eq(step(VRRP_EV_TIMER, due), VRRP_DO_ADVERT);
		ck_assert_uint_eq(v.deadline.us, due.us + SECOND_US);
	}
}
END_TEST

START_TEST(active_leaves_by_release_then_resign)
{
	start_active(100);
	ck_assert_uint_eq(step(VRRP_EV_SHUTDOWN, v.since), VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	ck_assert_uint_lt(VRRP_DO_RELEASE, VRRP_DO_RESIGN);
	expect(VRRP_INITIALIZE, VRRP_REASON_SHUTDOWN);
}
END_TEST

START_TEST(a_lost_link_releases_and_needs_no_word)
{
	start_active(100);
	ck_assert_uint_eq(step(VRRP_EV_LINK_DOWN, v.since), VRRP_DO_RELEASE);
	expect(VRRP_INITIALIZE, VRRP_REASON_LINK_DOWN);
	ck_assert_uint_eq(step(VRRP_EV_STARTUP, v.since), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
}
END_TEST

START_TEST(a_lost_address_releases_and_resigns)
{
	start_active(100);
	ck_assert_uint_eq(step(VRRP_EV_NO_ADDRESS, v.since), VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	expect(VRRP_INITIALIZE, VRRP_REASON_NO_ADDRESS);
	ck_assert_uint_eq(step(VRRP_EV_NO_ADDRESS, v.since), 0);
	start(100, true);
	ck_assert_uint_eq(step(VRRP_EV_NO_ADDRESS, t0), 0);
	expect(VRRP_INITIALIZE, VRRP_REASON_NO_ADDRESS);
}
END_TEST

START_TEST(a_fault_releases_and_resigns_and_its_end_joins_as_backup)
{
	start_active(100);
	ck_assert_uint_eq(step(VRRP_EV_FAULT, v.since), VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	expect(VRRP_INITIALIZE, VRRP_REASON_FAULT);
	ck_assert_uint_eq(step(VRRP_EV_FAULT, v.since), 0);
	ck_assert_uint_eq(step(VRRP_EV_STARTUP, v.since), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	ck_assert_uint_eq(step(VRRP_EV_FAULT, t0), 0);
	expect(VRRP_INITIALIZE, VRRP_REASON_FAULT);
}
END_TEST

START_TEST(a_fault_explains_initialize_from_then_on)
{
	start_active(100);
	(void)step(VRRP_EV_LINK_DOWN, v.since);
	ck_assert_uint_eq(step(VRRP_EV_FAULT, v.since), 0);
	expect(VRRP_INITIALIZE, VRRP_REASON_FAULT);
}
END_TEST

START_TEST(active_answers_priority_0_with_an_advert)
{
	start_active(100);
	ck_assert(hear(20, 0, v.since) & VRRP_DO_ADVERT);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(active_yields_to_a_better_advert_and_says_one_last_word)
{
	struct instant later;

	start_active(100);
	later = instant_add(v.since, SECOND_US / 2);
	ck_assert_uint_eq(hear_interval(20, 101, 200, later), VRRP_DO_RELEASE | VRRP_DO_ADVERT);
	expect(VRRP_BACKUP, VRRP_REASON_BETTER_ADVERT);
	ck_assert_uint_eq(v.deadline.us, later.us + 2 * DOWN_AT_100_US);
	ck_assert(addr_equal(&v.peer, &(struct addr){.family = AF_INET, .bytes = {192, 0, 2, 20}}));
}
END_TEST

START_TEST(between_equal_priorities_the_higher_address_stays)
{
	start_active(100);
	ck_assert(hear(9, 100, v.since) & VRRP_DO_ADVERT);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
	ck_assert_uint_eq(hear(11, 100, v.since), VRRP_DO_RELEASE | VRRP_DO_ADVERT);
	expect(VRRP_BACKUP, VRRP_REASON_BETTER_ADVERT);
}
END_TEST

START_TEST(two_owners_are_told_apart_by_address)
{
	start_active(255);
	ck_assert(hear(9, 255, v.since) & VRRP_DO_ADVERT);
	ck_assert_uint_eq(hear(11, 255, v.since), VRRP_DO_RELEASE | VRRP_DO_ADVERT);
}
END_TEST

START_TEST(an_advert_with_our_own_address_is_not_answered)
{
	start_active(100);
	ck_assert_uint_eq(hear(10, 100, v.since), 0);
	ck_assert_uint_eq(hear(10, 200, v.since), 0);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(our_own_priority_0_that_comes_back_does_not_undo_a_switchover)
{
	struct instant t;

	start_active(100);
	t = v.since;
	ck_assert_uint_eq(step(VRRP_EV_YIELD, t), VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	ck_assert_uint_eq(hear(10, 0, t), 0);
	expect(VRRP_BACKUP, VRRP_REASON_YIELDED);
	ck_assert_uint_eq(v.deadline.us, t.us + DOWN_AT_100_US);
	ck_assert_uint_eq(hear(20, 0, t), TAKE_OVER); /* the peer's still counts */
}
END_TEST

START_TEST(the_winner_announces_again_once_in_an_interval)
{
	struct instant t;

	start_active(100);
	t = v.since;
	ck_assert_uint_eq(hear(20, 50, t), VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE);
	ck_assert_uint_eq(hear(20, 50, instant_add(t, 1)), VRRP_DO_ADVERT);
	t = instant_add(t, SECOND_US);
	ck_assert_uint_eq(hear(20, 50, just_before(t)), VRRP_DO_ADVERT);
	ck_assert_uint_eq(hear(20, 50, t), VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE);
	ck_assert_uint_eq(v.deadline.us, t.us + SECOND_US);
}
END_TEST

START_TEST(what_was_too_soon_to_announce_comes_with_the_next_advert)
{
	struct vrrp_config config;

	start_active(100);
	ck_assert_uint_eq(hear(20, 50, v.since), VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE);
	ck_assert_uint_eq(hear(20, 50, instant_add(v.since, 1)), VRRP_DO_ADVERT);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), VRRP_DO_ADVERT);

	ck_assert_uint_eq(hear(20, 50, v.mark), VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE);
	ck_assert_uint_eq(hear(20, 50, v.mark), VRRP_DO_ADVERT);
	config = v.config;
	config.priority = 90;
	ck_assert_uint_eq(vrrp_reconfigure(&v, &config, v.mark), VRRP_DO_ADVERT | VRRP_DO_ANNOUNCE);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), VRRP_DO_ADVERT);
}
END_TEST

/* Late is lost */

static struct instant lost_at(void)
{
	return instant_add(v.mark, vrrp_shortest_down_us(100, VRRP_DOWN_INTERVALS));
}

START_TEST(active_that_wakes_too_late_releases_and_listens)
{
	struct instant late;

	start_active(100);
	late = lost_at();
	ck_assert_uint_eq(step(VRRP_EV_TIMER, late), VRRP_DO_RELEASE);
	expect(VRRP_BACKUP, VRRP_REASON_LATE);
	ck_assert_uint_eq(v.deadline.us, late.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(active_that_wakes_just_in_time_goes_on)
{
	start_active(100);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, just_before(lost_at())), VRRP_DO_ADVERT);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(a_sleep_of_an_hour_is_late_whatever_wakes_us)
{
	struct instant late;

	start_active(100);
	late = instant_add(v.since, 3600 * SECOND_US);
	ck_assert_uint_eq(hear(20, 50, late), VRRP_DO_RELEASE);
	expect(VRRP_BACKUP, VRRP_REASON_LATE);
	start_active(100);
	ck_assert_uint_eq(hear(20, 150, late), VRRP_DO_RELEASE);
	expect(VRRP_BACKUP, VRRP_REASON_LATE);
	ck_assert_uint_eq(v.deadline.us, late.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(a_late_one_who_is_asked_to_leave_leaves)
{
	struct instant late;

	start_active(100);
	late = instant_add(v.since, 3600 * SECOND_US);
	ck_assert_uint_eq(step(VRRP_EV_SHUTDOWN, late), VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	expect(VRRP_INITIALIZE, VRRP_REASON_SHUTDOWN);
}
END_TEST

START_TEST(a_late_one_who_hears_the_peer_resign_takes_over_again)
{
	start_active(100);
	ck_assert_uint_eq(
		hear(20, 0, instant_add(v.since, 3600 * SECOND_US)), VRRP_DO_RELEASE | TAKE_OVER);
}
END_TEST

START_TEST(a_backup_that_slept_listens_again_before_it_takes_over)
{
	struct instant late;

	start(100, true);
	late = instant_add(v.deadline, DOWN_AT_100_US);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, late), TAKE_OVER);
	start(100, true);
	late = instant_add(v.deadline, DOWN_AT_100_US + 1);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, late), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	ck_assert_uint_eq(v.deadline.us, late.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(a_clock_that_jumps_back_makes_nothing_happen)
{
	struct instant before = {1};

	start(100, true);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, before), 0);
	start_active(100);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, before), 0);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(the_shortest_active_down_interval_is_that_of_priority_255)
{
	ck_assert_uint_eq(
		vrrp_shortest_down_us(100, VRRP_DOWN_INTERVALS), 3 * SECOND_US + SECOND_US / 256);
	ck_assert_uint_eq(vrrp_shortest_down_us(1, VRRP_DOWN_INTERVALS), 30000 + 39);
}
END_TEST

/* An advert cannot silence us */

START_TEST(a_learned_interval_is_capped_at_ten_times_our_own)
{
	start(100, true);
	(void)hear_interval(20, 150, 1000, t0);
	ck_assert_uint_eq(v.deadline.us, t0.us + 10 * DOWN_AT_100_US);
	(void)hear_interval(20, 150, 1001, t0);
	ck_assert_uint_eq(v.deadline.us, t0.us + 10 * DOWN_AT_100_US);
	(void)hear_interval(20, 150, 4095, t0);
	ck_assert_uint_eq(v.deadline.us, t0.us + 10 * DOWN_AT_100_US);
}
END_TEST

/* Settings in place */

START_TEST(new_settings_change_nothing_that_is_the_same)
{
	struct vrrp_config c = config(100, true);
	struct vrrp before;

	start_active(100);
	before = v;
	ck_assert_uint_eq(vrrp_reconfigure(&v, &c, instant_add(v.since, SECOND_US / 3)), 0);
	ck_assert_uint_eq(v.deadline.us, before.deadline.us);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(active_tells_at_once_what_changed)
{
	struct vrrp_config c = config(100, true);
	struct instant now;

	start_active(100);
	now = instant_add(v.since, SECOND_US / 3);
	c.interval_cs = 300;
	ck_assert_uint_eq(vrrp_reconfigure(&v, &c, now), VRRP_DO_ADVERT);
	ck_assert_uint_eq(v.deadline.us, now.us + 3 * SECOND_US);
	c.priority = 90;
	ck_assert_uint_eq(vrrp_reconfigure(&v, &c, now), VRRP_DO_ADVERT);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(backup_moves_its_deadline_with_its_priority)
{
	struct vrrp_config c = config(200, true);

	start(100, true);
	ck_assert_uint_eq(vrrp_reconfigure(&v, &c, instant_add(t0, SECOND_US)), 0);
	ck_assert_uint_eq(v.deadline.us, t0.us + 3 * SECOND_US + 56 * SECOND_US / 256);
}
END_TEST

START_TEST(backup_that_becomes_humbler_waits_afresh)
{
	struct vrrp_config lower = config(50, true), patient = config(100, false);
	struct instant now = instant_add(t0, 3 * SECOND_US);

	start(100, true);
	ck_assert_uint_eq(hear(20, 60, now), 0);
	ck_assert_uint_eq(vrrp_reconfigure(&v, &lower, now), 0);
	ck_assert_uint_eq(v.deadline.us, now.us + 3 * SECOND_US + 206 * SECOND_US / 256);
	start(100, true);
	ck_assert_uint_eq(vrrp_reconfigure(&v, &patient, now), 0);
	ck_assert_uint_eq(v.deadline.us, now.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(a_late_one_is_late_at_reload_too)
{
	struct vrrp_config c = config(120, true);

	start_active(100);
	ck_assert_uint_eq(
		vrrp_reconfigure(&v, &c, instant_add(v.since, 10 * SECOND_US)), VRRP_DO_RELEASE);
	expect(VRRP_BACKUP, VRRP_REASON_LATE);
}
END_TEST

START_TEST(every_state_and_reason_has_a_name_of_its_own)
{
	for (enum vrrp_reason i = 0; i < VRRP_REASON_MAX_; i++)
		for (enum vrrp_reason k = 0; k < i; k++)
			ck_assert_str_ne(vrrp_reason_name(i), vrrp_reason_name(k));
	ck_assert_str_eq(vrrp_state_name(VRRP_INITIALIZE), "initialize");
	ck_assert_str_eq(vrrp_state_name(VRRP_BACKUP), "backup");
	ck_assert_str_eq(vrrp_state_name(VRRP_ACTIVE), "active");
}
END_TEST

/* Policy */

static void start_with(struct vrrp_config c)
{
	vrrp_init(&v, &c, t0);
	(void)step(VRRP_EV_STARTUP, t0);
}

static struct vrrp_config patient(uint64_t preempt_delay_us)
{
	struct vrrp_config c = config(100, true);

	c.preempt_delay_us = preempt_delay_us;
	return c;
}

START_TEST(active_down_counts_as_many_intervals_as_configured)
{
	struct vrrp_config c = config(100, true);

	c.down_intervals = 10;
	start_with(c);
	ck_assert_uint_eq(v.deadline.us, t0.us + 10 * SECOND_US + 609375);
	c.down_intervals = 1;
	start_with(c);
	ck_assert_uint_eq(v.deadline.us, t0.us + SECOND_US + 609375);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), TAKE_OVER);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, instant_add(v.mark, vrrp_shortest_down_us(100, 1))),
		VRRP_DO_RELEASE);
	expect(VRRP_BACKUP, VRRP_REASON_LATE);
}
END_TEST

START_TEST(version_2_counts_skew_in_seconds_and_learns_no_interval)
{
	struct vrrp_config c = config(100, true);

	c.version = 2;
	c.interval_cs = 500;
	start_with(c);
	ck_assert_uint_eq(v.deadline.us, t0.us + 15 * SECOND_US + 609375);
	ck_assert_uint_eq(hear_interval(20, 150, 100, t0), 0);
	ck_assert_uint_eq(v.deadline.us, t0.us + 15 * SECOND_US + 609375);
	ck_assert_uint_eq(vrrp_shortest_down_us(500, 3), 15 * SECOND_US + SECOND_US / 256);
}
END_TEST

/* A lesser router is Active and advertises each second, until `end`; returns when ours takes over.
 */
static struct instant overtakes_at(uint8_t priority, struct instant end)
{
	for (struct instant t = t0; t.us < end.us; t = instant_add(t, SECOND_US)) {
		if (instant_reached(v.deadline, t) && step(VRRP_EV_TIMER, v.deadline))
			return v.since;
		(void)hear(20, priority, t);
	}
	return INSTANT_NEVER;
}

START_TEST(preempt_delay_counts_from_the_first_advert_of_a_lesser_router)
{
	start_with(patient(30 * SECOND_US));
	/* The last advert that it waited for came at 29 s. */
	ck_assert_uint_eq(overtakes_at(50, instant_add(t0, 60 * SECOND_US)).us,
		t0.us + 29 * SECOND_US + DOWN_AT_100_US);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(preempt_delay_opens_no_gap_when_the_lesser_router_dies)
{
	start_with(patient(30 * SECOND_US));
	ck_assert_uint_eq(overtakes_at(50, instant_add(t0, 10 * SECOND_US)).us, INSTANT_NEVER.us);
	ck_assert_uint_eq(v.deadline.us, t0.us + 9 * SECOND_US + DOWN_AT_100_US);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), TAKE_OVER);
}
END_TEST

START_TEST(a_better_router_ends_the_count_of_preempt_delay)
{
	struct instant later = instant_add(t0, 20 * SECOND_US);

	start_with(patient(30 * SECOND_US));
	(void)hear(20, 50, t0);
	(void)hear(20, 150, later);
	ck_assert(instant_is_never(v.preempt_from));
	later = instant_add(later, SECOND_US);
	(void)hear(20, 50, later);
	ck_assert_uint_eq(v.preempt_from.us, later.us + 30 * SECOND_US);
}
END_TEST

START_TEST(a_resignation_is_followed_within_preempt_delay)
{
	start_with(patient(30 * SECOND_US));
	(void)hear(20, 50, t0);
	ck_assert_uint_eq(hear(20, 0, instant_add(t0, SECOND_US)), TAKE_OVER);
}
END_TEST

START_TEST(who_lowers_itself_to_the_least_priority_is_not_kept_waiting)
{
	struct instant later = instant_add(t0, SECOND_US);

	start_with(patient(30 * SECOND_US));
	(void)hear(20, 150, t0);
	(void)hear(20, VRRP_PRIORITY_LEAST, later);
	ck_assert_uint_eq(v.deadline.us, t0.us + DOWN_AT_100_US);
	/* One that has had it all along does not ask. */
	start_with(patient(30 * SECOND_US));
	(void)hear(20, VRRP_PRIORITY_LEAST, t0);
	(void)hear(20, VRRP_PRIORITY_LEAST, later);
	ck_assert_uint_eq(v.deadline.us, later.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(who_took_the_place_of_one_that_asked_has_not_asked)
{
	struct instant later = instant_add(t0, SECOND_US), last = instant_add(later, SECOND_US);

	start_with(patient(30 * SECOND_US));
	(void)hear(20, 150, t0);
	(void)hear(20, VRRP_PRIORITY_LEAST, later);
	(void)hear(21, 50, last);
	ck_assert_uint_eq(v.preempt_from.us, last.us + 30 * SECOND_US);
	ck_assert_uint_eq(v.deadline.us, last.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(who_does_not_ask_any_more_is_waited_for)
{
	struct instant later = instant_add(t0, SECOND_US), last = instant_add(later, SECOND_US);

	start_with(patient(30 * SECOND_US));
	(void)hear(20, 150, t0);
	(void)hear(20, VRRP_PRIORITY_LEAST, later);
	(void)hear(20, 50, last);
	ck_assert_uint_eq(v.preempt_from.us, last.us + 30 * SECOND_US);
	ck_assert_uint_eq(v.deadline.us, last.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(the_owner_preempts_whatever_is_configured)
{
	struct vrrp_config c = config(255, false);
	struct instant t;

	c.preempt_delay_us = 30 * SECOND_US;
	start_with(c);
	t = v.since;
	(void)step(VRRP_EV_YIELD, t);
	expect(VRRP_BACKUP, VRRP_REASON_YIELDED);
	t = v.deadline;
	(void)hear(20, 254, just_before(t));
	ck_assert_uint_eq(v.deadline.us, t.us);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, t), TAKE_OVER);
}
END_TEST

static struct vrrp_config settling(uint8_t priority)
{
	struct vrrp_config c = config(priority, true);

	c.settle_us = 40 * SECOND_US;
	return c;
}

START_TEST(silence_is_not_believed_before_the_link_has_settled)
{
	start_with(settling(100));
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	ck_assert_uint_eq(v.deadline.us, t0.us + 40 * SECOND_US);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, just_before(v.deadline)), 0);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), TAKE_OVER);
}
END_TEST

START_TEST(who_was_heard_while_the_link_settles_is_succeeded_and_not_preempted)
{
	struct instant later = instant_add(t0, SECOND_US);

	start_with(settling(100));
	(void)hear(20, 50, t0);
	(void)hear(20, 50, later);
	ck_assert_uint_eq(v.deadline.us, later.us + DOWN_AT_100_US);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), TAKE_OVER);
	start_with(settling(100));
	(void)hear(20, 150, t0);
	ck_assert_uint_eq(hear(20, 0, later), TAKE_OVER);
}
END_TEST

START_TEST(a_link_settles_again_when_it_was_down_and_not_after_a_fault)
{
	struct instant settled = instant_add(t0, 40 * SECOND_US);

	start_with(settling(100));
	(void)step(VRRP_EV_TIMER, settled);
	(void)step(VRRP_EV_FAULT, settled);
	(void)step(VRRP_EV_STARTUP, settled);
	ck_assert_uint_eq(v.deadline.us, settled.us + DOWN_AT_100_US);
	(void)step(VRRP_EV_FAULT, settled);
	(void)step(VRRP_EV_LINK_DOWN, settled);
	(void)step(VRRP_EV_STARTUP, settled);
	ck_assert_uint_eq(v.deadline.us, settled.us + 40 * SECOND_US);
}
END_TEST

START_TEST(the_owner_and_its_link_settle_first)
{
	start_with(settling(255));
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	ck_assert_uint_eq(v.deadline.us, t0.us + 40 * SECOND_US);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_OWNER);
}
END_TEST

START_TEST(an_adopter_does_not_wait_for_its_link_to_settle)
{
	struct vrrp_config c = settling(100);

	vrrp_init(&v, &c, t0);
	ck_assert_uint_eq(step(VRRP_EV_ADOPT, t0), TAKE_OVER);
}
END_TEST

/* A second opinion */

static unsigned time_out(struct instant vouched, struct instant now)
{
	struct vrrp_event event = {.kind = VRRP_EV_TIMER, .vouched = vouched};

	return vrrp_step(&v, &event, now);
}

START_TEST(a_backup_does_not_take_over_while_the_peer_is_known_to_be_active)
{
	struct instant now;

	start(100, true);
	(void)hear(3, 150, t0);
	now = v.deadline;
	for (int i = 0; i < 50; i++) {
		ck_assert_uint_eq(time_out(instant_add(now, 250000), now), 0);
		expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
		ck_assert(v.vouched);
		ck_assert_uint_eq(v.deadline.us, now.us + 250000);
		now = v.deadline;
	}
	ck_assert_uint_eq(time_out(now, now), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
	ck_assert(!v.vouched);
}
END_TEST

START_TEST(the_peer_is_asked_again_in_each_interval)
{
	start(100, true);
	(void)hear(3, 150, t0);
	ck_assert_uint_eq(time_out(instant_add(v.deadline, 9 * SECOND_US), v.deadline), 0);
	ck_assert_uint_eq(v.deadline.us, t0.us + DOWN_AT_100_US + SECOND_US);
}
END_TEST

START_TEST(an_advert_ends_what_the_peer_vouches_for)
{
	start(100, true);
	(void)hear(3, 150, t0);
	(void)time_out(INSTANT_NEVER, v.deadline);
	ck_assert(v.vouched);
	ck_assert_uint_eq(hear(3, 150, instant_add(t0, 5 * SECOND_US)), 0);
	ck_assert(!v.vouched);
	ck_assert_uint_eq(v.deadline.us, t0.us + 5 * SECOND_US + DOWN_AT_100_US);
}
END_TEST

START_TEST(who_resigns_is_succeeded_whatever_was_vouched_for)
{
	start(100, true);
	(void)hear(3, 150, t0);
	(void)time_out(INSTANT_NEVER, v.deadline);
	ck_assert_uint_eq(hear(3, 0, instant_add(t0, 5 * SECOND_US)), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_PEER_RESIGNED);
	ck_assert(!v.vouched);
}
END_TEST

START_TEST(who_is_preempted_is_active_and_vouches_for_nothing)
{
	start(200, true);
	for (unsigned i = 1; i <= 3; i++)
		(void)hear(3, 150, instant_add(t0, i * SECOND_US));
	ck_assert_uint_eq(time_out(INSTANT_NEVER, v.deadline), TAKE_OVER);
}
END_TEST

START_TEST(who_waited_for_a_peer_and_may_preempt_it_does_so_when_it_is_heard)
{
	struct instant now;

	start(200, true);
	now = v.deadline;
	(void)time_out(instant_add(now, SECOND_US), now);
	ck_assert(v.vouched);
	(void)hear(3, 150, instant_add(now, 1000));
	ck_assert(instant_reached(v.deadline, instant_add(now, 1000)));
	ck_assert_uint_eq(time_out(INSTANT_NEVER, instant_add(now, 1000)), TAKE_OVER);
}
END_TEST

START_TEST(an_active_router_asks_nobody)
{
	start_active(100);
	ck_assert_uint_eq(time_out(INSTANT_NEVER, v.deadline), VRRP_DO_ADVERT);
	ck_assert(!v.vouched);
}
END_TEST

START_TEST(a_fault_takes_an_active_router_out_in_order)
{
	start_active(150);
	ck_assert_uint_eq(step(VRRP_EV_FAULT, v.since), VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	expect(VRRP_INITIALIZE, VRRP_REASON_FAULT);
	ck_assert_uint_eq(step(VRRP_EV_STARTUP, v.since), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	ck_assert_uint_eq(step(VRRP_EV_FAULT, v.since), 0);
	expect(VRRP_INITIALIZE, VRRP_REASON_FAULT);
}
END_TEST

START_TEST(who_yields_resigns_and_listens)
{
	start_active(150);
	ck_assert_uint_eq(step(VRRP_EV_YIELD, v.since), VRRP_DO_RELEASE | VRRP_DO_RESIGN);
	expect(VRRP_BACKUP, VRRP_REASON_YIELDED);
	ck_assert_uint_eq(v.deadline.us, v.since.us + 3 * SECOND_US + 106 * SECOND_US / 256);
	ck_assert_uint_eq(step(VRRP_EV_YIELD, v.since), 0);
}
END_TEST

/* fast_failover: one missing advert and a silent link are a dead peer. */

#define SKEW_AT_100_US UINT64_C(609375)

static unsigned ask(bool dead, struct instant now)
{
	struct vrrp_event event = {.kind = VRRP_EV_TIMER, .dead = dead};

	return vrrp_step(&v, &event, now);
}

/* A Backup that has heard an Active router at t0. */
static void start_fast(void)
{
	struct vrrp_config c = config(100, true);

	c.fast_failover = true;
	vrrp_init(&v, &c, t0);
	(void)step(VRRP_EV_STARTUP, t0);
	ck_assert_uint_eq(hear(20, 150, t0), 0);
}

START_TEST(a_dead_peer_is_succeeded_when_one_advert_is_missing)
{
	start_fast();
	ck_assert_uint_eq(vrrp_next(&v).us, t0.us + SECOND_US + SKEW_AT_100_US);
	ck_assert_uint_eq(v.deadline.us, t0.us + DOWN_AT_100_US);
	ck_assert_uint_eq(ask(true, just_before(vrrp_next(&v))), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	ck_assert_uint_eq(ask(true, vrrp_next(&v)), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_PEER_DEAD);
}
END_TEST

START_TEST(a_silent_link_is_nothing_while_adverts_come)
{
	struct instant now = t0;

	start_fast();
	for (unsigned i = 0; i < 100; i++) {
		now = instant_add(now, SECOND_US + SKEW_AT_100_US / 2); /* late, but there */
		ck_assert_uint_eq(ask(true, now), 0);
		ck_assert_uint_eq(hear(20, 150, now), 0);
	}
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
}
END_TEST

START_TEST(missing_adverts_are_waited_for_as_ever_while_the_link_is_not_silent)
{
	struct instant last = t0;

	start_fast();
	while (vrrp_next(&v).us < v.deadline.us) {
		ck_assert_uint_gt(vrrp_next(&v).us, last.us);
		last = vrrp_next(&v);
		ck_assert_uint_eq(ask(false, last), 0);
	}
	ck_assert_uint_eq(ask(false, v.deadline), TAKE_OVER);
	ck_assert_uint_eq(v.since.us, t0.us + DOWN_AT_100_US);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(a_link_that_falls_silent_later_is_noticed_soon)
{
	start_fast();
	ck_assert_uint_eq(ask(false, vrrp_next(&v)), 0);
	ck_assert_uint_eq(vrrp_next(&v).us, t0.us + SECOND_US + SKEW_AT_100_US + SECOND_US / 16);
	ck_assert_uint_eq(ask(true, vrrp_next(&v)), TAKE_OVER);
}
END_TEST

START_TEST(without_fast_failover_a_dead_peer_is_waited_for)
{
	start(100, true);
	(void)hear(20, 150, t0);
	ck_assert_uint_eq(vrrp_next(&v).us, v.deadline.us);
	ck_assert_uint_eq(ask(true, just_before(v.deadline)), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
}
END_TEST

START_TEST(who_was_never_heard_is_not_missed)
{
	struct vrrp_config c = config(100, true);

	c.fast_failover = true;
	vrrp_init(&v, &c, t0);
	(void)step(VRRP_EV_STARTUP, t0);
	ck_assert(instant_is_never(v.look));
	ck_assert_uint_eq(ask(true, just_before(v.deadline)), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
}
END_TEST

START_TEST(who_slept_listens_before_it_takes_a_peer_for_dead)
{
	struct instant late;

	start_fast();
	late = instant_add(vrrp_next(&v), SECOND_US + 1);
	ck_assert_uint_eq(ask(true, late), 0);
	ck_assert_uint_eq(v.look.us, late.us + SECOND_US + SKEW_AT_100_US);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
}
END_TEST

START_TEST(a_peer_that_vouches_for_itself_is_not_dead)
{
	struct vrrp_event event = {.kind = VRRP_EV_TIMER, .dead = true};

	start_fast();
	event.vouched = instant_add(vrrp_next(&v), 1);
	ck_assert_uint_eq(vrrp_step(&v, &event, vrrp_next(&v)), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
}
END_TEST

START_TEST(an_active_router_that_was_silent_for_one_interval_may_have_been_succeeded)
{
	start_fast();
	ck_assert_uint_eq(ask(true, vrrp_next(&v)), TAKE_OVER);
	ck_assert_uint_eq(
		step(VRRP_EV_TIMER, instant_add(v.mark, SECOND_US + 3906)), VRRP_DO_RELEASE);
	expect(VRRP_BACKUP, VRRP_REASON_LATE);
}
END_TEST

START_TEST(in_a_group_a_dead_peer_makes_it_vacant)
{
	struct vrrp_config c = config(100, true);

	c.fast_failover = c.grouped = true;
	vrrp_init(&v, &c, t0);
	(void)step(VRRP_EV_STARTUP, t0);
	(void)hear(20, 150, t0);
	ck_assert_uint_eq(ask(true, vrrp_next(&v)), 0);
	ck_assert_int_eq(v.vacant, VRRP_REASON_PEER_DEAD);
	ck_assert(instant_is_never(vrrp_next(&v)));
	ck_assert_uint_eq(step(VRRP_EV_GROUP_TAKE, v.since), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_PEER_DEAD);
}
END_TEST

static TCase *rfc_cases(void)
{
	TCase *tc = tcase_create("rfc");

	tcase_add_test(tc, initialize_hears_and_does_nothing);
	tcase_add_test(tc, startup_listens_for_active_down_interval);
	tcase_add_test(tc, the_address_owner_is_active_at_startup);
	tcase_add_test(tc, an_adopter_goes_on_as_active_and_speaks_at_once);
	tcase_add_test(tc, backup_takes_over_at_active_down_and_not_one_microsecond_sooner);
	tcase_add_test(tc, a_better_or_equal_advert_restarts_the_wait_with_its_interval);
	tcase_add_test(tc, a_worse_advert_does_not_hold_back_one_who_preempts);
	tcase_add_test(tc, a_worse_advert_teaches_no_interval_to_one_who_preempts);
	tcase_add_test(tc, without_preempt_any_advert_holds_back);
	tcase_add_test(tc, after_priority_0_a_backup_takes_over_at_once);
	tcase_add_test(tc, priority_0_of_another_than_the_active_router_is_ignored);
	tcase_add_test(tc, a_worse_active_router_that_resigns_is_followed_at_once);
	tcase_add_test(tc, backup_leaves_in_silence);
	tcase_add_test(tc, startup_and_adopt_mean_nothing_once_started);
	tcase_add_test(tc, active_advertises_each_interval);
	tcase_add_test(tc, active_leaves_by_release_then_resign);
	tcase_add_test(tc, a_lost_link_releases_and_needs_no_word);
	tcase_add_test(tc, a_lost_address_releases_and_resigns);
	tcase_add_test(tc, a_fault_releases_and_resigns_and_its_end_joins_as_backup);
	tcase_add_test(tc, a_fault_explains_initialize_from_then_on);
	tcase_add_test(tc, active_answers_priority_0_with_an_advert);
	tcase_add_test(tc, active_yields_to_a_better_advert_and_says_one_last_word);
	tcase_add_test(tc, between_equal_priorities_the_higher_address_stays);
	tcase_add_test(tc, two_owners_are_told_apart_by_address);
	tcase_add_test(tc, an_advert_with_our_own_address_is_not_answered);
	tcase_add_test(tc, our_own_priority_0_that_comes_back_does_not_undo_a_switchover);
	tcase_add_test(tc, the_winner_announces_again_once_in_an_interval);
	tcase_add_test(tc, what_was_too_soon_to_announce_comes_with_the_next_advert);
	return tc;
}

static TCase *own_cases(void)
{
	TCase *tc = tcase_create("own");

	tcase_add_test(tc, active_that_wakes_too_late_releases_and_listens);
	tcase_add_test(tc, active_that_wakes_just_in_time_goes_on);
	tcase_add_test(tc, a_sleep_of_an_hour_is_late_whatever_wakes_us);
	tcase_add_test(tc, a_late_one_who_is_asked_to_leave_leaves);
	tcase_add_test(tc, a_late_one_who_hears_the_peer_resign_takes_over_again);
	tcase_add_test(tc, a_backup_that_slept_listens_again_before_it_takes_over);
	tcase_add_test(tc, a_clock_that_jumps_back_makes_nothing_happen);
	tcase_add_test(tc, the_shortest_active_down_interval_is_that_of_priority_255);
	tcase_add_test(tc, a_learned_interval_is_capped_at_ten_times_our_own);
	tcase_add_test(tc, new_settings_change_nothing_that_is_the_same);
	tcase_add_test(tc, active_tells_at_once_what_changed);
	tcase_add_test(tc, backup_moves_its_deadline_with_its_priority);
	tcase_add_test(tc, backup_that_becomes_humbler_waits_afresh);
	tcase_add_test(tc, a_late_one_is_late_at_reload_too);
	tcase_add_test(tc, every_state_and_reason_has_a_name_of_its_own);
	return tc;
}

#define PREPARE_US (SECOND_US / 2)

/* A Backup that has just begun to prepare; returns when. */
static struct instant start_preparing(uint8_t priority)
{
	struct vrrp_config c = config(priority, true);
	struct instant now;

	c.prepare_us = PREPARE_US;
	vrrp_init(&v, &c, t0);
	(void)step(VRRP_EV_STARTUP, t0);
	now = v.deadline;
	ck_assert_uint_eq(step(VRRP_EV_TIMER, now), VRRP_DO_PREPARE);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	return now;
}

START_TEST(who_prepares_takes_over_when_that_has_ended)
{
	struct instant now = instant_add(start_preparing(100), 1);

	ck_assert_uint_eq(step(VRRP_EV_TIMER, now), 0);
	ck_assert_uint_eq(step(VRRP_EV_PREPARED, now), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
	ck_assert_uint_eq(step(VRRP_EV_PREPARED, now), 0);
}
END_TEST

START_TEST(what_is_not_prepared_in_time_is_not_waited_for)
{
	struct instant end = instant_add(start_preparing(100), PREPARE_US);

	ck_assert_uint_eq(v.deadline.us, end.us);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, just_before(end)), 0);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, end), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_ACTIVE_DOWN);
}
END_TEST

START_TEST(a_better_or_equal_advert_ends_the_preparation)
{
	for (uint8_t priority = 100; priority <= 101; priority++) {
		struct instant now = instant_add(start_preparing(100), 1);

		ck_assert_uint_eq(hear(20, priority, now), 0);
		ck_assert_uint_eq(v.deadline.us, now.us + DOWN_AT_100_US);
		ck_assert_uint_eq(step(VRRP_EV_PREPARED, now), 0);
		expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
		/* the next takeover is prepared again */
		ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), VRRP_DO_PREPARE);
	}
}
END_TEST

START_TEST(who_preempts_prepares_first_and_is_not_held_up_by_adverts)
{
	struct instant end;
	struct vrrp_config c = config(100, true);

	c.prepare_us = PREPARE_US;
	vrrp_init(&v, &c, t0);
	(void)step(VRRP_EV_STARTUP, t0);
	ck_assert_uint_eq(hear(20, 50, just_before(v.deadline)), 0);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, v.deadline), VRRP_DO_PREPARE);
	end = v.deadline;
	ck_assert_uint_eq(hear(20, 50, just_before(end)), 0);
	ck_assert_uint_eq(v.deadline.us, end.us);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, end), TAKE_OVER);
}
END_TEST

START_TEST(a_resignation_is_prepared_for_once)
{
	struct instant now = instant_add(t0, SECOND_US);
	struct vrrp_config c = config(100, true);

	c.prepare_us = PREPARE_US;
	vrrp_init(&v, &c, t0);
	(void)step(VRRP_EV_STARTUP, t0);
	ck_assert_uint_eq(hear(20, 150, t0), 0);
	ck_assert_uint_eq(hear(20, 0, now), VRRP_DO_PREPARE);
	ck_assert_uint_eq(hear(20, 0, instant_add(now, 1)), 0);
	ck_assert_uint_eq(v.deadline.us, now.us + PREPARE_US);
	ck_assert_uint_eq(step(VRRP_EV_PREPARED, instant_add(now, 2)), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_PEER_RESIGNED);
}
END_TEST

START_TEST(the_owner_prepares_and_an_adopter_does_not)
{
	struct vrrp_config c = config(255, true);

	c.prepare_us = PREPARE_US;
	vrrp_init(&v, &c, t0);
	ck_assert_uint_eq(step(VRRP_EV_STARTUP, t0), 0);
	ck_assert_uint_eq(step(VRRP_EV_TIMER, t0), VRRP_DO_PREPARE);
	ck_assert_uint_eq(step(VRRP_EV_PREPARED, t0), TAKE_OVER);
	expect(VRRP_ACTIVE, VRRP_REASON_OWNER);
	vrrp_init(&v, &c, t0);
	ck_assert_uint_eq(step(VRRP_EV_ADOPT, t0), TAKE_OVER);
}
END_TEST

START_TEST(who_slept_while_it_prepared_listens_again)
{
	struct instant now = instant_add(start_preparing(100), PREPARE_US + DOWN_AT_100_US + 1);

	ck_assert_uint_eq(step(VRRP_EV_PREPARED, now), 0);
	expect(VRRP_BACKUP, VRRP_REASON_STARTUP);
	ck_assert_uint_eq(v.deadline.us, now.us + DOWN_AT_100_US);
}
END_TEST

START_TEST(new_settings_and_leaving_while_it_prepares)
{
	struct instant now = instant_add(start_preparing(100), 1), end = v.deadline;
	struct vrrp_config c = v.config;

	c.priority = 120;
	ck_assert_uint_eq(vrrp_reconfigure(&v, &c, now), 0);
	ck_assert_uint_eq(v.deadline.us, end.us);
	c.priority = 90; /* who was no reason to wait may be one now */
	ck_assert_uint_eq(vrrp_reconfigure(&v, &c, now), 0);
	ck_assert_uint_eq(step(VRRP_EV_PREPARED, now), 0);
	now = start_preparing(100);
	ck_assert_uint_eq(step(VRRP_EV_FAULT, now), 0);
	ck_assert_uint_eq(step(VRRP_EV_PREPARED, now), 0);
	expect(VRRP_INITIALIZE, VRRP_REASON_FAULT);
	ck_assert(instant_is_never(v.deadline));
}
END_TEST

static TCase *prepare_cases(void)
{
	TCase *tc = tcase_create("prepare");

	tcase_add_test(tc, who_prepares_takes_over_when_that_has_ended);
	tcase_add_test(tc, what_is_not_prepared_in_time_is_not_waited_for);
	tcase_add_test(tc, a_better_or_equal_advert_ends_the_preparation);
	tcase_add_test(tc, who_preempts_prepares_first_and_is_not_held_up_by_adverts);
	tcase_add_test(tc, a_resignation_is_prepared_for_once);
	tcase_add_test(tc, the_owner_prepares_and_an_adopter_does_not);
	tcase_add_test(tc, who_slept_while_it_prepared_listens_again);
	tcase_add_test(tc, new_settings_and_leaving_while_it_prepares);
	return tc;
}

static TCase *policy_cases(void)
{
	TCase *tc = tcase_create("policy");

	tcase_add_test(tc, active_down_counts_as_many_intervals_as_configured);
	tcase_add_test(tc, version_2_counts_skew_in_seconds_and_learns_no_interval);
	tcase_add_test(tc, preempt_delay_counts_from_the_first_advert_of_a_lesser_router);
	tcase_add_test(tc, preempt_delay_opens_no_gap_when_the_lesser_router_dies);
	tcase_add_test(tc, a_better_router_ends_the_count_of_preempt_delay);
	tcase_add_test(tc, a_resignation_is_followed_within_preempt_delay);
	tcase_add_test(tc, who_took_the_place_of_one_that_asked_has_not_asked);
	tcase_add_test(tc, who_does_not_ask_any_more_is_waited_for);
	tcase_add_test(tc, who_lowers_itself_to_the_least_priority_is_not_kept_waiting);
	tcase_add_test(tc, the_owner_preempts_whatever_is_configured);
	tcase_add_test(tc, silence_is_not_believed_before_the_link_has_settled);
	tcase_add_test(tc, who_was_heard_while_the_link_settles_is_succeeded_and_not_preempted);
	tcase_add_test(tc, a_link_settles_again_when_it_was_down_and_not_after_a_fault);
	tcase_add_test(tc, the_owner_and_its_link_settle_first);
	tcase_add_test(tc, an_adopter_does_not_wait_for_its_link_to_settle);
	tcase_add_test(tc, a_backup_does_not_take_over_while_the_peer_is_known_to_be_active);
	tcase_add_test(tc, the_peer_is_asked_again_in_each_interval);
	tcase_add_test(tc, an_advert_ends_what_the_peer_vouches_for);
	tcase_add_test(tc, who_resigns_is_succeeded_whatever_was_vouched_for);
	tcase_add_test(tc, who_is_preempted_is_active_and_vouches_for_nothing);
	tcase_add_test(tc, who_waited_for_a_peer_and_may_preempt_it_does_so_when_it_is_heard);
	tcase_add_test(tc, an_active_router_asks_nobody);
	tcase_add_test(tc, a_fault_takes_an_active_router_out_in_order);
	tcase_add_test(tc, who_yields_resigns_and_listens);
	tcase_add_test(tc, a_dead_peer_is_succeeded_when_one_advert_is_missing);
	tcase_add_test(tc, a_silent_link_is_nothing_while_adverts_come);
	tcase_add_test(tc, missing_adverts_are_waited_for_as_ever_while_the_link_is_not_silent);
	tcase_add_test(tc, a_link_that_falls_silent_later_is_noticed_soon);
	tcase_add_test(tc, without_fast_failover_a_dead_peer_is_waited_for);
	tcase_add_test(tc, who_was_never_heard_is_not_missed);
	tcase_add_test(tc, who_slept_listens_before_it_takes_a_peer_for_dead);
	tcase_add_test(tc, a_peer_that_vouches_for_itself_is_not_dead);
	tcase_add_test(
		tc, an_active_router_that_was_silent_for_one_interval_may_have_been_succeeded);
	tcase_add_test(tc, in_a_group_a_dead_peer_makes_it_vacant);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("vrrp");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, rfc_cases());
	suite_add_tcase(suite, own_cases());
	suite_add_tcase(suite, policy_cases());
	suite_add_tcase(suite, prepare_cases());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
