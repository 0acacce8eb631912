/* io/conn_list and io/udp_queue: what the kernel shows in /proc. The lines are as Linux 6.1 prints
 * them. */
#include "io/conn_list.h"
#include "io/device_drops.h"
#include "io/service_list.h"
#include "io/udp_queue.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static const struct expected {
	const char *line;
	uint8_t protocol;
	uint16_t state;
	uint32_t flags, timeout_s, left_s;
	const char *client, *service, *server;
	uint16_t client_port, service_port, server_port;
	const char *options; /* NULL: none */
	size_t options_len;
} expected[] = {
	{"TCP C6336407 9C40 C0000264 01BB C000020B 20FB ESTABLISHED     897\n", IPPROTO_TCP, 1, 0,
		0, 897, "198.51.100.7", "192.0.2.100", "192.0.2.11", 40000, 443, 8443, NULL, 0},
	{"TCP C6336407 9C40 C0000264 01BB C000020B 01BB FIN_WAIT        119\n", IPPROTO_TCP, 4,
		0x100, 0, 119, "198.51.100.7", "192.0.2.100", "192.0.2.11", 40000, 443, 443, NULL,
		0},
	{"TCP C6336407 9C40 C0000264 01BB C000020B 01BB SYN_RECV         57\n", IPPROTO_TCP, 3, 0,
		0, 57, "198.51.100.7", "192.0.2.100", "192.0.2.11", 40000, 443, 443, NULL, 0},
	{"TCP C6336400 0000 C0000264 01BB C000020B 01BB ASSURED         299\n", IPPROTO_TCP, 1,
		0x1100, 299, 299, "198.51.100.0", "192.0.2.100", "192.0.2.11", 0, 443, 443, NULL,
		0},
	{"IP  C6336400 0000 00000007 0000 C000020B 0000 NONE             99\n", 0, 0, 0x1100, 99,
		99, "198.51.100.0", "0.0.0.7", "192.0.2.11", 0, 0, 0, NULL, 0},
	{"UDP C6336407 9C40 C0000264 0035 C000020B 0035 UDP             300\n", IPPROTO_UDP, 0,
		0x100, 0, 300, "198.51.100.7", "192.0.2.100", "192.0.2.11", 40000, 53, 53, NULL, 0},
	{"UDP C6336407 0000 C0000264 13C4 C000020B 13C4 ASSURED         300 sip 1-2@a b\n",
		IPPROTO_UDP, 1, 0x1100, 300, 300, "198.51.100.7", "192.0.2.100", "192.0.2.11", 0,
		5060, 5060,
		"\2\7"
		"1-2@a b\3\3sip",
		14},
	{"TCP 2001:0db8:0000:0000:0000:0000:0000:0007 9C40 2001:0db8:0000:0000:0000:0000:0000:0100 "
	 "01BB 2001:0db8:0000:0000:0000:0000:0000:0011 01BB ESTABLISHED     900\n",
		IPPROTO_TCP, 1, 0, 0, 900, "2001:db8::7", "2001:db8::100", "2001:db8::11", 40000,
		443, 443, NULL, 0},
	{"SCTP C6336407 9C40 C0000264 01BB C000020B 01BB S-SENT           60\n", IPPROTO_SCTP, 9,
		0x100, 0, 60, "198.51.100.7", "192.0.2.100", "192.0.2.11", 40000, 443, 443, NULL,
		0},
};

START_TEST(a_line_becomes_a_record)
{
	const struct expected *e = &expected[_i];
	struct addr client = address(e->client), service = address(e->service),
		    server = address(e->server);
	struct conn_line got;
	const struct sync_record *r = &got.record;
	uint8_t message[SYNC_RECORD_MAX + 8];
	struct sync_writer w;

	ck_assert(conn_line_parse(e->line, &got));
	ck_assert_uint_eq(r->protocol, e->protocol);
	ck_assert_uint_eq(r->state, e->state);
	ck_assert_uint_eq(r->flags, e->flags);
	ck_assert_uint_eq(r->timeout_s, e->timeout_s);
	ck_assert_uint_eq(got.left_s, e->left_s);
	ck_assert(addr_equal(&r->client, &client));
	ck_assert(addr_equal(&r->service, &service));
	ck_assert(addr_equal(&r->server, &server));
	ck_assert_uint_eq(r->client_port, e->client_port);
	ck_assert_uint_eq(r->service_port, e->service_port);
	ck_assert_uint_eq(r->server_port, e->server_port);
	ck_assert_uint_eq(r->options_len, e->options_len);
	if (e->options)
		ck_assert_mem_eq(r->options, e->options, e->options_len);
	/* And a kernel would take it. */
	sync_writer_begin(&w, message, sizeof(message), 1);
	ck_assert(sync_writer_add(&w, r));
}
END_TEST

