/* Any bytes as what one receive brought from the kernel: no read beyond them, progress with each
 * message, and a service, server or daemon that was understood can be written and read again. The
 * first message says which number the family has. */
#include "io/ipvs_answer.h"
#include "io/ipvs_request.h"

#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static bool put_again(struct ipvs_requests *b, const struct ipvs_answer *a)
{
	static const struct ipvs_service any;

	switch (a->kind) {
	case IPVS_ANSWER_SERVICE:
		return ipvs_put_op(b, 0, &(struct ipvs_op){IPVS_OP_ADD_SERVICE, &a->service, NULL});
	case IPVS_ANSWER_DEST:
		return ipvs_put_op(b, 0, &(struct ipvs_op){IPVS_OP_ADD_DEST, &any, &a->dest});
	case IPVS_ANSWER_SYNC:
		return ipvs_put_sync_start(b, 0, &a->sync);
	case IPVS_ANSWER_TIMEOUTS:
		return ipvs_put_set_timeouts(b, 0, &a->timeouts);
	case IPVS_ANSWER_STATUS:
	case IPVS_ANSWER_OTHER:
		break;
	}
	return false;
}

static void same_service(const struct ipvs_service *a, const struct ipvs_service *b)
{
	must(ipvs_service_key_compare(&a->key, &b->key) == 0);
	must(strcmp(a->scheduler, b->scheduler) == 0 && strcmp(a->engine, b->engine) == 0);
	must(a->flags == b->flags && a->timeout_s == b->timeout_s && a->netmask == b->netmask);
}

static void same_dest(const struct ipvs_dest *a, const struct ipvs_dest *b)
{
	must(ipvs_dest_key_compare(&a->key, &b->key) == 0);
	must(a->forward == b->forward && a->weight == b->weight);
	must(a->upper == b->upper && a->lower == b->lower && a->tun_type == b->tun_type);
	must(a->tun_port == b->tun_port && a->tun_flags == b->tun_flags);
}

static void same_sync(const struct ipvs_sync *a, const struct ipvs_sync *b)
{
	must(a->role == b->role && strcmp(a->interface, b->interface) == 0);
	must(a->sync_id == b->sync_id && a->maxlen == b->maxlen && a->port == b->port);
	must(a->ttl == b->ttl && addr_equal(&a->group, &b->group));
}

static void check_again(const struct ipvs_answer *a, uint16_t family)
{
	_Alignas(4) uint8_t bytes[512];
	struct ipvs_requests b = {.data = bytes, .size = sizeof(bytes), .family = family};
	struct ipvs_answer again;
	size_t offset = 0;

	if (!put_again(&b, a))
		return;
	must(ipvs_get_answer(bytes, b.len, family, &offset, &again) == 1);
	must(again.kind == a->kind && offset == b.len);
	if (a->kind == IPVS_ANSWER_SERVICE)
		same_service(&a->service, &again.service);
	else if (a->kind == IPVS_ANSWER_DEST)
		same_dest(&a->dest, &again.dest);
	else
		same_sync(&a->sync, &again.sync);
}

/* IPVS's number is given when it is loaded, above those that netlink has for itself. */
static uint16_t family_of(const uint8_t *bytes, size_t len)
{
	struct nlmsghdr first = {0};

	memcpy(&first, bytes, len < sizeof(first) ? len : sizeof(first));
	return first.nlmsg_type > NLMSG_MIN_TYPE ? first.nlmsg_type : NLMSG_MIN_TYPE + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t *buf = malloc(len ? len : 1); /* aligned, and of the exact size */
	uint16_t family = family_of(bytes, len);
	struct ipvs_answer answer;
	size_t offset = 0, before = 0;
	int r;

	must(buf != NULL);
	memcpy(buf, bytes, len);
	while ((r = ipvs_get_answer(buf, len, family, &offset, &answer)) != 0) {
		must(offset > before && offset <= len);
		before = offset;
		if (r > 0)
			check_again(&answer, family);
	}
	must(offset == len);
	free(buf);
	return 0;
}
