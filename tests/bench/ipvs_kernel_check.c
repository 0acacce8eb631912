/* Holds io/ipvs against the running kernel, each check in a network namespace of its own: the
 * kernel's refusals come back as they should, and where it misleads, nobody is misled.
 * `ipvs_kernel_check [NAME...]`: these checks, or all of them.
 * Exit status: 0 all held, 1 something did not, 77 no IPVS here. */
#include "base/cleanup.h"
#include "io/ipvs.h"
#include "kernel_check.h"
#include "own_netns.h"

#include <errno.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define LARGE 3000 /* services: more than one answer of the kernel holds, by far */

static bool may_delete(const struct ipvs_service_key *key, void *userdata)
{
	(void)key;
	(void)userdata;
	return true;
}

static struct ipvs_service service_on(uint16_t port)
{
	struct ipvs_service s = {.key = {.port = port, .protocol = IPPROTO_UDP},
		.scheduler = "rr",
		.netmask = UINT32_MAX};

	(void)addr_parse("192.0.2.1", &s.key.addr);
	return s;
}

static struct ipvs_dest server_of(const struct ipvs_service *s)
{
	struct ipvs_dest d = {.key = {.port = s->key.port}, .weight = 1};

	(void)addr_parse("203.0.113.2", &d.key.addr);
	return d;
}

static int refusal_of(struct ipvs *v, enum ipvs_op_kind kind, const struct ipvs_service *s,
	const struct ipvs_dest *d)
{
	struct ipvs_op op = {kind, s, d};
	struct ipvs_failure failure = {.error = 0};
	size_t n;
	int r = ipvs_apply(v, &op, 1, &failure, 1, &n);

	return r < 0 ? r : failure.error;
}

/* What it says */

/* Many times more additions than a send buffer holds, all refused: each must be told. */
static bool each_refusal_is_told(struct ipvs *v)
{
	enum { N = 4000 };
	struct ipvs_service s = service_on(80);
	auto_free struct ipvs_failure *failures = calloc(N, sizeof(*failures));
	auto_free struct ipvs_op *ops = calloc(N, sizeof(*ops));
	size_t n;

	CHECK(failures && ops);
	for (size_t i = 0; i < N; i++)
		ops[i] = (struct ipvs_op){IPVS_OP_ADD_SERVICE, &s, NULL};
	CHECK(ipvs_apply(v, ops, N, failures, N, &n) == 0);
	CHECK(n == N - 1);
	for (size_t i = 0; i < n; i++)
		CHECK(failures[i].op == &ops[i + 1] && failures[i].error == -EEXIST);
	ops[0].kind = IPVS_OP_DEL_SERVICE;
	CHECK(ipvs_apply(v, ops, 1, failures, N, &n) == 0 && n == 0);
	return true;
}

static bool refusals_have_their_reason(struct ipvs *v)
{
	struct ipvs_service s = service_on(80);
	struct ipvs_dest d = server_of(&s);

	strcpy(s.scheduler, "no-such-one");
	CHECK(refusal_of(v, IPVS_OP_ADD_SERVICE, &s, NULL) == -ENOENT);
	CHECK(refusal_of(v, IPVS_OP_DEL_SERVICE, &s, NULL) == -ESRCH);
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == -ESRCH);
	strcpy(s.scheduler, "rr");
	CHECK(refusal_of(v, IPVS_OP_ADD_SERVICE, &s, NULL) == 0);
	CHECK(refusal_of(v, IPVS_OP_SET_DEST, &s, &d) == -ENOENT);
	d.lower = 2, d.upper = 1;
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == -ERANGE);
	d.lower = 0;
	CHECK(addr_parse("2001:db8::1", &d.key.addr));
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == -EINVAL);
	CHECK(refusal_of(v, IPVS_OP_DEL_SERVICE, &s, NULL) == 0);
	return true;
}

