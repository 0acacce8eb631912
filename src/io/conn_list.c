/* Pro FromIP FPrt ToIP TPrt DestIP DPrt State Expires [PEName PEData], numbers in hexadecimal but
 * for the last, IPv4 addresses as one number, IPv6 ones in full. */
#include "io/conn_list.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PE_NAME_MAX 16u
#define PE_DATA_MAX 255u
#define OPTION_PE_DATA 2
#define OPTION_PE_NAME 3

static const char *const tcp_states[] = {"NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT",
	"TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "SYNACK", NULL};
static const char *const udp_states[] = {"UDP", NULL};
static const char *const sctp_states[] = {"NONE", "INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT",
	"COOKIE", "C-ECHOED", "ESTABLISHED", "S-SENT", "S-RECEIVED", "S-ACK-SENT", "REJECTED",
	"CLOSED", NULL};
static const char *const other_states[] = {"NONE", NULL};
static const char *const template_states[] = {"NONE", "ASSURED", NULL};

/* IP: the templates of a firewall mark, which stands in the place of the address. */
static const struct protocol {
	const char *name;
	uint8_t number;
	const char *const *states;
} protocols[] = {
	{"TCP", IPPROTO_TCP, tcp_states},
	{"UDP", IPPROTO_UDP, udp_states},
	{"SCTP", IPPROTO_SCTP, sctp_states},
	{"AH", IPPROTO_AH, other_states},
	{"ESP", IPPROTO_ESP, other_states},
	{"IP", 0, template_states},
};

static const struct protocol *find_protocol(const char *name)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(protocols[i].name, name) == 0)
			return &protocols[i];
	return NULL;
}

static bool find_state(const char *const *states, const char *name, uint16_t *ret)
{
	for (uint16_t i = 0; states[i]; i++) {
		if (strcmp(states[i], name) != 0)
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static bool parse_number(const char *text, int base, unsigned long max, unsigned long *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, base);

	if (*text == '\0' || *text == '-' || *end != '\0' || value > max)
		return false;
	*ret = value;
	return true;
}

static bool parse_port(const char *text, uint16_t *ret)
{
	unsigned long value;

	if (!parse_number(text, 16, UINT16_MAX, &value))
		return false;
	*ret = (uint16_t)value;
	return true;
}

static bool parse_address(const char *text, struct addr *ret)
{
	unsigned long value;

	if (strchr(text, ':'))
		return addr_parse(text, ret);
	if (strlen(text) != 8 || !parse_number(text, 16, UINT32_MAX, &value))
		return false;
	*ret = addr_v4((struct in_addr){htonl((uint32_t)value)});
	return true;
}

static bool parse_state(
	const struct protocol *protocol, const char *name, uint32_t left_s, struct sync_record *ret)
{
	bool is_template =
		protocol->number == 0 ||
		(ret->client_port == 0 && find_state(template_states, name, &ret->state));

	if (!find_state(is_template ? template_states : protocol->states, name, &ret->state))
		return false;
	ret->flags = SYNC_FLAG_INACTIVE;
	if (is_template)
		ret->flags |= SYNC_FLAG_TEMPLATE;
	else if (strcmp(name, "ESTABLISHED") == 0 || strncmp(name, "SYN_", 4) == 0)
		ret->flags = 0;
	/* A template's timer is started again from it; a connection's from what its state has. */
	ret->timeout_s = is_template ? left_s : 0;
	return true;
}

/* Data first: that is how the kernel writes them. */
static bool put_engine(const char *name, const char *data, struct conn_line *ret)
{
	size_t name_len = strlen(name), data_len = strcspn(data, "\n");
	uint8_t *to = ret->options;

	if (name_len == 0)
		return true;
	if (name_len > PE_NAME_MAX || data_len == 0 || data_len > PE_DATA_MAX)
		return false;
	*to++ = OPTION_PE_DATA;
	*to++ = (uint8_t)data_len;
	memcpy(to, data, data_len);
	to += data_len;
	*to++ = OPTION_PE_NAME;
	*to++ = (uint8_t)name_len;
	memcpy(to, name, name_len);
	ret->record.options = ret->options;
	ret->record.options_len = 4 + data_len + name_len;
	return true;
}

/* The words of a line, as text. */
struct words {
	char protocol[8], client[40], client_port[8], service[40], service_port[8], server[40],
		server_port[8], state[16], left[16], engine[24];
	int rest; /* where the engine's data begins */
};

static bool parse_tuple(const struct words *w, struct sync_record *ret)
{
	return parse_address(w->client, &ret->client) && parse_address(w->service, &ret->service) &&
	       parse_address(w->server, &ret->server) &&
	       ret->client.family == ret->service.family &&
	       ret->client.family == ret->server.family &&
	       parse_port(w->client_port, &ret->client_port) &&
	       parse_port(w->service_port, &ret->service_port) &&
	       parse_port(w->server_port, &ret->server_port);
}

bool conn_line_parse(const char *line, struct conn_line *ret)
{
	const struct protocol *protocol;
	struct words w = {.rest = -1};
	unsigned long left_s;
	int n = sscanf(line, "%7s %39s %7s %39s %7s %39s %7s %15s %15s %23s %n", w.protocol,
		w.client, w.client_port, w.service, w.service_port, w.server, w.server_port,
		w.state, w.left, w.engine, &w.rest);

	*ret = (struct conn_line){0};
	protocol = n >= 9 ? find_protocol(w.protocol) : NULL;
	if (!protocol || !parse_tuple(&w, &ret->record) ||
		!parse_number(w.left, 10, UINT32_MAX, &left_s))
		return false;
	ret->record.protocol = protocol->number;
	ret->left_s = (uint32_t)left_s;
	return parse_state(protocol, w.state, ret->left_s, &ret->record) &&
	       put_engine(w.engine, n == 10 && w.rest > 0 ? line + w.rest : "", ret);
}

struct reading {
	conn_list_handler handler;
	void *userdata;
};

static bool take_line(const char *text, void *userdata)
{
	const struct reading *reading = userdata;
	struct conn_line line;

	if (!conn_line_parse(text, &line))
		return false;
	reading->handler(&line, reading->userdata);
	return true;
}

int conn_list_read(
	struct proc_lines *lines, unsigned max, conn_list_handler handler, void *userdata)
{
	struct reading reading = {handler, userdata};

	return proc_lines_read(lines, max, take_line, &reading);
}
