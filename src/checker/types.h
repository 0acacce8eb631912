/* Where the types of checks are. */
#pragma once

#include "checker/probe.h"

extern const struct probe_type arp_probe_type;
extern const struct probe_type dns_probe_type;
extern const struct probe_type grpc_probe_type;
extern const struct probe_type http_probe_type;
extern const struct probe_type https_probe_type;
extern const struct probe_type ping_probe_type;
extern const struct probe_type smtp_probe_type;
extern const struct probe_type agent_probe_type;
extern const struct probe_type exec_probe_type;
extern const struct probe_type file_probe_type;
extern const struct probe_type tcp_probe_type;
extern const struct probe_type tls_probe_type;
extern const struct probe_type udp_probe_type;
