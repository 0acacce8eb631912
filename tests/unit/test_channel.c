/* Two channels on one loop, joined by a socketpair. */
#include "io/channel.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct end {
	struct channel *channel;
	unsigned messages;
	json_int_t last;
	unsigned closed;
	int reason;
	bool free_on_message;
	bool goes_on; /* its peer says the same again as soon as it is heard */
};

static int raw_fd; /* a second descriptor of b's end */

#define LONG 4096

/* One that is so long. */
static void say_long(void)
{
	char text[LONG];

	memset(text, ' ', sizeof(text));
	memcpy(text, "{}", 2);
	text[LONG - 1] = '\0';
	ck_assert_int_eq(send(raw_fd, text, sizeof(text), 0), sizeof(text));
}

static void on_message(struct channel *c, json_t *message, void *userdata)
{
	struct end *e = userdata;

	e->messages++;
	e->last = json_integer_value(json_object_get(json_object_get(message, "parameters"), "n"));
	if (e->goes_on)
		say_long();
	if (e->free_on_message) {
		channel_free(c);
		e->channel = NULL;
	}
}

static void on_closed(struct channel *c, int reason, void *userdata)
{
	struct end *e = userdata;

	(void)c;
	e->closed++;
	e->reason = reason;
}

static const struct channel_handler handler = {.message = on_message, .closed = on_closed};
static sd_event *loop;
static struct end a, b;

static void set_up(void)
{
	int fds[2];

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	raw_fd = dup(fds[1]);
	ck_assert_int_eq(channel_new(loop, fds[0], &handler, &a, &a.channel), 0);
	ck_assert_int_eq(channel_new(loop, fds[1], &handler, &b, &b.channel), 0);
}

static void tear_down(void)
{
	channel_free(a.channel);
	channel_free(b.channel);
	(void)close(raw_fd);
	sd_event_unref(loop);
}

static void run(void)
{
	while (sd_event_run(loop, 0) > 0)
		;
}

START_TEST(messages_arrive_in_order)
{
	for (int i = 1; i <= 100; i++)
		channel_call(a.channel, "Count", json_pack("{s:i}", "n", i));
	run();
	ck_assert_uint_eq(b.messages, 100);
	ck_assert_int_eq(b.last, 100);
}
END_TEST

START_TEST(a_full_socket_delays_messages_and_loses_none)
{
	char *pad = malloc(100001);

	memset(pad, 'p', 100000);
	pad[100000] = '\0';
	for (int i = 1; i <= 50; i++)
		channel_call(a.channel, "Count", json_pack("{s:i, s:s}", "n", i, "pad", pad));
	free(pad);
	run();
	ck_assert_uint_eq(b.messages, 50);
	ck_assert_int_eq(b.last, 50);
	ck_assert_uint_eq(a.closed, 0);
}
END_TEST

START_TEST(end_of_file_closes_after_the_last_message)
{
	channel_call(a.channel, "Count", json_pack("{s:i}", "n", 7));
	channel_free(a.channel);
	a.channel = NULL;
	run();
	ck_assert_uint_eq(b.messages, 1);
	ck_assert_uint_eq(b.closed, 1);
	ck_assert_int_eq(b.reason, 0);
}
END_TEST

START_TEST(what_is_not_a_json_object_closes_the_channel)
{
	ck_assert_int_eq(write(raw_fd, "[1]", 4), 4);
	run();
	ck_assert_uint_eq(a.messages, 0);
	ck_assert_uint_eq(a.closed, 1);
	ck_assert_int_eq(a.reason, -EBADMSG);
}
END_TEST

START_TEST(a_handler_may_free_its_channel)
{
	b.free_on_message = true;
	channel_call(a.channel, "Count", NULL);
	channel_call(a.channel, "Count", NULL);
	run();
	ck_assert_uint_eq(b.messages, 1);
}
END_TEST

START_TEST(a_dead_peer_is_told_from_the_loop_not_from_the_send)
{
	channel_free(b.channel);
	b.channel = NULL;
	(void)close(raw_fd);
	raw_fd = -1;
	channel_call(a.channel, "Count", NULL);
	ck_assert_uint_eq(a.closed, 0);
	run();
	ck_assert_uint_eq(a.closed, 1);
}
END_TEST

START_TEST(what_a_peer_said_before_it_died_is_heard)
{
	channel_call(b.channel, "Count", json_pack("{s:i}", "n", 7));
	channel_free(b.channel);
	b.channel = NULL;
	(void)close(raw_fd);
	raw_fd = -1;
	channel_call(a.channel, "Count", NULL);
	run();
	ck_assert_uint_eq(a.messages, 1);
	ck_assert_int_eq(a.last, 7);
	ck_assert_uint_eq(a.closed, 1);
}
END_TEST

START_TEST(who_does_not_listen_and_goes_on_speaking_is_not_heard_forever)
{
	channel_free(b.channel);
	b.channel = NULL;
	a.goes_on = true;
	ck_assert_int_eq(shutdown(raw_fd, SHUT_RD), 0);
	for (unsigned i = 0; i < 20; i++) /* more than is read at once */
		say_long();
	channel_call(a.channel, "Count", NULL);
	run();
	ck_assert_uint_gt(a.messages, 20);
	ck_assert_uint_eq(a.closed, 1);
	ck_assert_int_eq(a.reason, -EPIPE);
}
END_TEST

/* An object with arrays within each other. */
static void write_nested(unsigned depth)
{
	char text[2 * CHANNEL_DEPTH_MAX + 40] = "{\"a\":\"\\\"[[[\",\"b\":";
	size_t n = strlen(text);

	for (unsigned i = 0; i < depth - 1; i++)
		text[n++] = '[';
	for (unsigned i = 0; i < depth - 1; i++)
		text[n++] = ']';
	text[n++] = '}';
	text[n++] = '\0';
	ck_assert_int_eq(write(raw_fd, text, n), (ssize_t)n);
}

START_TEST(what_is_too_deep_closes_the_channel)
{
	write_nested(CHANNEL_DEPTH_MAX);
	write_nested(CHANNEL_DEPTH_MAX);
	run();
	ck_assert_uint_eq(a.messages, 2);
	write_nested(CHANNEL_DEPTH_MAX + 1);
	run();
	ck_assert_uint_eq(a.messages, 2);
	ck_assert_uint_eq(a.closed, 1);
	ck_assert_int_eq(a.reason, -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("channel");
	TCase *tc = tcase_create("channel");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, messages_arrive_in_order);
	tcase_add_test(tc, a_full_socket_delays_messages_and_loses_none);
	tcase_add_test(tc, end_of_file_closes_after_the_last_message);
	tcase_add_test(tc, what_is_not_a_json_object_closes_the_channel);
	tcase_add_test(tc, a_handler_may_free_its_channel);
	tcase_add_test(tc, a_dead_peer_is_told_from_the_loop_not_from_the_send);
	tcase_add_test(tc, what_a_peer_said_before_it_died_is_heard);
	tcase_add_test(tc, who_does_not_listen_and_goes_on_speaking_is_not_heard_forever);
	tcase_add_test(tc, what_is_too_deep_closes_the_channel);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
