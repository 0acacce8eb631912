/* The control socket, with callers of every kind. */
#include "director/control/control.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CALLERS 80

static char dir[] = "/tmp/tandem-control-XXXXXX";
static sd_event *loop;
static struct control *control;
static struct control_call *pending;
static unsigned calls;
static char long_text[1 << 20]; /* more than a socket holds */

static void on_call(
	struct control_call *call, const char *method, const json_t *parameters, void *userdata)
{
	(void)parameters;
	(void)userdata;
	calls++;
	if (strcmp(method, "Wait") == 0)
		pending = call;
	else if (strcmp(method, "Much") == 0)
		control_reply(call, json_pack("{s:s}", "text", long_text));
	else if (strcmp(method, "Fail") == 0)
		control_error(call, "Failed", NULL);
	else
		control_reply(call, json_pack("{s:s}", "method", method));
}

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_ge(control_new(loop, dir, on_call, NULL, &control), 0);
}

static void tear_down(void)
{
	control_free(control);
	sd_event_unref(loop);
	ck_assert_int_eq(rmdir(dir), 0); /* the socket is gone */
}

static void run(void)
{
	while (sd_event_run(loop, 0) > 0)
		;
}

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/tandem.sock", dir);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	run();
	return fd;
}

static void say(int fd, const char *bytes, size_t len)
{
	ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	run();
}

/* What the socket holds now: an answer, "" when nothing came, "closed" at end of file. */
static const char *hear(int fd)
{
	static char text[65536];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n == 0)
		return "closed";
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static const char *ask(int fd, const char *call)
{
	say(fd, call, strlen(call) + 1);
	return hear(fd);
}

START_TEST(a_call_is_answered_and_the_connection_stays)
{
	int fd = dial();

	ck_assert_str_eq(ask(fd, "{\"method\":\"io.tandem.Director.Status\"}"),
		"{\"parameters\":{\"method\":\"Status\"}}");
	ck_assert_str_eq(ask(fd, "{\"method\":\"io.tandem.Director.Fail\",\"parameters\":{}}"),
		"{\"error\":\"io.tandem.Director.Failed\",\"parameters\":{}}");
	(void)close(fd);
}
END_TEST

START_TEST(the_standard_interface_is_served)
{
	int fd = dial();

	ck_assert_ptr_nonnull(strstr(
		ask(fd, "{\"method\":\"org.varlink.service.GetInfo\"}"), "io.tandem.Director"));
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"method\":\"org.varlink.service."
					     "GetInterfaceDescription\",\"parameters\":"
					     "{\"interface\":\"io.tandem.Director\"}}"),
		"method Reload"));
	ck_assert_ptr_nonnull(
		strstr(ask(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}"),
			"InterfaceNotFound"));
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"method\":\"io.other.Call\"}"), "MethodNotFound"));
	(void)close(fd);
}
END_TEST

static const char *wrong_in(const char *text)
{
	json_t *parameters = json_loads(text, JSON_DECODE_ANY, NULL);
	const char *wrong = control_wrong_parameter(parameters);

	ck_assert_ptr_nonnull(parameters);
	json_decref(parameters);
	return wrong;
}

START_TEST(a_parameter_of_another_type_or_name_is_named)
{
	ck_assert_ptr_null(control_wrong_parameter(NULL));
	ck_assert_ptr_null(wrong_in("{}"));
	ck_assert_ptr_null(wrong_in("null"));
	ck_assert_ptr_null(wrong_in("{\"router\": \"front\", \"insist\": false}"));
	ck_assert_ptr_null(wrong_in("{\"router\": null, \"insist\": true, \"weight\": 3}"));
	ck_assert_str_eq(wrong_in("{\"router\": 5}"), "router");
	ck_assert_str_eq(wrong_in("{\"insist\": \"yes\"}"), "insist");
	ck_assert_str_eq(wrong_in("{\"weight\": 1.5}"), "weight");
	ck_assert_str_eq(wrong_in("{\"ruoter\": \"front\"}"), "parameters");
	ck_assert_str_eq(wrong_in("[]"), "parameters");
}
END_TEST