START_TEST(what_is_no_connection_is_none)
{
	static const char *const lines[] = {
		"",
		"\n",
		"Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n",
		"TCP C6336407 9C40 C0000264 01BB C000020B 01BB ESTABLISHED\n",
		"TCP C6336407 9C40 C0000264 01BB C000020B 01BB ESTABLISHED -1\n",
		"TCP C6336407 9C40 C0000264 01BB C000020B 01BB BUG 7\n",
		"TCP C6336407 9C40 C0000264 01BB C000020B 101BB ESTABLISHED 7\n",
		"TCP C633640 9C40 C0000264 01BB C000020B 01BB ESTABLISHED 7\n",
		"TCP C6336407 9C40 2001:db8::1 01BB C000020B 01BB ESTABLISHED 7\n",
		"XNS C6336407 9C40 C0000264 01BB C000020B 01BB ESTABLISHED 7\n",
		"UDP C6336407 0000 C0000264 13C4 C000020B 13C4 ASSURED 300 sip\n",
		"UDP C6336407 0000 C0000264 13C4 C000020B 13C4 ASSURED 3 engine-of-17-char x\n",
	};
	struct conn_line got;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(!conn_line_parse(lines[i], &got), "%s", lines[i]);
}
END_TEST

static void count(struct conn_line *line, void *userdata)
{
	(void)line;
	++*(unsigned *)userdata;
}

START_TEST(a_list_is_read_in_parts)
{
	char path[] = "/tmp/test_conn_list.XXXXXX";
	int fd = mkstemp(path);
	struct proc_lines *list;
	unsigned seen = 0;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "Pro FromIP ...\n"), 0);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_gt(dprintf(fd, "%s", i == 500 ? "strange\n" : expected[0].line), 0);
	ck_assert_int_eq(proc_lines_open(path, &list), 0);
	ck_assert_int_eq(conn_list_read(list, 101, count, &seen), 1);
	ck_assert_uint_eq(seen, 100);
	ck_assert_int_eq(conn_list_read(list, 5000, count, &seen), 0);
	ck_assert_uint_eq(seen, 999);
	ck_assert_uint_eq(proc_lines_strange(list), 1);
	proc_lines_close(list);
	(void)close(fd);
	(void)unlink(path);
	ck_assert_int_eq(proc_lines_open(path, &list), -ENOENT);
}
END_TEST

START_TEST(lines_of_udp_sockets_are_read)
{
	struct udp_queue_socket s;
	struct addr group = address("224.0.0.81"), group6 = address("ff02::81");

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	ck_assert(udp_queue_parse(
		" 1803: 510000E0:2290 00000000:0000 07 00000000:00012C00 00:00000000 "
		"00000000     0        0 21931 2 0000000000000000 17 \n",
		AF_INET, &s));
	ck_assert(addr_equal(&s.address, &group));
	ck_assert(udp_queue_parse(" 1803: 000002FF000000000000000081000000:2290 "
				  "00000000000000000000000000000000:0000 07 "
				  "00000000:00012C00 00:00000000 00000000     0        0 21931 2 "
				  "0000000000000000 17\n",
		AF_INET6, &s));
	ck_assert(addr_equal(&s.address, &group6));
#endif
	ck_assert(
		udp_queue_parse(" 3: 510000E0:2290 00000000:0000 07 00000000:00012C00 00:00000000 "
				"00000000     0        0 21931 2 0000000000000000 17 \n",
			AF_INET, &s));
	ck_assert_uint_eq(s.port, 8848);
	ck_assert_uint_eq(s.waiting, 0x12c00);
	ck_assert_uint_eq(s.drops, 17);
	ck_assert_uint_eq(s.inode, 21931);
	ck_assert(!udp_queue_parse(
		"  sl  local_address rem_address   st tx_queue rx_queue tr\n", AF_INET, &s));
}
END_TEST

