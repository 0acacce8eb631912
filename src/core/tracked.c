/* Entries of one message may be of both families; each says its own. */
#include "core/tracked.h"

#include "base/byteorder.h"

#include <netinet/in.h>
#include <string.h>

#define VERSION 2

/* Offsets in the header. */
enum {
	AT_KIND = 1,
	AT_NUMBER = 2,
	AT_PIECE = 4,
	AT_PROCESS = 8,
	AT_ORDER = 16,
};

/* Offsets in an entry. Four ports, then four addresses: client, service, server, local. */
enum {
	AT_FLAGS = 0,
	AT_PROTOCOL = 1,
	AT_TCP_STATE = 2,
	AT_RESERVED = 3,
	AT_TIMEOUT = 4,
	AT_MARK = 8,
	AT_PORTS = 12,
	AT_ADDRS = 20,
};
#define FLAG_IPV6 1u
#define FLAG_ASSURED 2u
#define FLAG_GONE 4u

static size_t entry_len(unsigned flags)
{
	return flags & FLAG_IPV6 ? TRACKED_V6_LEN : TRACKED_V4_LEN;
}

static bool is_sensible(uint8_t protocol, uint8_t tcp_state)
{
	if (protocol == IPPROTO_TCP)
		return tcp_state < TRACKED_TCP_STATES;
	return (protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP) && tcp_state == 0;
}

static bool is_of_one_family(const struct tracked *e)
{
	uint16_t family = e->client.family;

	return addr_len(&e->client) > 0 && e->service.family == family &&
	       e->server.family == family && e->local.family == family;
}

bool tracked_is_entry(const struct tracked *e)
{
	return is_of_one_family(e) && is_sensible(e->protocol, e->tcp_state);
}

void tracked_writer_begin(struct tracked_writer *w, void *buffer, size_t size)
{
	*w = (struct tracked_writer){.buffer = buffer, .size = size, .len = TRACKED_HEADER_LEN};
}

static void put_entry(uint8_t *at, unsigned flags, const struct tracked *e)
{
	const struct addr *addrs[] = {&e->client, &e->service, &e->server, &e->local};
	const uint16_t ports[] = {e->client_port, e->service_port, e->server_port, e->local_port};
	size_t n = addr_len(&e->client);

	at[AT_FLAGS] = (uint8_t)flags;
	at[AT_PROTOCOL] = e->protocol;
	at[AT_TCP_STATE] = e->tcp_state;
	at[AT_RESERVED] = 0;
	be32_put(at + AT_TIMEOUT, e->timeout_s);
	be32_put(at + AT_MARK, e->mark);
	for (size_t i = 0; i < 4; i++) {
		be16_put(at + AT_PORTS + 2 * i, ports[i]);
		memcpy(at + AT_ADDRS + n * i, addrs[i]->bytes, n);
	}
}

bool tracked_writer_add(struct tracked_writer *w, const struct tracked *e)
{
	unsigned flags = (e->client.family == AF_INET6 ? FLAG_IPV6 : 0) |
			 (e->assured ? FLAG_ASSURED : 0) | (e->gone ? FLAG_GONE : 0);

	if (w->n == TRACKED_MAX || w->size - w->len < entry_len(flags) || !tracked_is_entry(e))
		return false;
	put_entry(w->buffer + w->len, flags, e);
	w->len += entry_len(flags);
	w->n++;
	return true;
}

size_t tracked_writer_end(struct tracked_writer *w, const struct tracked_header *header)
{
	if ((w->n == 0) != (header->kind == TRACKED_ACK))
		return 0;
	w->buffer[0] = VERSION;
	w->buffer[AT_KIND] = (uint8_t)header->kind;
	be16_put(w->buffer + AT_NUMBER, (uint16_t)w->n);
	be32_put(w->buffer + AT_PIECE, header->piece);
	be64_put(w->buffer + AT_PROCESS, header->process);
	be64_put(w->buffer + AT_ORDER, header->order);
	return w->len;
}

static bool read_header(const uint8_t *in, struct tracked_header *ret, unsigned *ret_n)
{
	struct tracked_header h = {
		.piece = be32_get(in + AT_PIECE),
		.process = be64_get(in + AT_PROCESS),
		.order = be64_get(in + AT_ORDER),
	};
	unsigned n = be16_get(in + AT_NUMBER);

	if (in[0] != VERSION || in[AT_KIND] > TRACKED_ACK || n > TRACKED_MAX)
		return false;
	h.kind = (enum tracked_kind)in[AT_KIND];
	if ((h.kind == TRACKED_ACK) != (n == 0) || (h.kind == TRACKED_LIVE) != (h.piece == 0))
		return false;
	*ret = h;
	*ret_n = n;
	return true;
}

/* All of it is looked at before any of it is used. */
bool tracked_reader_open(struct tracked_reader *r, const void *message, size_t len)
{
	const uint8_t *in = message, *at = in + TRACKED_HEADER_LEN;
	size_t left = len - TRACKED_HEADER_LEN;
	struct tracked_header header;
	unsigned n;

	if (len < TRACKED_HEADER_LEN || !read_header(in, &header, &n))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (left < TRACKED_V4_LEN || left < entry_len(at[AT_FLAGS]) ||
			(at[AT_FLAGS] & ~(FLAG_IPV6 | FLAG_ASSURED | FLAG_GONE)) != 0 ||
			at[AT_RESERVED] != 0 || !is_sensible(at[AT_PROTOCOL], at[AT_TCP_STATE]))
			return false;
		left -= entry_len(at[AT_FLAGS]);
		at += entry_len(at[AT_FLAGS]);
	}
	if (left != 0)
		return false;
	*r = (struct tracked_reader){.header = header, .at = in + TRACKED_HEADER_LEN, .left = n};
	return true;
}

static struct addr get_addr(const uint8_t *at, size_t i)
{
	struct addr a = {.family = at[AT_FLAGS] & FLAG_IPV6 ? AF_INET6 : AF_INET};

	memcpy(a.bytes, at + AT_ADDRS + addr_len(&a) * i, addr_len(&a));
	return a;
}

bool tracked_reader_next(struct tracked_reader *r, struct tracked *ret)
{
	const uint8_t *at = r->at, *ports = at + AT_PORTS;

	if (r->left == 0)
		return false;
	*ret = (struct tracked){.protocol = at[AT_PROTOCOL],
		.tcp_state = at[AT_TCP_STATE],
		.assured = (at[AT_FLAGS] & FLAG_ASSURED) != 0,
		.gone = (at[AT_FLAGS] & FLAG_GONE) != 0,
		.timeout_s = be32_get(at + AT_TIMEOUT),
		.mark = be32_get(at + AT_MARK),
		.client = get_addr(at, 0),
		.service = get_addr(at, 1),
		.server = get_addr(at, 2),
		.local = get_addr(at, 3),
		.client_port = be16_get(ports),
		.service_port = be16_get(ports + 2),
		.server_port = be16_get(ports + 4),
		.local_port = be16_get(ports + 6)};
	r->at += entry_len(at[AT_FLAGS]);
	r->left--;
	return true;
}
