/* The stream between two directors, both in this process, over loopback addresses. */
#include "io/clock.h"
#include "link/stream.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_US 10000000
#define TURN_US 100000

struct side {
	struct pair_keys keys;
	struct stream *stream;
	unsigned opened, closed, failed, drained;
	unsigned failures[STREAM_STRANGER + 1];
	char reason[160]; /* of the last end or failure */
	uint8_t *last;    /* message */
	size_t last_len, n_messages, n_bytes;
	enum stream_type last_type;
	bool close_at_message;
};

static sd_event *loop;
static struct side lower, upper; /* who connects, who listens */
static uint16_t port;

static void on_opened(struct stream *s, void *userdata)
{
	struct side *side = userdata;

	(void)s;
	side->opened++;
}

static void on_message(
	struct stream *s, enum stream_type type, const uint8_t *data, size_t len, void *userdata)
{
	struct side *side = userdata;

	side->n_messages++;
	side->n_bytes += len;
	side->last_type = type;
	free(side->last);
	side->last = malloc(len + 1);
	ck_assert_ptr_nonnull(side->last);
	memcpy(side->last, data, len);
	side->last_len = len;
	if (side->close_at_message)
		stream_close(s, "enough");
}

static void on_drained(struct stream *s, void *userdata)
{
	struct side *side = userdata;

	(void)s;
	side->drained++;
}

static void on_closed(struct stream *s, const char *reason, void *userdata)
{
	struct side *side = userdata;

	(void)s;
	side->closed++;
	(void)snprintf(side->reason, sizeof(side->reason), "%s", reason);
}

static void on_failed(
	struct stream *s, enum stream_failure failure, const char *reason, void *userdata)
{
	struct side *side = userdata;

	(void)s;
	side->failed++;
	side->failures[failure]++;
	(void)snprintf(side->reason, sizeof(side->reason), "%s", reason);
}

static const struct stream_handler handler = {
	.opened = on_opened,
	.message = on_message,
	.drained = on_drained,
	.closed = on_closed,
	.failed = on_failed,
};

static struct pair_key key_of(uint8_t n)
{
	struct pair_key key;

	memset(key.id, n, sizeof(key.id));
	memset(key.bytes, 0x80 | n, sizeof(key.bytes));
	return key;
}

static void set_keys(struct side *side, unsigned n, const uint8_t *numbers)
{
	side->keys.n = n;
	for (unsigned i = 0; i < n; i++)
		side->keys.items[i] = key_of(numbers[i]);
}

#define SET_KEYS(side, ...)                                                                        \
	set_keys(side, sizeof((const uint8_t[]){__VA_ARGS__}), (const uint8_t[]){__VA_ARGS__})

static struct addr local(unsigned host)
{
	return addr_v4((struct in_addr){htonl(0x7f510000 + host)});
}

static void start(struct side *side, unsigned own, unsigned peer)
{
	struct stream_settings settings = {
		.own = local(own), .peer = local(peer), .port = port, .keys = &side->keys};

	ck_assert_int_eq(stream_new(loop, &settings, &handler, side, &side->stream), 0);
}

static void start_lower(void)
{
	start(&lower, 1, 2);
}

static void start_upper(void)
{
	start(&upper, 2, 1);
}

static void stop(struct side *side)
{
	stream_free(side->stream);
	side->stream = NULL;
}

static uint64_t now_us(void)
{
	return clock_now().us;
}

/* One turn after another until the condition holds. */
#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		uint64_t begin_us = now_us();                                                      \
		while (!(condition)) {                                                             \
			ck_assert_msg(now_us() - begin_us < PATIENCE_US,                           \
				#condition " did not come about: %s, %s", lower.reason,            \
				upper.reason);                                                     \
			ck_assert_int_ge(sd_event_run(loop, TURN_US), 0);                          \
		}                                                                                  \
	} while (0)

static void setup(void)
{
	lower = upper = (struct side){0};
	SET_KEYS(&lower, 1);
	SET_KEYS(&upper, 1);
	port = (uint16_t)(20000 + getpid() % 20000);
	ck_assert_int_ge(sd_event_new(&loop), 0);
}

static void teardown(void)
{
	stop(&lower);
	stop(&upper);
	free(lower.last);
	free(upper.last);
	loop = sd_event_unref(loop);
}

static void open_both(void)
{
	start_upper();
	start_lower();
	RUN_UNTIL(stream_is_open(lower.stream) && stream_is_open(upper.stream));
}

START_TEST(one_key_makes_one_stream)
{
	open_both();
	ck_assert_uint_eq(lower.opened, 1);
	ck_assert_uint_eq(upper.opened, 1);
	ck_assert_mem_eq(stream_key_id(lower.stream), key_of(1).id, PAIR_KEY_ID_LEN);
	ck_assert_mem_eq(stream_key_id(upper.stream), key_of(1).id, PAIR_KEY_ID_LEN);
}
END_TEST

