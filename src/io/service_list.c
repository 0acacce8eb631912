/* TCP  C0000264:0050 rr                       (IPv6: [2001:0db8:...]:0050; FWM 00000007 rr)
 *   -> C000020B:0050      Route   1      12         3 */
#include "io/service_list.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static bool find_protocol(const char *name, uint8_t *ret)
{
	static const struct {
		const char *name;
		uint8_t number;
	} protocols[] = {{"TCP", IPPROTO_TCP}, {"UDP", IPPROTO_UDP}, {"SCTP", IPPROTO_SCTP}};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(protocols[i].name, name) != 0)
			continue;
		*ret = protocols[i].number;
		return true;
	}
	return false;
}

static bool parse_endpoint(const char *text, struct service_line *ret)
{
	char v6[40];
	uint32_t v4;
	unsigned port;
	int end = -1;

	if (*text == '[') {
		if (sscanf(text, "[%39[0-9A-Fa-f:.]]:%4x%n", v6, &port, &end) != 2 ||
			!addr_parse(v6, &ret->address))
			return false;
	} else {
		if (sscanf(text, "%8x:%4x%n", &v4, &port, &end) != 2)
			return false;
		ret->address = addr_v4((struct in_addr){htonl(v4)});
	}
	ret->port = (uint16_t)port;
	return end >= 0 && text[end] == '\0';
}

static bool parse_server(const char *line, struct service_line *ret)
{
	char endpoint[64];

	ret->is_server = true;
	return sscanf(line, " -> %63s %*s %*d %u %u", endpoint, &ret->active, &ret->inactive) ==
		       3 &&
	       parse_endpoint(endpoint, ret);
}

bool service_line_parse(const char *line, struct service_line *ret)
{
	char protocol[8], endpoint[64];

	*ret = (struct service_line){0};
	if (strncmp(line, "  ->", 4) == 0)
		return parse_server(line, ret);
	if (sscanf(line, "%7s %63s", protocol, endpoint) != 2)
		return false;
	if (strcmp(protocol, "FWM") == 0)
		return sscanf(endpoint, "%8x", &ret->mark) == 1;
	return find_protocol(protocol, &ret->protocol) && parse_endpoint(endpoint, ret);
}

struct reading {
	service_list_handler handler;
	void *userdata;
};

static bool take_line(const char *text, void *userdata)
{
	const struct reading *reading = userdata;
	struct service_line line;

	if (!service_line_parse(text, &line))
		return false;
	reading->handler(&line, reading->userdata);
	return true;
}

int service_list_read(
	struct proc_lines *lines, unsigned max, service_list_handler handler, void *userdata)
{
	struct reading reading = {handler, userdata};

	return proc_lines_read(lines, max, take_line, &reading);
}
