/* Bytes of grpc.health.v1, as protoc and gRPC's own servers make them. */
#include "core/grpc_health.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

START_TEST(the_whole_server_is_an_empty_message)
{
	uint8_t bytes[GRPC_REQUEST_MAX];

	ck_assert_uint_eq(grpc_health_build("", bytes), 5);
	ck_assert_mem_eq(bytes, "\0\0\0\0\0", 5);
}
END_TEST

START_TEST(a_service_is_field_one)
{
	uint8_t bytes[GRPC_REQUEST_MAX];

	ck_assert_uint_eq(grpc_health_build("a.B", bytes), 10);
	ck_assert_mem_eq(bytes, "\0\0\0\0\5\x0a\3a.B", 10);
}
END_TEST

START_TEST(a_long_service_has_a_length_of_two_bytes)
{
	uint8_t bytes[GRPC_REQUEST_MAX];
	char service[GRPC_SERVICE_MAX + 1];

	memset(service, 's', GRPC_SERVICE_MAX);
	service[GRPC_SERVICE_MAX] = '\0';
	ck_assert_uint_eq(grpc_health_build(service, bytes), GRPC_REQUEST_MAX);
	ck_assert_mem_eq(bytes, "\0\0\0\1\2\x0a\xff\1ss", 10);
}
END_TEST

static const struct {
	const char *bytes;
	size_t len;
	enum grpc_health health;
} replies[] = {
	{"\0\0\0\0\2\x08\1", 7, GRPC_HEALTH_SERVING},
	{"\0\0\0\0\2\x08\2", 7, GRPC_HEALTH_NOT_SERVING},
	{"\0\0\0\0\2\x08\3", 7, GRPC_HEALTH_SERVICE_UNKNOWN},
	{"\0\0\0\0\2\x08\4", 7, GRPC_HEALTH_OTHER},
	{"\0\0\0\0\2\x08\x7f", 7, GRPC_HEALTH_OTHER},
	{"\0\0\0\0\0", 5, GRPC_HEALTH_UNKNOWN},
	{"\0\0\0\0\3\x08\x81\0", 8, GRPC_HEALTH_SERVING},
	{"\0\0\0\0\4\x08\2\x08\1", 9, GRPC_HEALTH_SERVING},
	/* other fields, of each kind, before and after */
	{"\0\0\0\0\6\x12\2xy\x08\1", 11, GRPC_HEALTH_SERVING},
	{"\0\0\0\0\x0b\x08\1\x11"
	 "12345678",
		16, GRPC_HEALTH_SERVING},
	{"\0\0\0\0\7\x15"
	 "1234\x08\1",
		12, GRPC_HEALTH_SERVING},
	/* field one of another kind is not the status */
	{"\0\0\0\0\3\x0a\1\1", 8, GRPC_HEALTH_UNKNOWN},
	/* a negative number */
	{"\0\0\0\0\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 16, GRPC_HEALTH_OTHER},
	{"", 0, GRPC_HEALTH_SHORT},
	{"\0\0\0\0", 4, GRPC_HEALTH_SHORT},
	{"\0\0\0\0\3\x08\1", 7, GRPC_HEALTH_SHORT},
	{"\0\0\0\0\1\x08\1", 7, GRPC_HEALTH_LONG},
	{"\0\xff\xff\xff\xff\x08\1", 7, GRPC_HEALTH_LONG},
	{"\1\0\0\0\2\x08\1", 7, GRPC_HEALTH_COMPRESSED},
	{"\0\0\0\0\1\x08", 6, GRPC_HEALTH_GARBAGE},
	{"\0\0\0\0\2\x08\x80", 7, GRPC_HEALTH_GARBAGE},
	{"\0\0\0\0\2\x12\x7f", 7, GRPC_HEALTH_GARBAGE},
	{"\0\0\0\0\2\0\1", 7, GRPC_HEALTH_GARBAGE},
	{"\0\0\0\0\2\x0b\1", 7, GRPC_HEALTH_GARBAGE},
	{"\0\0\0\0\3\x15"
	 "12",
		8, GRPC_HEALTH_GARBAGE},
	{"\0\0\0\0\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 17, GRPC_HEALTH_GARBAGE},
};

START_TEST(replies_are_read)
{
	uint8_t *bytes = malloc(replies[_i].len + 1);

	memcpy(bytes, replies[_i].bytes, replies[_i].len);
	ck_assert_int_eq(grpc_health_parse(bytes, replies[_i].len), replies[_i].health);
	free(bytes);
}
END_TEST

START_TEST(codes_have_names)
{
	ck_assert_str_eq(grpc_status_name(12), "UNIMPLEMENTED");
	ck_assert_str_eq(grpc_status_name(17), "unknown code");
	ck_assert_str_eq(grpc_health_name(GRPC_HEALTH_GARBAGE), "reply: not a HealthCheckResponse");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("grpc_health");
	TCase *tc = tcase_create("grpc_health");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, the_whole_server_is_an_empty_message);
	tcase_add_test(tc, a_service_is_field_one);
	tcase_add_test(tc, a_long_service_has_a_length_of_two_bytes);
	tcase_add_loop_test(tc, replies_are_read, 0, sizeof(replies) / sizeof(replies[0]));
	tcase_add_test(tc, codes_have_names);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