static bool sync_daemons_start_and_stop(struct ipvs *v)
{
	struct ipvs_sync sync = {.role = IPVS_SYNC_MASTER,
				 .interface = "lo",
				 .sync_id = 51,
				 .maxlen = 44,
				 .port = 8849,
				 .ttl = 2},
			 running[2];

	CHECK(addr_parse("224.0.0.82", &sync.group));
	CHECK(ipvs_sync_dump(v, running) == 0);
	CHECK(ipvs_sync_start(v, &sync) == 0);
	CHECK(ipvs_sync_start(v, &sync) == -EEXIST);
	CHECK(ipvs_sync_dump(v, running) == 1);
	CHECK(running[0].role == IPVS_SYNC_MASTER && strcmp(running[0].interface, "lo") == 0);
	CHECK(running[0].sync_id == 51 && running[0].maxlen == 44 && running[0].ttl == 2);
	CHECK(running[0].port == 8849 && addr_equal(&running[0].group, &sync.group));
	sync.role = IPVS_SYNC_BACKUP;
	sync.maxlen = 0;
	CHECK(ipvs_sync_start(v, &sync) == 0);
	CHECK(ipvs_sync_dump(v, running) == 2);
	CHECK(ipvs_sync_stop(v, IPVS_SYNC_MASTER) == 0);
	CHECK(ipvs_sync_dump(v, running) == 1 && running[0].role == IPVS_SYNC_BACKUP);
	CHECK(ipvs_sync_stop(v, IPVS_SYNC_BACKUP) == 0);
	CHECK(ipvs_sync_stop(v, IPVS_SYNC_BACKUP) == 0);
	sync.sync_id = 256;
	CHECK(ipvs_sync_start(v, &sync) == -EINVAL);
	sync.sync_id = 1;
	sync.maxlen = 9189;
	CHECK(ipvs_sync_start(v, &sync) == -EINVAL);
	sync.maxlen = 0;
	strcpy(sync.interface, "no-such-if");
	CHECK(ipvs_sync_start(v, &sync) == -ENODEV);
	return true;
}

/* Stopped before its thread has run, a daemon goes without an acknowledgement. */
static bool a_stop_at_once_is_noticed(struct ipvs *v)
{
	struct ipvs_sync sync = {.role = IPVS_SYNC_BACKUP, .interface = "lo", .sync_id = 1};
	struct ipvs_sync running[2];

	for (int i = 0; i < 20; i++) {
		CHECK(ipvs_sync_start(v, &sync) == 0);
		CHECK(ipvs_sync_stop(v, IPVS_SYNC_BACKUP) == 0);
		CHECK(ipvs_sync_dump(v, running) == 0);
	}
	return true;
}

/* Tables that change while they are read */

/* LARGE services of one server each, to be changed by `v`. */
struct large {
	struct ipvs_table want;
	struct ipvs_op *ops; /* room for a plan */
	struct ipvs_failure *failures;
};

static bool large_init(struct large *l, struct ipvs *v)
{
	struct ipvs_table nothing = {0};
	size_t n, n_failures;

	*l = (struct large){
		.want = {.services = calloc(LARGE, sizeof(struct ipvs_service)),
			.dests = calloc(LARGE, sizeof(struct ipvs_dest))},
		.ops = calloc(4 * LARGE, sizeof(struct ipvs_op)),
		.failures = calloc(4 * LARGE, sizeof(struct ipvs_failure)),
	};
	CHECK(l->want.services && l->want.dests && l->ops && l->failures);
	for (uint32_t i = 0; i < LARGE; i++) {
		l->want.services[i] = service_on((uint16_t)(1 + i));
		l->want.services[i].first_dest = i;
		l->want.services[i].n_dests = 1;
		l->want.dests[i] = server_of(&l->want.services[i]);
	}
	l->want.n_services = l->want.n_dests = LARGE;
	n = ipvs_plan(&l->want, &nothing, NULL, NULL, l->ops);
	CHECK(n == 2 * LARGE);
	CHECK(ipvs_apply(v, l->ops, n, l->failures, 4 * LARGE, &n_failures) == 0 &&
		n_failures == 0);
	return true;
}

static void large_done(struct large *l)
{
	free(l->want.services);
	free(l->want.dests);
	free(l->ops);
	free(l->failures);
}

/* Of the services, each with an even port goes; from then on none is wanted any more. */
static bool delete_half(struct ipvs *v, struct large *l)
{
	size_t n = 0, kept = 0, n_failures;

	for (size_t i = 0; i < LARGE; i++)
		if (l->want.services[i].key.port % 2 == 0)
			l->ops[n++] =
				(struct ipvs_op){IPVS_OP_DEL_SERVICE, &l->want.services[i], NULL};
	CHECK(ipvs_apply(v, l->ops, n, l->failures, 4 * LARGE, &n_failures) == 0 &&
		n_failures == 0);
	for (size_t i = 0; i < LARGE; i++)
		if (l->want.services[i].key.port % 2 == 1)
			l->want.services[kept++] = l->want.services[i];
	l->want.n_services = kept;
	return true;
}

static size_t count_missing(const struct ipvs_table *want, const struct ipvs_table *have)
{
	size_t n = 0;

	for (size_t i = 0; i < want->n_services; i++)
		n += !ipvs_table_find(have, &want->services[i].key);
	return n;
}

/* What is planned from a torn picture adds what is there and deletes what is not: refused, all of
 * it, and the next look is whole. */
