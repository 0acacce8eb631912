/* Any bytes as a signed advert, IPv4 and IPv6: the check must not read beyond them, must leave its
 * marks alone when it refuses, and must never hear the same bytes twice. The first byte chooses the
 * family and the mode; a good signature is put on when the second one is odd, since no fuzzer finds
 * one. */
#include "core/vrrp_auth.h"

#include <stdlib.h>
#include <string.h>

#define UNIX_US (UINT64_C(0x68000000) * 1000000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void prepare(struct vrrp_auth_config *config, uint8_t choice)
{
	static const uint8_t key[VRRP_AUTH_KEY_MIN] = {1, 2, 3};

	static struct vrrp_auth_key keys[] = {{.id = 1}};

	*config = (struct vrrp_auth_config){
		.mode = VRRP_AUTH_ENFORCE + choice % 3,
		.window_s = 5,
		.n_keys = 1,
		.keys = keys,
	};
	hmac_sha256_init(&config->keys[0].hmac, key, sizeof(key));
}

/* Signed by a sender of its own; the checksum is made right again. */
static void sign(const struct vrrp_format *format, const struct vrrp_auth_config *config,
	const struct vrrp_datagram *d, uint8_t *packet, size_t packet_len)
{
	struct vrrp_auth sender = {0};

	vrrp_auth_sign(&sender, config, &d->source, packet, packet_len, vrrp_stamp(UNIX_US));
	vrrp_packet_seal(format, &d->source, &d->destination, packet, d->len);
}

static void check_twice(const struct vrrp_auth_config *config, const struct vrrp_datagram *d,
	size_t packet_len, bool is_good)
{
	static const struct vrrp_peers group;
	static const struct vrrp_auth_mark untouched[VRRP_AUTH_SOURCES];
	struct vrrp_auth_mark marks[VRRP_AUTH_SOURCES] = {0};
	struct vrrp_auth receiver = {.marks = marks, .n_marks = VRRP_AUTH_SOURCES};
	enum vrrp_reject why =
		vrrp_auth_check(&receiver, config, &group, d, packet_len, vrrp_stamp(UNIX_US));

	if (is_good && why != VRRP_OK)
		abort();
	if (why != VRRP_OK || d->len == packet_len) {
		if (memcmp(marks, untouched, sizeof(marks)) != 0 || receiver.uses)
			abort();
		return;
	}
	if (vrrp_auth_check(&receiver, config, &group, d, packet_len, vrrp_stamp(UNIX_US)) !=
		VRRP_REJECT_REPLAY)
		abort();
}

/* As long as its count of addresses says, and signed. */
static bool is_whole(const struct vrrp_datagram *d)
{
	return d->len >= VRRP_HEADER_LEN &&
	       d->len == VRRP_HEADER_LEN + addr_len(&d->source) * d->bytes[3] + VRRP_TRAILER_LEN;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct vrrp_format formats[] = {
		{AF_INET, .version = 3, .min_ttl = 255, .takes_trailer = true},
		{AF_INET6, .version = 3, .min_ttl = 255, .takes_trailer = true}};
	static const struct addr sources[] = {
		{AF_INET, {10, 0, 0, 1}}, {AF_INET6, {0xfe, 0x80, [15] = 1}}};
	static const struct addr groups[] = {
		{AF_INET, {224, 0, 0, 18}}, {AF_INET6, {0xff, 0x02, [15] = 0x12}}};
	struct vrrp_auth_config config;
	struct vrrp_datagram d;
	struct vrrp_advert advert;
	uint8_t *packet, choice;
	bool is_good;

	if (len < 2 || len > VRRP_PACKET_MAX)
		return 0;
	choice = bytes[0] & 1;
	is_good = bytes[1] & 1;
	prepare(&config, bytes[0] >> 1);
	packet = malloc(len - 2 ? len - 2 : 1); /* so that a read beyond is seen */
	if (!packet)
		return 0;
	memcpy(packet, bytes + 2, len - 2);
	d = (struct vrrp_datagram){sources[choice], groups[choice], VRRP_TTL, packet, len - 2};
	is_good = is_good && is_whole(&d);
	if (is_good)
		vrrp_packet_seal(&formats[choice], &d.source, &d.destination, packet, d.len);
	if (vrrp_packet_parse(&formats[choice], &d, &advert) == VRRP_OK) {
		is_good = is_good && d.len == (size_t)advert.packet_len + VRRP_TRAILER_LEN;
		if (is_good)
			sign(&formats[choice], &config, &d, packet, advert.packet_len);
		check_twice(&config, &d, advert.packet_len, is_good);
	}
	free(packet);
	return 0;
}