/* A socket of our own, with two datagrams in it and one that it had no room for. */
START_TEST(a_full_socket_shows_its_queue_and_its_drops)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 1;
	struct addr loopback = address("127.0.0.1");
	socklen_t len = sizeof(sin);
	struct udp_queue_file *f;
	struct udp_queue q;
	struct stat st;
	uint64_t inode;
	char bytes[1400] = {0};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	for (unsigned i = 0; i < 20; i++)
		(void)sendto(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&sin, sizeof(sin));
	ck_assert_int_eq(udp_queue_open(AF_INET, &f), 0);
	ck_assert_int_eq(udp_queue_read(f, &loopback, ntohs(sin.sin_port), NULL, 0, &q), 0);
	ck_assert_uint_eq(q.sockets, 1);
	ck_assert_uint_gt(q.waiting, sizeof(bytes));
	ck_assert_uint_gt(q.drops, 0);
	ck_assert_uint_lt(q.drops, 20);
	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(udp_queue_read(f, &loopback, ntohs(sin.sin_port), NULL, 0, &q), 0);
	ck_assert_uint_eq(q.waiting, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	inode = st.st_ino;
	ck_assert_int_eq(udp_queue_read(f, &loopback, ntohs(sin.sin_port), &inode, 1, &q), -ENOENT);
	(void)close(fd);
	udp_queue_close(f);
}
END_TEST

START_TEST(a_service_and_its_servers_are_read)
{
	struct service_line l;
	struct addr a = address("2001:db8::a"), b = address("192.0.2.11");

	ck_assert(service_line_parse(
		"TCP  [2001:0db8:0000:0000:0000:0000:0000:000a]:01BB wlc persistent 300 FFFFFFFF\n",
		&l));
	ck_assert(!l.is_server && l.protocol == IPPROTO_TCP && l.port == 443);
	ck_assert(addr_equal(&l.address, &a));
	ck_assert(service_line_parse(
		"  -> C000020B:0050      Tunnel  10     123        45        \n", &l));
	ck_assert(l.is_server && l.port == 80);
	ck_assert(l.active == 123 && l.inactive == 45);
	ck_assert(addr_equal(&l.address, &b));
	ck_assert(service_line_parse("FWM  000000FF rr  \n", &l));
	ck_assert(!l.is_server && l.protocol == 0 && l.mark == 255);
}
END_TEST

START_TEST(what_is_no_service_is_refused)
{
	static const char *const lines[] = {"", "IP Virtual Server version 1.2.1 (size=4096)\n",
		"Prot LocalAddress:Port Scheduler Flags\n",
		"  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n",
		"  -> C000020B:0050      Route   1      0\n", "TCP  C0000264 rr\n",
		"TCP  [2001:db8::a:0050 rr\n", "FWM  zz rr\n", "TCP  C0000264:0050x rr\n"};
	struct service_line l;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(!service_line_parse(lines[i], &l), "%s", lines[i]);
}
END_TEST

START_TEST(what_a_device_dropped_is_read)
{
	static const char line[] = "tandem-sync:  100  5    0    7    0     0          0         0 "
				   "     900       8    "
				   "0   33    0     0       0          0\n";
	struct device_drops d;

	ck_assert(device_drops_parse(line, "tandem-sync", &d));
	ck_assert(d.received == 7 && d.sent == 33);
	ck_assert(!device_drops_parse(line, "tandem", &d));
	ck_assert_int_eq(device_drops_read("no-such-device", &d), -ENODEV);
	ck_assert_int_eq(device_drops_read("lo", &d), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conn_list");
	TCase *tc = tcase_create("conn_list");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, a_line_becomes_a_record, 0, sizeof(expected) / sizeof(expected[0]));
	tcase_add_test(tc, what_is_no_connection_is_none);
	tcase_add_test(tc, a_list_is_read_in_parts);
	tcase_add_test(tc, lines_of_udp_sockets_are_read);
	tcase_add_test(tc, a_full_socket_shows_its_queue_and_its_drops);
	tcase_add_test(tc, a_service_and_its_servers_are_read);
	tcase_add_test(tc, what_is_no_service_is_refused);
	tcase_add_test(tc, what_a_device_dropped_is_read);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