START_TEST(what_is_no_call_ends_the_connection_and_nothing_else)
{
	static const char *const bad[] = {"", "[]", "{", "{}", "{\"method\":1}", "nonsense"};
	int good = dial();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = dial();
		ck_assert_str_eq(ask(fd, bad[i]), "closed");
		(void)close(fd);
	}
	ck_assert_str_ne(ask(good, "{\"method\":\"io.tandem.Director.Status\"}"), "closed");
	(void)close(good);
}
END_TEST

START_TEST(an_endless_call_is_cut_off)
{
	static char blanks[100000];
	int fd = dial();
	size_t sent = 0;

	memset(blanks, ' ', sizeof(blanks));
	/* More than a configuration may have: root may send one. */
	while (sent < (size_t)17 << 20) {
		ssize_t n = send(fd, blanks, sizeof(blanks), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		run();
	}
	ck_assert_uint_gt(sent, (size_t)15 << 20);
	(void)hear(fd);
	ck_assert_str_eq(hear(fd), "closed");
	(void)close(fd);
}
END_TEST

START_TEST(a_caller_may_hang_up_before_its_answer)
{
	int fd = dial();

	(void)ask(fd, "{\"method\":\"io.tandem.Director.Wait\"}");
	(void)close(fd);
	run();
	ck_assert_ptr_nonnull(pending);
	control_reply(pending, NULL);
}
END_TEST

START_TEST(a_second_call_before_the_first_is_answered_is_no_varlink)
{
	int fd = dial();

	(void)ask(fd, "{\"method\":\"io.tandem.Director.Wait\"}");
	ck_assert_str_eq(ask(fd, "{\"method\":\"io.tandem.Director.Status\"}"), "closed");
	ck_assert_uint_eq(calls, 1);
	control_reply(pending, NULL);
	(void)close(fd);
}
END_TEST

START_TEST(who_asks_again_without_having_read_is_sent_away)
{
	static const char call[] = "{\"method\":\"io.tandem.Director.Much\"}";
	int fd = dial(), other = dial();
	size_t got;
	ssize_t n;

	memset(long_text, 'x', sizeof(long_text) - 1);
	say(fd, call, sizeof(call));
	say(fd, call, sizeof(call));
	ck_assert_uint_eq(calls, 1);
	/* One that reads may ask as often as it likes. */
	for (int i = 0; i < 3; i++) {
		say(other, call, sizeof(call));
		got = 0;
		while (got < sizeof(long_text)) {
			static char text[65536];

			n = recv(other, text, sizeof(text), MSG_DONTWAIT);
			ck_assert(n > 0 || errno == EAGAIN);
			if (n > 0)
				got += (size_t)n;
			run();
		}
		while (*hear(other))
			;
	}
	ck_assert_uint_eq(calls, 4);
	(void)close(fd);
	(void)close(other);
}
END_TEST

START_TEST(idle_connections_keep_nobody_out)
{
	int fds[CALLERS], last;

	for (size_t i = 0; i < CALLERS; i++)
		fds[i] = dial();
	last = dial();
	ck_assert_str_ne(ask(last, "{\"method\":\"io.tandem.Director.Status\"}"), "closed");
	ck_assert_str_eq(hear(fds[0]), "closed");
	for (size_t i = 0; i < CALLERS; i++)
		(void)close(fds[i]);
	(void)close(last);
	run();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *tc = tcase_create("control");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_call_is_answered_and_the_connection_stays);
	tcase_add_test(tc, the_standard_interface_is_served);
	tcase_add_test(tc, a_parameter_of_another_type_or_name_is_named);
	tcase_add_test(tc, what_is_no_call_ends_the_connection_and_nothing_else);
	tcase_add_test(tc, an_endless_call_is_cut_off);
	tcase_add_test(tc, a_caller_may_hang_up_before_its_answer);
	tcase_add_test(tc, a_second_call_before_the_first_is_answered_is_no_varlink);
	tcase_add_test(tc, who_asks_again_without_having_read_is_sent_away);
	tcase_add_test(tc, idle_connections_keep_nobody_out);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
