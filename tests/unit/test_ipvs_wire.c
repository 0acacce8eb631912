/* ipvs_request and ipvs_answer: the bytes between us and the kernel. A request that adds something
 * has the layout of the answer that tells of it, so that the one can be read by the other. */
#include "io/ipvs_answer.h"
#include "io/ipvs_request.h"
#include "ipvs_tables.h"

#include <check.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#define FAMILY 29

static _Alignas(4) uint8_t bytes[4096];
static struct ipvs_requests b;

static void setup(void)
{
	b = (struct ipvs_requests){.data = bytes, .size = sizeof(bytes), .family = FAMILY};
}

static int answer_at(size_t *offset, struct ipvs_answer *ret)
{
	return ipvs_get_answer(bytes, b.len, FAMILY, offset, ret);
}

/* Append a message as the kernel would. */
static void put_message(uint16_t type, uint16_t flags, uint32_t seq, const void *body, size_t len)
{
	struct nlmsghdr h = {.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len),
		.nlmsg_type = type,
		.nlmsg_flags = flags,
		.nlmsg_seq = seq};

	ck_assert_uint_le(b.len + NLMSG_ALIGN(h.nlmsg_len), b.size);
	memcpy(bytes + b.len, &h, sizeof(h));
	memcpy(bytes + b.len + NLMSG_HDRLEN, body, len);
	b.len += NLMSG_ALIGN(h.nlmsg_len);
}

START_TEST(every_service_and_server_comes_back_as_it_went)
{
	struct rng rng = {(uint64_t)_i + 1};
	struct table_model m;
	struct ipvs_answer a;

	table_model_random(&rng, &m);
	for (size_t i = 0; i < m.n_services; i++) {
		struct ipvs_service *s = &m.services[i].service;
		size_t offset = 0;

		b.len = 0;
		ck_assert(ipvs_put_op(&b, 1, &(struct ipvs_op){IPVS_OP_ADD_SERVICE, s, NULL}));
		for (size_t j = 0; j < m.services[i].n_dests; j++)
			ck_assert(ipvs_put_op(&b, (uint32_t)(2 + j),
				&(struct ipvs_op){IPVS_OP_ADD_DEST, s, &m.services[i].dests[j]}));
		ck_assert_int_eq(answer_at(&offset, &a), 1);
		ck_assert_int_eq(a.kind, IPVS_ANSWER_SERVICE);
		ck_assert(services_equal(&a.service, s));
		for (size_t j = 0; j < m.services[i].n_dests; j++) {
			ck_assert_int_eq(answer_at(&offset, &a), 1);
			ck_assert_int_eq(a.kind, IPVS_ANSWER_DEST);
			ck_assert_uint_eq(a.seq, 2 + j);
			ck_assert(dests_equal(&a.dest, &m.services[i].dests[j]));
		}
		ck_assert_int_eq(answer_at(&offset, &a), 0);
	}
}
END_TEST

START_TEST(a_persistence_engine_comes_back_too)
{
	struct ipvs_service s = {.scheduler = "rr", .engine = "sip"};
	struct ipvs_answer a;
	size_t offset = 0;

	ck_assert(addr_parse("192.0.2.1", &s.key.addr));
	ck_assert(ipvs_put_op(&b, 1, &(struct ipvs_op){IPVS_OP_SET_SERVICE, &s, NULL}));
	bytes[NLMSG_HDRLEN] = IPVS_CMD_NEW_SERVICE;
	ck_assert_int_eq(answer_at(&offset, &a), 1);
	ck_assert_str_eq(a.service.engine, "sip");
}
END_TEST

START_TEST(timeouts_come_back_as_they_went)
{
	struct ipvs_timeouts timeouts = {900, 120, 300};
	struct ipvs_answer a;
	size_t offset = 0;

	ck_assert(ipvs_put_set_timeouts(&b, 1, &timeouts));
	ck_assert_int_eq(answer_at(&offset, &a), 1);
	ck_assert_int_eq(a.kind, IPVS_ANSWER_TIMEOUTS);
	ck_assert_uint_eq(a.timeouts.tcp_s, 900);
	ck_assert_uint_eq(a.timeouts.tcp_fin_s, 120);
	ck_assert_uint_eq(a.timeouts.udp_s, 300);
}
END_TEST