START_TEST(messages_arrive_whole_and_in_order_both_ways)
{
	open_both();
	ck_assert(stream_send(lower.stream, STREAM_HELLO, "hello", 5));
	ck_assert(stream_send(lower.stream, STREAM_RESYNC_ASK, NULL, 0));
	ck_assert(stream_send(upper.stream, STREAM_STATE, "state", 5));
	RUN_UNTIL(upper.n_messages == 2 && lower.n_messages == 1);
	ck_assert_int_eq(upper.last_type, STREAM_RESYNC_ASK);
	ck_assert_uint_eq(upper.last_len, 0);
	ck_assert_uint_eq(upper.n_bytes, 5);
	ck_assert_mem_eq(lower.last, "state", 5);
}
END_TEST

START_TEST(the_longest_message_arrives_and_the_queue_is_bounded)
{
	uint8_t *message = malloc(STREAM_MESSAGE_MAX);
	unsigned n = 0;

	ck_assert_ptr_nonnull(message);
	for (size_t i = 0; i < STREAM_MESSAGE_MAX; i++)
		message[i] = (uint8_t)(i * 31 + i / 251);
	open_both();
	while (stream_send(lower.stream, STREAM_RECORDS, message, STREAM_MESSAGE_MAX))
		ck_assert_uint_lt(++n, 4);
	ck_assert_uint_eq(n, 2);
	RUN_UNTIL(upper.n_messages == n);
	ck_assert_uint_eq(upper.last_len, STREAM_MESSAGE_MAX);
	ck_assert_mem_eq(upper.last, message, STREAM_MESSAGE_MAX);
	RUN_UNTIL(lower.drained >= 1);
	ck_assert(stream_send(lower.stream, STREAM_RECORDS, message, STREAM_MESSAGE_MAX));
	RUN_UNTIL(upper.n_messages == n + 1);
	free(message);
}
END_TEST

START_TEST(another_key_makes_no_stream)
{
	SET_KEYS(&lower, 2);
	start_upper();
	start_lower();
	RUN_UNTIL(lower.failed >= 2 && upper.failed >= 2);
	ck_assert_uint_eq(lower.opened + upper.opened, 0);
	ck_assert_ptr_nonnull(strstr(lower.reason, "handshake: "));
	ck_assert_str_eq(upper.reason, "handshake: the two have no key in common");
	ck_assert_uint_eq(upper.failures[STREAM_WRONG_KEY], upper.failed);
	ck_assert_uint_gt(lower.failures[STREAM_WRONG_KEY], 0);
}
END_TEST

START_TEST(another_key_by_the_same_name_makes_no_stream)
{
	upper.keys.items[0].bytes[31] ^= 1;
	start_upper();
	start_lower();
	RUN_UNTIL(lower.failed >= 2 && upper.failed >= 2);
	ck_assert_uint_eq(lower.opened + upper.opened, 0);
	ck_assert_uint_eq(upper.failures[STREAM_WRONG_KEY], upper.failed);
}
END_TEST

START_TEST(no_key_makes_no_stream)
{
	lower.keys.n = upper.keys.n = 0;
	start_upper();
	start_lower();
	RUN_UNTIL(lower.failed >= 2 && upper.failed >= 2);
	ck_assert_uint_eq(lower.opened + upper.opened, 0);
}
END_TEST

START_TEST(who_listens_takes_any_of_its_keys)
{
	SET_KEYS(&upper, 3, 2, 1);
	open_both();
	ck_assert_mem_eq(stream_key_id(upper.stream), key_of(1).id, PAIR_KEY_ID_LEN);
}
END_TEST

START_TEST(who_comes_back_is_connected_again)
{
	open_both();
	stop(&upper);
	RUN_UNTIL(lower.closed == 1);
	start_upper();
	RUN_UNTIL(lower.opened == 2 && upper.opened == 2);
	stop(&lower);
	RUN_UNTIL(upper.closed == 1);
	start_lower();
	RUN_UNTIL(lower.opened == 3 && upper.opened == 3);
}
END_TEST

START_TEST(a_new_active_key_is_taken_without_a_gap)
{
	open_both();
	SET_KEYS(&upper, 1, 2);
	stream_keys_changed(upper.stream);
	SET_KEYS(&lower, 2, 1);
	stream_keys_changed(lower.stream);
	ck_assert(stream_is_open(lower.stream) && stream_is_open(upper.stream));
	RUN_UNTIL(lower.opened == 2 && upper.opened == 2);
	ck_assert_mem_eq(stream_key_id(lower.stream), key_of(2).id, PAIR_KEY_ID_LEN);
	ck_assert_mem_eq(stream_key_id(upper.stream), key_of(2).id, PAIR_KEY_ID_LEN);
	ck_assert_str_eq(lower.reason, "replaced by another connection");
}
END_TEST