static bool torn_plan_does_no_harm(struct ipvs *v, struct large *l, const struct ipvs_table *torn)
{
	struct ipvs_table have;
	size_t n = ipvs_plan(&l->want, torn, may_delete, NULL, l->ops), n_failures;

	CHECK(ipvs_apply(v, l->ops, n, l->failures, 4 * LARGE, &n_failures) == 0);
	CHECK(n_failures == n);
	for (size_t i = 0; i < n; i++)
		CHECK(l->failures[i].error ==
			(l->failures[i].op->kind == IPVS_OP_DEL_SERVICE ? -ESRCH : -EEXIST));
	CHECK(ipvs_dump(v, &have) == 0);
	CHECK(ipvs_plan(&l->want, &have, may_delete, NULL, l->ops) == 0);
	ipvs_table_done(&have);
	return true;
}

/* Deletions among what was told already move live services below the place where the dump goes on.
 * A kernel that does not lose them any more fails this: then what it says instead is to be used. */
static bool a_dump_torn_by_somebody_else_misses_services_and_does_no_harm(struct ipvs *v)
{
	const struct instant past = {0};
	struct ipvs_dumping *dumping;
	struct ipvs_table torn;
	struct ipvs *other;
	struct large l;
	size_t missing;
	int r = 0;

	CHECK(ipvs_open(&other) == 0 && large_init(&l, other));
	CHECK(ipvs_dumping_new(v, &dumping) == 0);
	for (int i = 0; i < 20 && r == 0; i++)
		r = ipvs_dumping_step(dumping, past);
	CHECK(r == 0 && delete_half(other, &l));
	CHECK(ipvs_dumping_step(dumping, INSTANT_NEVER) == 1);
	torn = ipvs_dumping_take(dumping);
	missing = count_missing(&l.want, &torn);
	printf("missing in a torn dump: %zu of %zu\n", missing, l.want.n_services);
	CHECK(missing > 0);
	CHECK(torn_plan_does_no_harm(v, &l, &torn));
	ipvs_table_done(&torn);
	ipvs_dumping_free(dumping);
	large_done(&l);
	ipvs_close(other);
	return true;
}

/* Whether the dump was over before its step `at`. */
static bool dump_with_deletion(
	struct ipvs *v, struct ipvs *other, int at, struct ipvs_table *ret, bool *ret_over)
{
	const struct instant past = {0};
	struct ipvs_service s = service_on(53);
	struct ipvs_dest d = server_of(&s);
	struct ipvs_dumping *dumping;
	int r = 0;

	CHECK(refusal_of(other, IPVS_OP_ADD_SERVICE, &s, NULL) == 0);
	CHECK(refusal_of(other, IPVS_OP_ADD_DEST, &s, &d) == 0);
	CHECK(ipvs_dumping_new(v, &dumping) == 0);
	for (int i = 0; i < at && r == 0; i++)
		r = ipvs_dumping_step(dumping, past);
	*ret_over = r == 1;
	CHECK(refusal_of(other, IPVS_OP_DEL_SERVICE, &s, NULL) == 0);
	if (r == 0)
		r = ipvs_dumping_step(dumping, INSTANT_NEVER);
	CHECK(r == 1);
	*ret = ipvs_dumping_take(dumping);
	ipvs_dumping_free(dumping);
	return true;
}

/* The servers of a service that is gone are an empty dump and no error: at no moment of a dump may
 * a deletion leave a service in it that has lost its servers alone. */
static bool a_service_deleted_while_it_is_dumped_is_not_taken_for_an_empty_one(struct ipvs *v)
{
	struct ipvs *other;
	bool over = false, was_gone = false;

	CHECK(ipvs_open(&other) == 0);
	for (int at = 0; !over; at++) {
		struct ipvs_table t;

		CHECK(dump_with_deletion(v, other, at, &t, &over));
		CHECK(t.n_services == 0 || (t.n_services == 1 && t.services[0].n_dests == 1));
		was_gone |= t.n_services == 0;
		ipvs_table_done(&t);
	}
	CHECK(was_gone);
	ipvs_close(other);
	return true;
}