START_TEST(a_sync_daemon_comes_back_as_it_went)
{
	static const char *const groups[] = {"224.0.0.81", "ff02::81", NULL};
	struct ipvs_sync sync = {.role = IPVS_SYNC_MASTER,
		.interface = "tandem-sync.400",
		.sync_id = 51,
		.maxlen = 44,
		.port = 8848,
		.ttl = 1};
	struct ipvs_answer a;

	for (size_t i = 0; i < 3; i++) {
		size_t offset = 0;

		b.len = 0;
		sync.group = (struct addr){0};
		if (groups[i])
			ck_assert(addr_parse(groups[i], &sync.group));
		ck_assert(ipvs_put_sync_start(&b, 1, &sync));
		ck_assert_int_eq(answer_at(&offset, &a), 1);
		ck_assert_int_eq(a.kind, IPVS_ANSWER_SYNC);
		ck_assert_int_eq(a.sync.role, IPVS_SYNC_MASTER);
		ck_assert_str_eq(a.sync.interface, "tandem-sync.400");
		ck_assert_uint_eq(a.sync.sync_id, 51);
		ck_assert_uint_eq(a.sync.maxlen, 44);
		ck_assert(addr_equal(&a.sync.group, &sync.group));
		ck_assert_uint_eq(a.sync.port, 8848);
		ck_assert_uint_eq(a.sync.ttl, 1);
	}
}
END_TEST

START_TEST(a_message_that_does_not_fit_leaves_the_buffer_as_it_was)
{
	struct ipvs_service s = {.scheduler = "wlc"};
	struct ipvs_dest d = {.weight = 1};
	struct ipvs_op op = {IPVS_OP_ADD_DEST, &s, &d};
	size_t whole;

	ck_assert(addr_parse("2001:db8::1", &s.key.addr));
	ck_assert(addr_parse("2001:db8::2", &d.key.addr));
	ck_assert(ipvs_put_op(&b, 1, &op));
	whole = b.len;
	for (size_t size = whole; size < 2 * whole; size++) {
		memset(bytes + size, 0xee, sizeof(bytes) - size);
		b.size = size;
		ck_assert(!ipvs_put_op(&b, 2, &op));
		ck_assert_uint_eq(b.len, whole);
		ck_assert_uint_eq(b.last, 0);
		ck_assert_uint_eq(bytes[size], 0xee);
	}
	b.size = 2 * whole;
	ck_assert(ipvs_put_op(&b, 2, &op));
	ck_assert_uint_eq(b.last, whole);
}
END_TEST

START_TEST(only_the_last_operation_asks_for_an_acknowledgement)
{
	struct ipvs_service s = {.scheduler = "wlc"};
	struct nlmsghdr h;

	ck_assert(addr_parse("192.0.2.1", &s.key.addr));
	for (uint32_t i = 0; i < 3; i++)
		ck_assert(ipvs_put_op(&b, i, &(struct ipvs_op){IPVS_OP_ADD_SERVICE, &s, NULL}));
	ipvs_requests_ack_last(&b);
	for (size_t offset = 0, i = 0; offset < b.len; offset += NLMSG_ALIGN(h.nlmsg_len), i++) {
		memcpy(&h, bytes + offset, sizeof(h));
		ck_assert_uint_eq(h.nlmsg_type, FAMILY);
		ck_assert_uint_eq(h.nlmsg_seq, i);
		ck_assert_uint_eq(h.nlmsg_flags, NLM_F_REQUEST | (i == 2 ? NLM_F_ACK : 0));
	}
}
END_TEST

START_TEST(acknowledgements_errors_and_ends_are_a_status)
{
	struct nlmsgerr error = {.error = -ESRCH};
	int done = 0;
	struct ipvs_answer a;
	size_t offset = 0;

	put_message(NLMSG_ERROR, 0, 7, &error, sizeof(error));
	put_message(NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, 8, &done, sizeof(done));
	ck_assert_int_eq(answer_at(&offset, &a), 1);
	ck_assert_int_eq(a.kind, IPVS_ANSWER_STATUS);
	ck_assert_int_eq(a.status, -ESRCH);
	ck_assert_uint_eq(a.seq, 7);
	ck_assert(!a.torn);
	ck_assert_int_eq(answer_at(&offset, &a), 1);
	ck_assert_int_eq(a.kind, IPVS_ANSWER_STATUS);
	ck_assert_int_eq(a.status, 0);
	ck_assert(a.torn);
	ck_assert_int_eq(answer_at(&offset, &a), 0);
}
END_TEST

/* A service of the kernel's, attribute by attribute. */

