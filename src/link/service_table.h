/* The kernel's services and their servers, as it lists them: which of them a connection belongs to.
 * Filled line by line, then sorted, then asked. */
#pragma once

#include "core/table_watch.h"
#include "io/service_list.h"

#include <stddef.h>

struct sync_record;

/* By protocol, address and port, or by mark with protocol 0. */
struct kernel_service {
	uint8_t protocol;
	struct addr address; /* of one by mark the family, when it has servers */
	uint16_t port;
	uint32_t mark;
	uint32_t number;           /* in the order in which they were listed */
	uint64_t active, inactive; /* connections of all its servers */
	struct table_count count;  /* the caller's */
};

struct kernel_server {
	uint32_t service; /* its number */
	uint32_t mark;    /* of the service, 0: it has an address */
	struct addr address;
	uint16_t port; /* 0: any */
};

/* Zero-initialise. */
struct service_table {
	struct kernel_service *services;
	struct kernel_server *servers; /* by service */
	struct kernel_server *marked;  /* those of services by mark, by address */
	size_t n_services, n_servers, n_marked;
	size_t room_services, room_servers, room_marked;
	bool incomplete; /* memory is out, or there are too many: nothing can be told by it */
};

void service_table_clear(struct service_table *t); /* keeps the memory */
void service_table_done(struct service_table *t);
void service_table_add(struct service_table *t, const struct service_line *line);
void service_table_sort(struct service_table *t);

/* The service that the kernel would take for the record: by its mark, by address and port, by
 * address alone. NULL: there is none. */
struct kernel_service *service_table_find(struct service_table *t, const struct sync_record *r);
/* Whether the record's server is one of the service's. */
bool service_table_has_server(
	const struct service_table *t, const struct kernel_service *s, const struct sync_record *r);
/* The mark of a record that names none: of the only service by mark that has its server, if no
 * service by address is there for it. 0: none, or it cannot be told. */
uint32_t service_table_mark(struct service_table *t, const struct sync_record *r);