static bool a_service_deleted_between_dump_and_apply_is_told_and_comes_back(struct ipvs *v)
{
	struct ipvs_service s = service_on(53);
	struct ipvs_dest d = server_of(&s), heavier = d;
	struct ipvs_table want = {&s, 1, &heavier, 1}, have;
	struct ipvs_failure failure;
	struct ipvs_op ops[8];
	size_t n, n_failures;

	s.n_dests = 1;
	heavier.weight = 2;
	CHECK(refusal_of(v, IPVS_OP_ADD_SERVICE, &s, NULL) == 0);
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == 0);
	CHECK(ipvs_dump(v, &have) == 0);
	CHECK(refusal_of(v, IPVS_OP_DEL_SERVICE, &s, NULL) == 0);
	n = ipvs_plan(&want, &have, may_delete, NULL, ops);
	CHECK(n == 1 && ops[0].kind == IPVS_OP_SET_DEST);
	CHECK(ipvs_apply(v, ops, n, &failure, 1, &n_failures) == 0);
	CHECK(n_failures == 1 && failure.error == -ESRCH);
	ipvs_table_done(&have);
	CHECK(ipvs_dump(v, &have) == 0);
	n = ipvs_plan(&want, &have, may_delete, NULL, ops);
	CHECK(n == 2 && ipvs_apply(v, ops, n, &failure, 1, &n_failures) == 0 && n_failures == 0);
	ipvs_table_done(&have);
	return true;
}

/* What the kernel takes and should not */

/* A raw request: io/ipvs has no way to say this. */
static bool add_service_by_mark_0(void)
{
	const struct ip_vs_flags flags = {.mask = ~0u};
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *m = nlmsg_alloc();
	struct nlattr *nest;
	int family;

	CHECK(sock && m && genl_connect(sock) == 0);
	family = genl_ctrl_resolve(sock, IPVS_GENL_NAME);
	CHECK(genlmsg_put(m, 0, 0, family, 0, NLM_F_ACK, IPVS_CMD_NEW_SERVICE, 1));
	nest = nla_nest_start(m, IPVS_CMD_ATTR_SERVICE);
	CHECK(nest && nla_put_u16(m, IPVS_SVC_ATTR_AF, AF_INET) == 0 &&
		nla_put_u32(m, IPVS_SVC_ATTR_FWMARK, 0) == 0 &&
		nla_put_string(m, IPVS_SVC_ATTR_SCHED_NAME, "rr") == 0 &&
		nla_put(m, IPVS_SVC_ATTR_FLAGS, sizeof(flags), &flags) == 0 &&
		nla_put_u32(m, IPVS_SVC_ATTR_TIMEOUT, 0) == 0 &&
		nla_put_u32(m, IPVS_SVC_ATTR_NETMASK, UINT32_MAX) == 0);
	(void)nla_nest_end(m, nest);
	CHECK(nl_send_auto(sock, m) > 0 && nl_wait_for_ack(sock) == 0);
	nlmsg_free(m);
	nl_socket_free(sock);
	return true;
}

static bool mark_0_is_told_as_what_the_kernel_made_of_it(struct ipvs *v)
{
	struct ipvs_table have;
	char text[IPVS_KEY_TEXT_MAX];

	CHECK(add_service_by_mark_0());
	CHECK(ipvs_dump(v, &have) == 0);
	CHECK(have.n_services == 1 && have.services[0].key.fwmark == 0);
	(void)ipvs_service_key_format(&have.services[0].key, text);
	CHECK(strcmp(text, "tcp 0.0.0.0:0") == 0);
	CHECK(refusal_of(v, IPVS_OP_DEL_SERVICE, &have.services[0], NULL) == 0);
	ipvs_table_done(&have);
	return true;
}

/* Without any address there is no table of local ones, by which the kernel judges a server's. */
static bool servers_are_refused_where_no_interface_is_up(struct ipvs *v)
{
	struct ipvs_service s = service_on(53);
	struct ipvs_dest d = server_of(&s);

	CHECK(refusal_of(v, IPVS_OP_ADD_SERVICE, &s, NULL) == 0);
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == -EINVAL);
	CHECK(own_netns_up() == 0);
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == 0);
	return true;
}

/* What a deletion leaves behind */

static void send_datagrams(const struct ipvs_service *s, int n)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->key.port)};

	memcpy(&to.sin_addr, s->key.addr.bytes, sizeof(to.sin_addr));
	for (int i = 0; i < n; i++) {
		auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		(void)sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to));
	}
}

static uint32_t connections_of(struct ipvs *v)
{
	struct ipvs_table have;
	uint32_t n;

	if (ipvs_dump(v, &have) < 0)
		return UINT32_MAX;
	n = have.n_dests == 1 ? have.dests[0].inactive : UINT32_MAX;
	ipvs_table_done(&have);
	return n;
}

/* A server that goes lies in the kernel's list of dead ones with its connections, and is taken back
 * from there; an edit leaves them alone altogether. */