START_TEST(a_key_that_was_taken_away_closes_its_stream)
{
	open_both();
	SET_KEYS(&upper, 2);
	stream_keys_changed(upper.stream);
	ck_assert(!stream_is_open(upper.stream));
	RUN_UNTIL(lower.closed == 1 && lower.failed >= 1);
	ck_assert_uint_eq(lower.opened, 1);
	SET_KEYS(&lower, 2);
	stream_keys_changed(lower.stream);
	RUN_UNTIL(lower.opened == 2 && upper.opened == 2);
}
END_TEST

START_TEST(a_handler_may_close_the_stream)
{
	upper.close_at_message = true;
	open_both();
	ck_assert(stream_send(lower.stream, STREAM_STATE, "a", 1));
	ck_assert(stream_send(lower.stream, STREAM_STATE, "b", 1));
	RUN_UNTIL(lower.closed == 1);
	ck_assert_uint_eq(upper.n_messages, 1);
	ck_assert_str_eq(upper.reason, "enough");
	RUN_UNTIL(lower.opened == 2);
}
END_TEST

static int dial(unsigned from)
{
	struct sockaddr_in own = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
	struct addr source = local(from), destination = local(2);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	own.sin_addr = addr_to_v4(&source);
	to.sin_addr = addr_to_v4(&destination);
	to.sin_port = htons(port);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

START_TEST(who_is_not_the_peer_is_not_let_in)
{
	int fd;
	char byte;

	start_upper();
	fd = dial(3);
	RUN_UNTIL(upper.failed == 1);
	ck_assert_str_eq(upper.reason, "refused: not from the peer's address");
	ck_assert_int_le(recv(fd, &byte, 1, 0), 0);
	(void)close(fd);
}
END_TEST

START_TEST(who_says_nothing_is_closed_after_three_seconds_and_bars_nobody)
{
	int silent[6];
	uint64_t begin, end;

	start_upper();
	begin = now_us();
	for (unsigned i = 0; i < 6; i++)
		silent[i] = dial(1);
	RUN_UNTIL(upper.failed == 2);
	ck_assert_str_eq(upper.reason, "handshake: too many at a time");
	start_lower();
	RUN_UNTIL(lower.opened == 1 && upper.opened == 1);
	RUN_UNTIL(upper.failed == 6);
	end = now_us();
	ck_assert_str_eq(upper.reason, "handshake: took too long");
	ck_assert_uint_ge(end - begin, 2900000);
	ck_assert_uint_lt(end - begin, 6000000);
	ck_assert(stream_is_open(lower.stream));
	for (unsigned i = 0; i < 6; i++)
		(void)close(silent[i]);
}
END_TEST

START_TEST(what_is_no_tls_is_closed_at_once)
{
	int fd;

	start_upper();
	fd = dial(1);
	ck_assert_int_eq(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
	RUN_UNTIL(upper.failed == 1);
	ck_assert_ptr_nonnull(strstr(upper.reason, "handshake: "));
	(void)close(fd);
}
END_TEST

START_TEST(two_addresses_of_one_are_refused)
{
	struct stream_settings settings = {
		.own = local(1), .peer = local(1), .port = port, .keys = &lower.keys};
	struct stream *s = NULL;

	ck_assert_int_eq(stream_new(loop, &settings, &handler, NULL, &s), -EINVAL);
	ck_assert(addr_parse("::1", &settings.peer));
	ck_assert_int_eq(stream_new(loop, &settings, &handler, NULL, &s), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stream");
	TCase *t = tcase_create("stream");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 15);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one_key_makes_one_stream);
	tcase_add_test(t, messages_arrive_whole_and_in_order_both_ways);
	tcase_add_test(t, the_longest_message_arrives_and_the_queue_is_bounded);
	tcase_add_test(t, another_key_makes_no_stream);
	tcase_add_test(t, another_key_by_the_same_name_makes_no_stream);
	tcase_add_test(t, no_key_makes_no_stream);
	tcase_add_test(t, who_listens_takes_any_of_its_keys);
	tcase_add_test(t, who_comes_back_is_connected_again);
	tcase_add_test(t, a_new_active_key_is_taken_without_a_gap);
	tcase_add_test(t, a_key_that_was_taken_away_closes_its_stream);
	tcase_add_test(t, a_handler_may_close_the_stream);
	tcase_add_test(t, who_is_not_the_peer_is_not_let_in);
	tcase_add_test(t, who_says_nothing_is_closed_after_three_seconds_and_bars_nobody);
	tcase_add_test(t, what_is_no_tls_is_closed_at_once);
	tcase_add_test(t, two_addresses_of_one_are_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