static size_t put_attr(uint8_t *at, uint16_t type, const void *data, size_t len)
{
	struct nlattr h = {.nla_len = (uint16_t)(sizeof(h) + len), .nla_type = type};

	memcpy(at, &h, sizeof(h));
	memcpy(at + sizeof(h), data, len);
	return (size_t)NLA_ALIGN((int)h.nla_len);
}

static void put_foreign_service(bool with_fwmark)
{
	static const struct ip_vs_flags flags = {.flags = IP_VS_SVC_F_HASHED | 0x10, .mask = ~0u};
	_Alignas(4) uint8_t nest[256] = {0}, body[300] = {0};
	uint16_t af = AF_INET, tcp = IPPROTO_TCP;
	uint32_t mark = 9, zero = 0;
	size_t n = 0, len;

	n += put_attr(nest + n, IPVS_SVC_ATTR_AF, &af, 2);
	if (with_fwmark) {
		n += put_attr(nest + n, IPVS_SVC_ATTR_FWMARK, &mark, 4);
	} else {
		n += put_attr(nest + n, IPVS_SVC_ATTR_PROTOCOL, &tcp, 2);
		n += put_attr(
			nest + n, IPVS_SVC_ATTR_ADDR, "\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0", 16);
		n += put_attr(nest + n, IPVS_SVC_ATTR_PORT, "\1\xbb", 2);
	}
	n += put_attr(nest + n, IPVS_SVC_ATTR_SCHED_NAME, "none", 5);
	n += put_attr(nest + n, IPVS_SVC_ATTR_FLAGS, &flags, sizeof(flags));
	n += put_attr(nest + n, IPVS_SVC_ATTR_TIMEOUT, &zero, 4);
	n += put_attr(nest + n, IPVS_SVC_ATTR_NETMASK, "\xff\xff\xff\0", 4);
	n += put_attr(nest + n, 4000, "from a newer kernel", 20);
	body[0] = IPVS_CMD_NEW_SERVICE;
	len = GENL_HDRLEN + put_attr(body + GENL_HDRLEN, IPVS_CMD_ATTR_SERVICE, nest, n);
	put_message(FAMILY, NLM_F_MULTI, 1, body, len);
}

START_TEST(the_kernels_own_flag_is_masked_and_numbers_change_their_byte_order)
{
	struct ipvs_answer a;
	char text[IPVS_KEY_TEXT_MAX];
	size_t offset = 0;

	put_foreign_service(false);
	ck_assert_int_eq(answer_at(&offset, &a), 1);
	ck_assert_int_eq(a.kind, IPVS_ANSWER_SERVICE);
	ck_assert_str_eq(ipvs_service_key_format(&a.service.key, text), "tcp 192.0.2.1:443");
	ck_assert_uint_eq(a.service.flags, 0x10);
	ck_assert_uint_eq(a.service.netmask, 0xffffff00);
	ck_assert_str_eq(a.service.scheduler, "none");
}
END_TEST

START_TEST(a_service_by_firewall_mark_has_only_the_mark_and_a_family)
{
	struct ipvs_answer a;
	size_t offset = 0;

	put_foreign_service(true);
	ck_assert_int_eq(answer_at(&offset, &a), 1);
	ck_assert_int_eq(a.kind, IPVS_ANSWER_SERVICE);
	ck_assert_uint_eq(a.service.key.fwmark, 9);
	ck_assert_uint_eq(a.service.key.addr.family, AF_INET);
	ck_assert(addr_is_zero(&a.service.key.addr));
	ck_assert_uint_eq(a.service.key.port, 0);
	ck_assert_uint_eq(a.service.key.protocol, 0);
}
END_TEST

START_TEST(an_unknown_forwarding_method_differs_from_ours)
{
	struct ipvs_service s = {.scheduler = "wlc"};
	struct ipvs_dest d = {.forward = (enum ipvs_forward)4, .weight = 1};
	struct ipvs_answer a;
	size_t offset = 0;

	ck_assert(addr_parse("192.0.2.1", &s.key.addr));
	ck_assert(addr_parse("192.0.2.2", &d.key.addr));
	ck_assert(ipvs_put_op(&b, 1, &(struct ipvs_op){IPVS_OP_ADD_DEST, &s, &d}));
	ck_assert_int_eq(answer_at(&offset, &a), 1);
	ck_assert_uint_eq(a.dest.forward, 4);
}
END_TEST