static bool a_server_deleted_and_added_again_has_its_connections(struct ipvs *v)
{
	struct ipvs_service s = service_on(53);
	struct ipvs_dest d = server_of(&s);

	CHECK(system("ip link add sink type dummy; ip link set sink up; "
		     "ip address add 192.0.2.1/32 dev lo; ip route add default dev sink") == 0);
	CHECK(refusal_of(v, IPVS_OP_ADD_SERVICE, &s, NULL) == 0);
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == 0);
	send_datagrams(&s, 5);
	CHECK(connections_of(v) == 5);
	d.weight = 0;
	CHECK(refusal_of(v, IPVS_OP_SET_DEST, &s, &d) == 0);
	CHECK(connections_of(v) == 5);
	CHECK(refusal_of(v, IPVS_OP_DEL_DEST, &s, &d) == 0);
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == 0);
	CHECK(connections_of(v) == 5);
	return true;
}

/* A weight is changed by a message that says everything, or the tunnel is one of ipip. */
static bool another_weight_leaves_the_tunnel_as_it_is(struct ipvs *v)
{
	struct ipvs_service s = service_on(53);
	struct ipvs_dest d = server_of(&s);
	struct ipvs_table have;

	d.forward = IPVS_FORWARD_TUNNEL;
	d.tun_type = IPVS_TUNNEL_GUE;
	d.tun_port = 6080;
	d.tun_flags = IPVS_TUNNEL_REMOTE_CHECKSUM;
	CHECK(refusal_of(v, IPVS_OP_ADD_SERVICE, &s, NULL) == 0);
	CHECK(refusal_of(v, IPVS_OP_ADD_DEST, &s, &d) == 0);
	d.weight = 7;
	CHECK(refusal_of(v, IPVS_OP_SET_DEST, &s, &d) == 0);
	CHECK(ipvs_dump(v, &have) == 0 && have.n_dests == 1);
	CHECK(have.dests[0].weight == 7 && have.dests[0].tun_type == IPVS_TUNNEL_GUE);
	CHECK(have.dests[0].tun_port == 6080);
	CHECK(have.dests[0].tun_flags == IPVS_TUNNEL_REMOTE_CHECKSUM);
	ipvs_table_done(&have);
	return true;
}

#define NAMED(function) #function, function
static const struct check {
	const char *name;
	bool (*run)(struct ipvs *v);
	bool down; /* no interface is up */
} checks[] = {
	{NAMED(refusals_have_their_reason), false},
	{NAMED(each_refusal_is_told), false},
	{NAMED(sync_daemons_start_and_stop), false},
	{NAMED(a_stop_at_once_is_noticed), false},
	{NAMED(a_dump_torn_by_somebody_else_misses_services_and_does_no_harm), false},
	{NAMED(a_service_deleted_while_it_is_dumped_is_not_taken_for_an_empty_one), false},
	{NAMED(a_service_deleted_between_dump_and_apply_is_told_and_comes_back), false},
	{NAMED(mark_0_is_told_as_what_the_kernel_made_of_it), false},
	{NAMED(servers_are_refused_where_no_interface_is_up), true},
	{NAMED(a_server_deleted_and_added_again_has_its_connections), false},
	{NAMED(another_weight_leaves_the_tunnel_as_it_is), false},
};
#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

/* Its exit status. */
static int run(const struct check *check)
{
	struct ipvs *v;
	bool good;
	int r = check->down ? own_netns_enter_down() : own_netns_enter();

	if (r < 0)
		return EXIT_FAILURE;
	r = ipvs_open(&v);
	if (r < 0) {
		(void)fprintf(stderr, "no IPVS: %s\n", strerror(-r));
		return r == -ENOENT ? 77 : EXIT_FAILURE;
	}
	good = check->run(v);
	ipvs_close(v);
	printf("%s: %s\n", check->name, good ? "held" : "FAILED");
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* In a process of its own, with a namespace that ends with it. */
static int run_apart(const struct check *check)
{
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		exit(run(check));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return EXIT_FAILURE;
	return WEXITSTATUS(status);
}

static const struct check *find_check(const char *name)
{
	for (size_t i = 0; i < N_CHECKS; i++)
		if (strcmp(checks[i].name, name) == 0)
			return &checks[i];
	return NULL;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? (size_t)argc - 1 : N_CHECKS;
	int worst = EXIT_SUCCESS;

	for (size_t i = 0; i < n; i++) {
		const struct check *check = argc > 1 ? find_check(argv[1 + i]) : &checks[i];
		int status = check ? run_apart(check) : 2;

		if (!check)
			(void)fprintf(stderr, "there is no check \"%s\"\n", argv[1 + i]);
		if (status != EXIT_SUCCESS && worst != EXIT_FAILURE)
			worst = status;
	}
	return worst;
}
