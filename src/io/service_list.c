/* TCP  C0000264:0050 rr                       (IPv6: [2001:0db8:...]:0050; FWM 00000007 rr)
 *   -> C000020B:0050      Route   1      12         3 */
#include "io/service_list.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 512

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

/* Their numbers are the kernel's IP_VS_CONN_F_ ones. */
static bool find_method(const char *name, uint8_t *ret)
{
	static const char *const names[] = {"Masq", "Local", "Tunnel", "Route", "Bypass"};

	for (uint8_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		*ret = i;
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
	char endpoint[64], method[16];

	ret->is_server = true;
	return sscanf(line, " -> %63s %15s %*d %u %u", endpoint, method, &ret->active,
		       &ret->inactive) == 4 &&
	       parse_endpoint(endpoint, ret) && find_method(method, &ret->method);
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

struct service_list {
	FILE *file;
};

int service_list_open(const char *path, struct service_list **ret)
{
	struct service_list *list = calloc(1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	list->file = fopen(path, "re");
	if (!list->file) {
		int r = -errno;

		free(list);
		return r;
	}
	*ret = list;
	return 0;
}

void service_list_close(struct service_list *list)
{
	if (!list)
		return;
	(void)fclose(list->file);
	free(list);
}

int service_list_read(
	struct service_list *list, unsigned max, service_list_handler handler, void *userdata)
{
	char text[LINE_MAX_LEN];
	struct service_line line;

	for (unsigned i = 0; i < max; i++) {
		if (!fgets(text, sizeof(text), list->file))
			return ferror(list->file) ? -EIO : 0;
		if (service_line_parse(text, &line))
			handler(&line, userdata);
	}
	return 1;
}
