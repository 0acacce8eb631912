/* What tandem-web answers, whatever the status says, and where it listens. */
#include "web/answer.h"
#include "web/listen.h"
#include "web/page.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct instant now = {UINT64_C(100000000000)};
static char *text;

/* Takes status. */
static const char *answer(enum answer_kind kind, json_t *status, const char *reason)
{
	size_t len = 0;

	free(text);
	text = answer_text(kind, status, reason, now, &len);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(len, strlen(text));
	json_decref(status);
	return text;
}

static void tear_down(void)
{
	free(text);
	text = NULL;
}

START_TEST(there_are_three_paths)
{
	ck_assert_int_eq(answer_of_path("/"), ANSWER_PAGE);
	ck_assert_int_eq(answer_of_path("/metrics"), ANSWER_METRICS);
	ck_assert_int_eq(answer_of_path("/status.json"), ANSWER_STATUS);
	ck_assert_int_eq(answer_of_path(""), ANSWER_MAX_);
	ck_assert_int_eq(answer_of_path("/metrics/"), ANSWER_MAX_);
	ck_assert_int_eq(answer_of_path("metrics"), ANSWER_MAX_);
}
END_TEST

START_TEST(without_a_status_only_metrics_are_200)
{
	json_t *status = json_object();

	for (enum answer_kind kind = 0; kind < ANSWER_MAX_; kind++) {
		ck_assert_uint_eq(answer_code(kind, status), 200);
		ck_assert_uint_eq(answer_code(kind, NULL), kind == ANSWER_METRICS ? 200 : 503);
	}
	json_decref(status);
}
END_TEST

START_TEST(a_page_has_nothing_of_the_status_as_markup)
{
	answer(ANSWER_PAGE,
		json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "node", "</title><script>alert('&\")",
			"routers", "name", "<img src=x onerror=alert(1)>", "state", "<b>", "reason",
			"\"><i>"),
		NULL);
	ck_assert_ptr_null(strstr(text, "<script"));
	ck_assert_ptr_null(strstr(text, "<img"));
	ck_assert_ptr_null(strstr(text, "<b>"));
	ck_assert_ptr_null(strstr(text, "<i>"));
	ck_assert_ptr_nonnull(strstr(text,
		"<title>tandem: &lt;/title&gt;&lt;script&gt;alert(&#39;&amp;&quot;)</title>"));
	ck_assert_ptr_nonnull(strstr(text, "router &lt;img src=x onerror=alert(1)&gt;: &lt;b&gt;"));
}
END_TEST

START_TEST(a_page_says_why_there_is_no_status)
{
	answer(ANSWER_PAGE, NULL, "no director answers at <here>");
	ck_assert_ptr_nonnull(strstr(text, "<title>tandem</title>"));
	ck_assert_ptr_nonnull(strstr(text, "<pre>\nno director answers at &lt;here&gt;\n</pre>"));
}
END_TEST

START_TEST(a_status_is_told_as_it_came)
{
	json_t *status = json_pack("{s:s, s:[i, n]}", "node", "lb\n1", "routers", 1), *again;

	answer(ANSWER_STATUS, json_incref(status), NULL);
	again = json_loads(text, 0, NULL);
	ck_assert(json_equal(again, status));
	json_decref(again);
	json_decref(status);
	ck_assert_str_eq(answer(ANSWER_STATUS, NULL, "a \"reason\""),
		"{\n  \"error\": \"a \\\"reason\\\"\"\n}\n");
}
END_TEST

START_TEST(metrics_are_of_the_status_or_say_that_there_is_none)
{
	answer(ANSWER_METRICS, json_object(), NULL);
	ck_assert_ptr_nonnull(strstr(text, "\ntandem_up 1\n"));
	answer(ANSWER_METRICS, NULL, "why");
	ck_assert_ptr_nonnull(strstr(text, "\ntandem_up 0\n"));
}
END_TEST

START_TEST(addresses_and_ports_are_read)
{
	struct sockaddr_storage address;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address;
	socklen_t len;

	ck_assert(listen_parse(LISTEN_DEFAULT, &address, &len));
	ck_assert_int_eq(in->sin_family, AF_INET);
	ck_assert_uint_eq(len, sizeof(*in));
	ck_assert_uint_eq(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);
	ck_assert_uint_eq(ntohs(in->sin_port), 9112);
	ck_assert(listen_parse("[::1]:65535", &address, &len));
	ck_assert_int_eq(in6->sin6_family, AF_INET6);
	ck_assert_uint_eq(len, sizeof(*in6));
	ck_assert(IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr));
	ck_assert_uint_eq(ntohs(in6->sin6_port), 65535);
}
END_TEST

START_TEST(what_is_neither_is_refused)
{
	static const char *const wrong[] = {"", ":", ":80", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 80",
		"127.0.0.1:80 ", "127.0.0.1:000080", "::1:80", "[::1]", "[::1]:", "[::1:80",
		"::1]:80", "[]:80", "[127.0.0.1]:80", "localhost:80", "127.0.0.1.1:80",
		"[aaaa:bbbb:cccc:dddd:eeee:ffff:1111:2222:3333:4444:5555]:80"};
	struct sockaddr_storage address;
	socklen_t len;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!listen_parse(wrong[i], &address, &len), "%s is taken", wrong[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("answer");
	TCase *cases = tcase_create("answer");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_test(cases, there_are_three_paths);
	tcase_add_test(cases, without_a_status_only_metrics_are_200);
	tcase_add_test(cases, a_page_has_nothing_of_the_status_as_markup);
	tcase_add_test(cases, a_page_says_why_there_is_no_status);
	tcase_add_test(cases, a_status_is_told_as_it_came);
	tcase_add_test(cases, metrics_are_of_the_status_or_say_that_there_is_none);
	tcase_add_test(cases, addresses_and_ports_are_read);
	tcase_add_test(cases, what_is_neither_is_refused);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