START_TEST(truncated_answers_are_rejected_wherever_they_end)
{
	static const struct nlmsgerr error = {.error = -1};
	struct ipvs_answer a = {.seq = 12345};
	size_t whole;

	put_foreign_service(false);
	whole = b.len;
	for (b.len = 1; b.len < whole; b.len++) {
		size_t offset = 0;

		ck_assert_int_eq(answer_at(&offset, &a), -EBADMSG);
		ck_assert_int_eq(answer_at(&offset, &a), 0);
	}
	b.len = 0;
	put_message(NLMSG_ERROR, 0, 1, &error, 3);
	ck_assert_int_eq(answer_at(&(size_t){0}, &a), -EBADMSG);
	ck_assert_uint_eq(a.seq, 12345); /* untouched */
}
END_TEST

START_TEST(a_bad_answer_does_not_hide_the_next)
{
	static const struct nlmsgerr nonsense = {.error = 5}, good = {.error = -5};
	struct ipvs_answer a;
	size_t offset = 0;

	put_message(NLMSG_ERROR, 0, 1, &nonsense, sizeof(nonsense));
	put_message(NLMSG_ERROR, 0, 2, &good, sizeof(good));
	ck_assert_int_eq(answer_at(&offset, &a), -EBADMSG);
	ck_assert_int_eq(answer_at(&offset, &a), 1);
	ck_assert_int_eq(a.status, -5);
}
END_TEST

START_TEST(messages_of_other_families_are_of_no_use)
{
	struct ipvs_answer a;
	size_t offset = 0;

	put_message(FAMILY + 1, 0, 1, "abcd", 4);
	ck_assert_int_eq(answer_at(&offset, &a), 1);
	ck_assert_int_eq(a.kind, IPVS_ANSWER_OTHER);
}
END_TEST

static const char *failure_text(struct ipvs_op op, int error)
{
	static char text[320];
	struct ipvs_failure failure = {&op, error};

	return ipvs_failure_text(&failure, text, sizeof(text));
}

START_TEST(a_refused_operation_is_explained_by_name)
{
	struct ipvs_service s = {.key = {.port = 80, .protocol = IPPROTO_TCP}, .scheduler = "wlcc"};
	struct ipvs_dest d = {.key = {.port = 8080}};

	ck_assert(addr_parse("192.0.2.100", &s.key.addr));
	ck_assert(addr_parse("192.0.2.11", &d.key.addr));
	ck_assert_str_eq(failure_text((struct ipvs_op){IPVS_OP_ADD_SERVICE, &s, NULL}, -ENOENT),
		"tcp 192.0.2.100:80: add-service: this kernel has no scheduler \"wlcc\"");
	ck_assert_str_eq(failure_text((struct ipvs_op){IPVS_OP_SET_DEST, &s, &d}, -ENOENT),
		"tcp 192.0.2.100:80, server 192.0.2.11:8080: set-server: the service has no such "
		"server");
	ck_assert_str_eq(failure_text((struct ipvs_op){IPVS_OP_DEL_SERVICE, &s, NULL}, -ENOMEM),
		"tcp 192.0.2.100:80: delete-service: Cannot allocate memory");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ipvs_wire");
	TCase *tests = tcase_create("ipvs_wire");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_loop_test(tests, every_service_and_server_comes_back_as_it_went, 0, 50);
	tcase_add_test(tests, a_persistence_engine_comes_back_too);
	tcase_add_test(tests, timeouts_come_back_as_they_went);
	tcase_add_test(tests, a_sync_daemon_comes_back_as_it_went);
	tcase_add_test(tests, a_message_that_does_not_fit_leaves_the_buffer_as_it_was);
	tcase_add_test(tests, only_the_last_operation_asks_for_an_acknowledgement);
	tcase_add_test(tests, acknowledgements_errors_and_ends_are_a_status);
	tcase_add_test(tests, the_kernels_own_flag_is_masked_and_numbers_change_their_byte_order);
	tcase_add_test(tests, a_service_by_firewall_mark_has_only_the_mark_and_a_family);
	tcase_add_test(tests, an_unknown_forwarding_method_differs_from_ours);
	tcase_add_test(tests, truncated_answers_are_rejected_wherever_they_end);
	tcase_add_test(tests, a_bad_answer_does_not_hide_the_next);
	tcase_add_test(tests, messages_of_other_families_are_of_no_use);
	tcase_add_test(tests, a_refused_operation_is_explained_by_name);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
