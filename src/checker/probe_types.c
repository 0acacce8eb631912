/* The types of checks, a line for each. */
#include "checker/probe.h"
#include "checker/types.h"

const struct probe_type *const probe_types[] = {
	&arp_probe_type,
	&dns_probe_type,
	&grpc_probe_type,
	&http_probe_type,
	&https_probe_type,
	&ping_probe_type,
	&smtp_probe_type,
	&agent_probe_type,
	&exec_probe_type,
	&file_probe_type,
	&tcp_probe_type,
	&tls_probe_type,
	&udp_probe_type,
};
const size_t n_probe_types = sizeof(probe_types) / sizeof(probe_types[0]);
